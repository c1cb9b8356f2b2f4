import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createGitSource } from '../../../src/adapters/git/source.ts';
import { githubApp } from '../../../src/adapters/github/app.ts';
import { GitHubError } from '../../../src/adapters/github/errors.ts';
import { startGitHub } from '../../fakes/github/fake.ts';
import { secret } from '../../fakes/github/fixture.ts';
import { recordingLog } from '../slack/support.ts';

const tokens = 'POST /app/installations/{installation_id}/access_tokens';
const minute = 60_000;

async function setUp(t: TestContext) {
  const github = await startGitHub({ secret });
  t.after(() => github.close());
  const repo = await github.repo('octo-org/digits', { files: { 'train.py': 'pass' } });
  const { log } = recordingLog();
  let passedMs = 0;
  const clock = () => new Date(Date.now() + passedMs);
  const app = githubApp({
    ...{ appId: String(github.app.id), privateKey: github.app.privateKey, apiUrl: github.apiUrl },
    ...{ log, timeoutMs: 1_000, clock },
  });
  const cacheDir = await mkdtemp(join(tmpdir(), 'signalbox-app-'));
  t.after(() => rm(cacheDir, { recursive: true, force: true }));
  const repository = { id: repo.id, installation: repo.installation };
  const source = createGitSource({
    ...{ cacheDir, log },
    github: async () => ({
      key: `github:${repo.id}`,
      async open({ recent = false } = {}) {
        const { token, name } = await (recent ? app.recentCodeToken(repository) : app.codeToken(repository));
        return { url: `${github.url}/${name}.git`, token };
      },
    }),
  });
  return {
    ...{ github, repo, app, repository, source },
    asked: () => github.count(tokens),
    pass: (ms: number) => {
      passedMs += ms;
    },
    push: (line: string) => repo.push({ by: 'hubot', files: { 'train.py': line } }),
  };
}

describe('what reads the code of a repository', () => {
  test('one answer serves for some minutes, also to those who ask at once', async t => {
    const { app, repository, asked, pass } = await setUp(t);
    const all = await Promise.all([1, 2, 3].map(() => app.recentCodeToken(repository)));
    assert.equal(asked(), 1);
    assert.equal(new Set(all.map(one => one.token)).size, 1);
    pass(4 * minute);
    await app.recentCodeToken(repository);
    assert.equal(asked(), 1);
    pass(1 * minute);
    await app.recentCodeToken(repository);
    assert.equal(asked(), 2);
  });

  test('another repository has its own', async t => {
    const { github, app, repository, asked } = await setUp(t);
    const other = await github.repo('octo-org/letters');
    const names = await Promise.all(
      [repository, { id: other.id, installation: other.installation }].map(one => app.recentCodeToken(one)),
    );
    assert.deepEqual(
      names.map(one => one.name),
      ['octo-org/digits', 'octo-org/letters'],
    );
    assert.equal(asked(), 2);
  });

  test('whoever must know it now is told anew, and what was heard then serves from then on', async t => {
    const { repo, app, repository, asked } = await setUp(t);
    assert.equal((await app.recentCodeToken(repository)).name, 'octo-org/digits');
    await repo.rename('hubot', 'numbers');
    assert.equal((await app.recentCodeToken(repository)).name, 'octo-org/digits');
    assert.equal((await app.codeToken(repository)).name, 'octo-org/numbers');
    assert.equal((await app.recentCodeToken(repository)).name, 'octo-org/numbers');
    assert.equal(asked(), 2);
  });

  test('an error is not kept', async t => {
    const { github, app, repository } = await setUp(t);
    github.limits.set({ primary: 0 });
    await assert.rejects(app.recentCodeToken(repository), GitHubError);
    github.limits.set();
    assert.equal((await app.recentCodeToken(repository)).name, 'octo-org/digits');
  });
});

describe('reading a repository again and again', () => {
  test('asks for one token', async t => {
    const { source, push, asked } = await setUp(t);
    const shas = [await push('one'), await push('two'), await push('three')];
    for (const sha of shas)
      assert.deepEqual(await source.pin('github:octo-org/digits', sha), { ok: true, sha });
    assert.equal(asked(), 1);
  });

  test('one that is renamed between is read under its new name, though its old one is taken', async t => {
    const { github, repo, source, push } = await setUp(t);
    await source.pin('github:octo-org/digits', await push('one'));
    await repo.rename('hubot', 'numbers');
    await github.repo('octo-org/digits', { files: { 'train.py': 'of somebody else' } });
    const sha = await push('two');
    assert.deepEqual(await source.pin('github:octo-org/digits', sha), { ok: true, sha });
  });

  test('a commit that is nowhere is unknown', async t => {
    const { source } = await setUp(t);
    const pinned = await source.pin('github:octo-org/digits', 'f'.repeat(40));
    assert.deepEqual(pinned, { ok: false, code: 'unknown', refs: [] });
  });

  test('that GitHub asks to wait is said, with what says for how long', async t => {
    const { github, source, push } = await setUp(t);
    const sha = await push('one');
    github.limits.set({ primary: 0 });
    const pinned = await source.pin('github:octo-org/digits', sha);
    assert.ok(!pinned.ok && pinned.code === 'unavailable');
    assert.equal(pinned.reason, 'GitHub asks to wait.');
    assert.ok(pinned.cause instanceof Error && pinned.cause.cause instanceof GitHubError);
    assert.ok(pinned.cause.cause.afterMs > minute);
  });
});
