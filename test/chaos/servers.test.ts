import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Interference } from '../adapters/slack/workspace.ts';
import { random } from '../support/random.ts';
import { noRedis } from '../support/redis.ts';
import { type Box, openBox } from './box.ts';
import { checkBox, checkLife } from './check-life.ts';
import { beginLife, type Life, lives, runIn, type Sent } from './life.ts';
import { openTown, type Town } from './town.ts';
import { type Takeover, viewOf, watchLife } from './watch-life.ts';

/**
 * What stands under Signalbox dies: SIGKILL for PostgreSQL and Redis at each stage of a run and at any moment between, `FLUSHALL`,
 * Slack calls that are done and never answered; and a worker that is halted for longer than its claims hold.
 *
 * SIGNALBOX_CHAOS=long takes thirty random moments in place of three.
 */
const randomMoments = process.env.SIGNALBOX_CHAOS === 'long' ? 30 : 3;
/** What is promised. */
const takeoverMs = 15_000;

/** Moments in the life of a run, as a test can wait for them from the outside. */
const stages = {
  'as the commands come in': async () => {},
  'when they are acknowledged': async (_: Life, sent: Promise<Sent>) => void (await sent),
  'when a run starts': async (life: Life, sent: Promise<Sent>) =>
    void (await runIn(life, await sent, ['starting', 'running'])),
  'when it works': async (life: Life, sent: Promise<Sent>) =>
    void (await runIn(life, await sent, ['running'])),
  'when it has ended': async (life: Life, sent: Promise<Sent>) =>
    void (await runIn(life, await sent, ['succeeded'])),
} as const satisfies Record<string, (life: Life, sent: Promise<Sent>) => Promise<void>>;

describe('whatever dies under it, nothing is lost', async () => {
  let town: Town;
  let box: Box;
  const took: Takeover[] = [];

  before(async () => {
    town = await openTown();
    box = await openBox(town, 1, ['web', 'worker', 'worker', 'agent']);
  });

  after(async () => {
    await checkBox(box);
    await box.close();
    await town.close();
    took.sort((a, b) => b.ms - a.ms);
    for (const { step, ms } of took.slice(0, 5)) console.log(`work went on after ${ms} ms: ${step}`);
  });

  /** Four runs at once, one of them cancelled; `strike` comes while the first is at that stage. */
  async function struck(
    name: string,
    stage: (life: Life, sent: Promise<Sent>) => Promise<void>,
    strike: () => Promise<void> | void,
  ): Promise<void> {
    const first = await beginLife(town, box, 'first');
    const others = await Promise.all(
      (['quick', 'quick', 'cancelled'] as const).map(async kind => ({
        kind,
        life: await beginLife(town, box, kind),
      })),
    );
    const sent = first.say('/train quick');
    const said = others.map(({ life, kind }) => watchLife(life, lives[kind]));
    // A failure of theirs is heard below.
    for (const one of said) one.catch(() => {});
    await stage(first, sent);
    const seen = await viewOf(first).catch(() => null);
    const at = Date.now();
    await strike();
    await changed(first, seen);
    took.push({ step: name, ms: Date.now() - at });
    await watchLife(first, async () => void (await sent));
    await Promise.all(said);
    for (const life of [first, ...others.map(other => other.life)]) await checkLife(life);
    const ms = took.at(-1)?.ms ?? 0;
    assert.ok(ms < takeoverMs, `${ms} ms until work went on`);
  }

  /** Something happened to a life since, or there is nothing left to happen. */
  async function changed(life: Life, seen: unknown): Promise<void> {
    for (let tries = 0; tries < 400; tries += 1) {
      const view = await viewOf(life).catch(() => null);
      if (view && (JSON.stringify(view) !== JSON.stringify(seen) || view.open === null)) return;
      await pause(50);
    }
  }

  describe('PostgreSQL', () => {
    for (const [name, stage] of Object.entries(stages))
      test(`is killed ${name}`, () => struck(`PostgreSQL killed ${name}`, stage, () => town.killPostgres()));

    test(`is killed again and again at random moments`, async () => {
      const chance = random(20_260_101);
      await struck('PostgreSQL killed at random', stages['as the commands come in'], async () => {
        for (let left = randomMoments; left > 0; left -= 1) {
          await pause(chance.int(0, 1_500));
          town.killPostgres();
        }
      });
    });

    test('is killed together with both workers, web and agent', () =>
      struck('everything killed', stages['when it works'], () => {
        town.killPostgres();
        for (const role of ['web', 'worker', 'agent']) box.kill(role);
      }));
  });

  describe('Redis', { skip: noRedis }, () => {
    for (const [name, stage] of Object.entries(stages))
      test(`forgets everything ${name}`, () =>
        struck(`FLUSHALL ${name}`, stage, async () => void (await town.redis?.flush())));

    for (const name of ['when they are acknowledged', 'when it works'] as const)
      test(`is killed ${name}, and starts again`, () =>
        struck(`Redis killed ${name}`, stages[name], async () => {
          await town.redis?.kill();
          await town.redis?.start();
        }));

    test('is away for all of a life, also when the workers start', async () => {
      await town.redis?.kill();
      box.kill('worker');
      await struck('Redis away', stages['as the commands come in'], () => {});
      await town.redis?.start();
    });
  });

  describe('Slack', { concurrency: true }, () => {
    const once = (method: string, how: Interference) => {
      let left = 1;
      return (called: string) => (called === method && left-- > 0 ? how : undefined);
    };
    const faults: { name: string; how: (method: string) => Interference | undefined }[] = [
      { name: 'posts and the answer is lost', how: once('chat.postMessage', { kind: 'lose-answer' }) },
      { name: 'posts and never answers', how: once('chat.postMessage', { kind: 'keep-silent' }) },
      { name: 'edits and the answer is lost', how: once('chat.update', { kind: 'lose-answer' }) },
      { name: 'whispers and the answer is lost', how: once('chat.postEphemeral', { kind: 'lose-answer' }) },
      { name: 'cannot be reached', how: once('chat.postMessage', { kind: 'cut' }) },
      {
        name: 'asks to wait',
        how: once('chat.postMessage', { kind: 'answer', status: 429, headers: { 'retry-after': '1' } }),
      },
      { name: 'has trouble of its own', how: once('chat.update', { kind: 'answer', status: 503 }) },
      { name: 'posts in the thread and the answer is lost', how: lostInThread() },
    ];
    for (const { name, how } of faults)
      test(name, async () => {
        const life = await beginLife(town, box, 'slack');
        town.disturb(life.channel, how);
        await watchLife(life, lives.quick);
        town.disturb(life.channel, null);
        await checkLife(life);
      });
  });

  describe('a worker is halted until another has done its work, and goes on', () => {
    for (const step of [
      'worker surfaces.posting run after',
      'worker messenger.send edit before',
      'worker messenger.send edit after',
      'worker messenger.send thread after',
      'worker deliveries.claim after',
      'worker dispatch after',
      'worker deliveries.done before',
      'worker plan.snapshot after',
      'worker plan.commit before',
    ])
      test(step, async () => {
        const life = await beginLife(town, box, 'halted');
        took.push(...(await watchLife(life, lives.quick, [{ step, nth: 1, signal: 'SIGSTOP' }])));
        await checkLife(life);
      });
  });
});

/** The second post of a life is the one in the thread. */
function lostInThread(): (method: string) => Interference | undefined {
  let posts = 0;
  return method => {
    if (method !== 'chat.postMessage') return undefined;
    posts += 1;
    return posts === 2 ? { kind: 'lose-answer' } : undefined;
  };
}
