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
 * SIGNALBOX_CHAOS=long takes eight random moments in place of three, and halts workers too.
 */
const long = process.env.SIGNALBOX_CHAOS === 'long';
const randomMoments = long ? 8 : 3;
/** What is promised. */
const takeoverMs = 15_000;

/** Moments in the life of a run, as a test can wait for them from the outside. */
const stages = {
  'as the commands come in': async () => {},
  'when they are acknowledged': async (_: Life, sent: Promise<Sent>) => void (await sent),
  'when a run starts': async (life: Life, sent: Promise<Sent>) =>
    void (await runIn(life, await sent, ['starting', 'running', 'succeeded'])),
  'when it works': async (life: Life, sent: Promise<Sent>) =>
    void (await runIn(life, await sent, ['running', 'succeeded'])),
  'when it has ended': async (life: Life, sent: Promise<Sent>) =>
    void (await runIn(life, await sent, ['succeeded'])),
} as const satisfies Record<string, (life: Life, sent: Promise<Sent>) => Promise<void>>;

describe('whatever dies under it, nothing is lost', async () => {
  let town: Town;
  /** The first has its queue in Redis where there is one, the other in PostgreSQL. */
  const boxes: Box[] = [];
  const took: Takeover[] = [];

  before(async () => {
    town = await openTown();
    const roles = ['web', 'worker', 'worker', 'agent'];
    boxes.push(await openBox(town, 1, roles));
    boxes.push(await openBox(town, 2, roles, { queue: 'postgres' }));
  });

  after(async () => {
    took.sort((a, b) => b.ms - a.ms);
    for (const { step, ms } of took.slice(0, 8)) console.log(`work went on after ${ms} ms: ${step}`);
    try {
      for (const box of boxes) await checkBox(box);
    } finally {
      await Promise.all(boxes.map(box => box.close()));
      await town.close();
    }
  });

  function boxWith(queue: 'redis' | 'postgres'): Box {
    const box = boxes[queue === 'redis' ? 0 : 1];
    assert.ok(box);
    return box;
  }

  /** Four runs at once in each box, one of them cancelled; `strike` comes while the first run is at that stage. */
  async function struck(
    name: string,
    struckBoxes: readonly Box[],
    stage: (life: Life, sent: Promise<Sent>) => Promise<void>,
    strike: () => Promise<void> | void,
  ): Promise<void> {
    const kinds = ['quick', 'quick', 'cancelled'] as const;
    const others = struckBoxes.flatMap(box =>
      kinds.map(async kind => {
        const life = await beginLife(town, box, kind);
        await watchLife(life, lives[kind]);
        return life;
      }),
    );
    const firsts = struckBoxes.map(async box => {
      const life = await beginLife(town, box, 'first');
      const sent = life.say('/train quick');
      await stage(life, sent);
      return { life, sent };
    });
    const all = Promise.all([...others, ...firsts.map(async first => await over(await first))]);
    // It is heard below.
    all.catch(() => {});
    const { life } = await Promise.race(firsts);
    const seen = await viewOf(life).catch(() => null);
    await strike();
    const at = Date.now();
    await changed(life, seen);
    const ms = Date.now() - at;
    took.push({ step: name, ms });
    for (const one of await all) await checkLife(one);
    assert.ok(ms < takeoverMs, `${ms} ms until work went on`);
  }

  async function over({ life, sent }: { life: Life; sent: Promise<Sent> }): Promise<Life> {
    await watchLife(life, async () => void (await sent));
    return life;
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
      test(`is killed ${name}`, () =>
        struck(`PostgreSQL killed ${name}`, boxes, stage, () => town.killPostgres()));

    test(`is killed again and again at random moments`, async () => {
      const chance = random(20_260_101);
      await struck('PostgreSQL killed at random', boxes, stages['as the commands come in'], async () => {
        for (let left = randomMoments; left > 0; left -= 1) {
          await pause(chance.int(0, 1_500));
          await town.killPostgres();
        }
      });
    });

    test('is killed together with both workers, web and agent', () =>
      struck('everything killed', boxes, stages['when it works'], async () => {
        await town.killPostgres();
        for (const box of boxes) for (const role of ['web', 'worker', 'agent']) box.kill(role);
      }));
  });

  describe('in two boxes at a time', { concurrency: 2 }, () => {
    describe('the one with Redis', { concurrency: 1 }, () => {
      describe('Redis', { concurrency: 1, skip: noRedis }, () => {
        for (const [name, stage] of Object.entries(stages))
          test(`forgets everything ${name}`, () =>
            struck(
              `FLUSHALL ${name}`,
              [boxWith('redis')],
              stage,
              async () => void (await town.redis?.flush()),
            ));

        for (const name of ['when they are acknowledged', 'when it works'] as const)
          test(`is killed ${name}, and starts again`, () =>
            struck(`Redis killed ${name}`, [boxWith('redis')], stages[name], async () => {
              await town.redis?.kill();
              await town.redis?.start();
            }));

        test('is away for all of a life, also when the workers start', async () => {
          await town.redis?.kill();
          boxWith('redis').kill('worker');
          await struck('Redis away', [boxWith('redis')], stages['as the commands come in'], () => {});
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
          {
            name: 'whispers and the answer is lost',
            how: once('chat.postEphemeral', { kind: 'lose-answer' }),
          },
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
            const life = await beginLife(town, boxWith('redis'), 'slack');
            town.disturb(life.channel, how);
            await watchLife(life, lives.quick);
            town.disturb(life.channel, null);
            await checkLife(life);
          });
      });

      describeHalted('redis', [
        'worker messenger.send edit before',
        'worker messenger.send thread after',
        'worker dispatch after',
        'worker plan.commit before',
      ]);
    });

    describeHalted('postgres', [
      'worker surfaces.posting run after',
      'worker messenger.send edit after',
      'worker deliveries.claim after',
      'worker deliveries.done before',
      'worker plan.snapshot after',
    ]);
  });

  /** One at a time in a box. */
  function describeHalted(queue: 'redis' | 'postgres', steps: readonly string[]): void {
    const skip = long ? false : 'takes minutes: SIGNALBOX_CHAOS=long runs it';
    describe('a worker is halted until another has done its work, and goes on', {
      concurrency: 1,
      skip,
    }, () => {
      for (const step of steps)
        test(step, async () => {
          const life = await beginLife(town, boxWith(queue), 'halted');
          const takeovers = await watchLife(life, lives.quick, [{ step, nth: 1, signal: 'SIGSTOP' }]);
          assert.equal(takeovers.length, 1, 'it was halted');
          took.push(...takeovers);
          await checkLife(life);
        });
    });
  }
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
