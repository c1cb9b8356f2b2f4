import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { linkStore } from '../../src/adapters/postgres/links.ts';
import { promote } from '../../src/app/promote.ts';
import { lookAt } from '../../src/app/promotion-evidence.ts';
import { type Actor, type Place, system } from '../../src/core/actor.ts';
import type { MetricSummary } from '../../src/core/ports.ts';
import { modelsSchema } from '../../src/core/promotion/model-keys.ts';
import type { Promotion } from '../../src/core/promotion/promotion.ts';
import { channel, developer, operator, team } from '../fakes/slack/fixture.ts';
import type { TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { summaryOf } from '../support/summary.ts';
import { openTown } from './town.ts';

export const slack = (user: string, name: string): Actor => ({ kind: 'slack', id: `${team}/${user}`, name });
/** They trained all versions, ask for things, and approve. */
export const octocat = slack('U000000011', 'octocat');
export const dev = slack(developer, 'developer');
export const op = slack(operator, 'operator');
export const third = slack('U000000012', 'hubot');

export const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
export const minute = 60_000;

const usual = {
  project: 'digits',
  output: 'model.json',
  environments: {
    staging: { target: 'digits-staging', approvals: { count: 0 } },
    production: {
      target: 'digits-live',
      gates: ['val_accuracy >= production.val_accuracy - 0.005', 'age < 14d'],
      approvals: { count: 1, from: 'approver' },
      expires: '24h',
      remind: '4h',
      escalate: { after: '8h', to: 'operator' },
    },
  },
};

/** A workspace with a model that has versions, and everything that becomes of promotions of it. */
export async function openPromotionTown(
  t: TestContext,
  server: TestServer,
  start = new Date(),
  env: Record<string, string> = {},
) {
  const town = await openTown(t, server, env);
  const { said, evidence, database, runs, artifacts } = town;
  const { db } = database;
  const person = (
    who: Actor,
    role: 'viewer' | 'trainer' | 'approver' | 'operator',
    teams: string[] = [],
  ) => ({
    ...{ name: who.name, slack: who.id, role, teams },
  });
  let production: Record<string, unknown> = usual.environments.production;
  /** What is said of production from now on, beside what was. */
  const declare = (change: Record<string, unknown> = {}) => {
    production = { ...production, ...change };
    const environments = { ...usual.environments, production };
    said.policy = { ...said.policy, models: modelsSchema.parse({ digits: { ...usual, environments } }) };
  };
  declare();
  said.policy = {
    ...said.policy,
    people: [
      person(octocat, 'approver'),
      person(dev, 'trainer'),
      person(op, 'approver'),
      person(third, 'approver'),
    ],
  };
  await evidence.models.declare({
    name: 'digits',
    project: 'digits',
    output: 'model.json',
    pullRequests: false,
  });

  let clock = start;
  let keys = 0;
  /** What a rollout was asked to do, in order; by itself it takes each promotion to its end at once. */
  const rolled: number[] = [];
  /** Those whose rollout takes its time. */
  const held = new Set<number>();
  const rollout = {
    reaches: () => true,
    async next({ number, state }: Promotion) {
      if (held.has(number)) return;
      rolled.push(number);
      const change = async (one: Parameters<typeof evidence.promotions.change>[1]) =>
        await evidence.promotions.change(number, one, clock, system);
      if (state === 'approved') await change({ type: 'step', step: 0, reason: 'It is being made ready.' });
      await change({ type: 'live', reason: 'It answers all requests.' });
    },
  };
  const one = {
    ...town,
    rolled,
    held,
    /** Later, for those who show a second factor. */
    later: town.wait,
    promotions: evidence.promotions,
    declare,
    person,
    get now() {
      return clock;
    },
    wait(ms: number) {
      clock = new Date(clock.getTime() + ms);
    },
    /** Makes a version: the next number. */
    async version(
      digit: string,
      metrics: MetricSummary[] = [summaryOf('val_accuracy', 10, 0.93)],
      lr = 0.1,
      place: Place = { kind: 'http' },
    ) {
      const made = await runs.create(
        wish(`run ${digit}`, { requestedBy: octocat, place }, { outputs: ['*.json'], parameters: { lr } }),
      );
      const { number } = made.run;
      await runs.change(number, { type: 'start', actor: system, reason: '' }, clock, system);
      const files = [{ name: 'model.json', sha256: digest(digit), bytes: 10 }];
      const { records } = evidence;
      await records.expect(files);
      await records.stored({ sha256: digest(digit), bytes: 10 });
      await records.keep(number, 1, files);
      const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: clock };
      await runs.change(number, { type: 'exited', attempt: 1, exit }, clock, system);
      artifacts.kept.add(digest(digit));
      const version = await evidence.models.make({
        ...{ model: 'digits', run: number, attempt: 1, project: 'digits', output: 'model.json', bytes: 10 },
        ...{ sha256: digest(digit), source: 'github:octo-org/digits', sha: digit.repeat(40), metrics },
        directions: { val_accuracy: { better: 'higher' as const } },
        ...{ primaryMetric: 'val_accuracy', inputs: {}, signature: null, card: null },
        ...{ trainedBy: octocat, at: clock },
      });
      assert.ok(version.ok);
      return version.version.number;
    },
    /** What somebody says, as if typed. */
    async says(
      actor: Actor,
      words: string,
      place: Partial<Place & { kind: 'slack' }> = {},
      key = `key ${++keys}`,
    ) {
      const user = actor.id.split('/')[1] ?? '';
      const at: Place = { kind: 'slack', team, channel, user, ...place };
      const wish = { kind: 'words' as const, words };
      const result = await town.dispatch({ key, actor, place: at, scopes: ['admin'], wish }, clock);
      return result.ok ? result.reply.title : result.fault.code;
    },
    /** The sentence that somebody is refused with. */
    async refusal(actor: Actor, words: string) {
      const at: Place = { kind: 'slack', team, channel, user: actor.id.split('/')[1] ?? '' };
      const result = await town.dispatch(
        { key: `key ${++keys}`, actor, place: at, scopes: ['admin'], wish: { kind: 'words', words } },
        clock,
      );
      return result.ok ? '' : `${result.fault.why} ${result.fault.todo}`;
    },
    look: (number: number) => lookAt(number, evidence, clock),
    async goOn() {
      const ports = { ...evidence, rollout, freezes: town.freezes, policy: () => said.policy, log: town.log };
      await promote(ports, clock);
    },
    async state(number: number) {
      return (await evidence.promotions.get(number))?.state;
    },
    /** The version serves in an environment, by a promotion of its own. */
    async live(version: number, environment: string) {
      await one.says(third, `model promote digits ${version} --to ${environment}`);
      const promotion = (await evidence.promotions.ofModel('digits', 1))[0];
      assert.ok(promotion);
      if (promotion.state === 'awaiting-approval') await one.says(op, `model approve P${promotion.number}`);
      await one.goOn();
      assert.equal(await one.state(promotion.number), 'live');
      return promotion.number;
    },
    links: linkStore(db),
    async audited(number: number) {
      const rows = await database.pool.query(
        'select action, actor->>$2 as who, details from audit where subject = $1 order by seq',
        [`promotion:${number}`, 'name'],
      );
      return rows.rows;
    },
  };
  return one;
}
