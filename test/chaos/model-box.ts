import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FakeGitHub } from '../fakes/github/fake.ts';
import { type Box, freePort, openBox } from './box.ts';
import { beginLife, runIn } from './life.ts';
import type { Town } from './town.ts';

/** Who may approve, and has trained nothing. */
export const approver = 'U000000002';
const roles = ['web', 'front', 'agent'];
/** Long enough for many deaths, each within its 15 s. */
const patienceMs = 120_000;
const pollMs = 100;

const policy = (repository: string, port: number) => (folder: string) =>
  `
teams: { research: {} }
pools: { local: { slots: 6, accelerators: none } }
projects:
  maker:
    team: research
    github: ${repository}
    command: [sh, model.sh]
    grace: 1s
    outputs: [model.json]
    parameters: { is: { type: choice, default: good, choices: [good, bad] } }
    environment: { STARTS: ${folder}/starts }
targets:
  live: { kind: process, pool: local, command: [node, serve.mjs], port: ${port}, ready: /healthz }
models:
  digits:
    project: maker
    output: model.json
    environments:
      production: { target: live, rollout: { steps: [50, 100], bake: 1s, check: signalbox.errors, holds: '< 1%' } }
people:
  - { slack: T000000001/${approver}, name: An approver, role: approver }
`;

/** A box with a model: versions 1 and 2 are good, 3 is bad, and 1 serves. */
export async function openModelBox(town: Town, number: number, workers: number, github: FakeGitHub) {
  const port = await freePort();
  const files = Object.fromEntries(
    ['model.sh', 'serve.mjs'].map(name => [
      name,
      readFileSync(join(import.meta.dirname, 'project', name), 'utf8'),
    ]),
  );
  // Of its own: each box has promotions of these numbers.
  const repo = await github.repo(`octo-org/digits${number}`, { roles: { octocat: 'write' }, files });
  const box = await openBox(town, number, [...roles, ...Array.from({ length: workers }, () => 'worker')], {
    policy: policy(repo.name, port),
    environment: {
      GITHUB_APP_ID: String(github.app.id),
      GITHUB_PRIVATE_KEY: github.app.privateKey,
      GITHUB_WEBHOOK_SECRET: 'a-secret-of-the-hook',
      GITHUB_API_URL: github.apiUrl,
      GITHUB_URL: github.url,
    },
  });
  const { db } = box.database;

  async function versions(): Promise<void> {
    const life = await beginLife(town, box, 'make');
    for (const [at, kind] of ['good', 'good', 'bad'].entries()) {
      await runIn(life, await life.say(`/train maker -p is=${kind}`), ['succeeded']);
      await until(`version ${at + 1}`, async () => {
        const made = await db.selectFrom('model_versions').select('number').execute();
        return made.length === at + 1;
      });
    }
  }

  /** How the target answers one request: the version that did, and its status; null: nobody did. */
  async function ask(): Promise<{ version: number; status: number } | null> {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    await answer?.text().catch(() => '');
    const version = answer?.headers.get('x-signalbox-version');
    return answer && version ? { version: Number(version), status: answer.status } : null;
  }

  return {
    ...box,
    versions,
    town,
    deployments: () => [...repo.state.deployments.values()],
    ask,
    async close() {
      // What serves outlives a service, and would outlive the test.
      await db.deleteFrom('serving_holds').execute();
      await until('all that serves to end', async () => (await servingRuns(box)).length === 0).finally(
        box.close,
      );
    },
  };
}
export type ModelBox = Awaited<ReturnType<typeof openModelBox>>;

/** Those that have not ended. */
export async function servingRuns({ database: { db } }: Pick<Box, 'database'>) {
  return await db
    .selectFrom('runs')
    .select(['number', 'state', 'spec', 'attempt'])
    .where('kind', '=', 'serve')
    .where('state', 'not in', ['succeeded', 'failed', 'cancelled', 'timed-out'])
    .execute();
}

export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const end = performance.now() + patienceMs; performance.now() < end; await pause(pollMs)) {
    const found = await look();
    if (found) return found;
  }
  return assert.fail(`waited in vain for ${what}`);
}
