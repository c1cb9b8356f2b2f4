import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freezeStore } from '../../../src/adapters/postgres/freezes.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import type { FreezeScope } from '../../../src/core/freeze.ts';
import { type Random, random } from '../../support/random.ts';
import { octocat } from '../../support/run.ts';
import { historyOf, type Wait } from './history.ts';
import { type House, openHouse } from './house.ts';
import type { Works } from './machine.ts';
import { type Looks, lookAt, newLooks, watchPlans } from './observer.ts';
import { drawnRun, projectNames } from './site.ts';

/** SIGNALBOX_SOAK=whole takes five thousand runs, which takes some minutes; SIGNALBOX_SEED draws others. */
const whole = process.env.SIGNALBOX_SOAK === 'whole';
const seed = Number(process.env.SIGNALBOX_SEED ?? 7);
const size = whole
  ? { runs: 5_000, open: [150, 350], killMs: [3_000, 12_000], kills: 10, counted: 300, limitMs: 1_500_000 }
  : { runs: 300, open: [120, 200], killMs: [3_000, 7_000], kills: 2, counted: 10, limitMs: 240_000 };

/**
 * How long a run may wait that its team's own quota has room for, by what the site does meanwhile: for each run of its team that stands before
 * it, and for itself, the site ends no more than four times as many runs as are ever open at once. (A wide one waits until its team has had
 * less than the others, and then at the latest until time limits run out.) Who needs more than the quota waits for what others leave; that it
 * ends is all that is promised.
 */
const endedForEach = 4 * Math.max(...size.open);

const between = (roll: Random, [low = 0, high = 0]: readonly number[]) => roll.int(low, high);

/** Most runs are over soon, some take their time; the same with each seed. */
function drawnWorks(): Works {
  const left = new Map<number, number>();
  const leftMs = (run: number) => {
    const roll = random(seed * 100_000 + run);
    return left.get(run) ?? (roll.chance(whole ? 0.3 : 0.2) ? roll.int(2_000, 6_000) : roll.int(100, 1_200));
  };
  return {
    leftMs,
    did(run, ms) {
      left.set(run, Math.max(0, leftMs(run) - ms));
    },
  };
}

/** How many were killed, and how many moments are to be looked at before anybody else is. */
interface Kills {
  count: number;
  looks: number;
}

/**
 * Keeps a number of runs open that itself goes up and down, until all are asked for and enough workers were killed meanwhile, which a slow
 * machine takes more runs for. Answers how many there were.
 */
async function ask(
  { database }: House,
  looks: Looks,
  kills: Kills,
  roll: Random,
  signal: AbortSignal,
): Promise<number> {
  const runs = runStore(database.db);
  let target = between(roll, size.open);
  let asked = 0;
  while ((asked < size.runs || kills.count < size.kills) && !signal.aborted) {
    // While more is asked for all the time, there may be no moment that a plan has seen all of.
    if (looks.counted < kills.looks) {
      await pause(20);
      continue;
    }
    const { rows } = await database.pool.query<{ open: number }>(
      'select count(*)::int as open from runs where ended_at is null',
    );
    const more = Math.min(target - (rows[0]?.open ?? 0), Math.max(size.runs - asked, 1), 40);
    for (let i = 0; i < more; i += 1) {
      await runs.create(drawnRun(`soak ${asked}`, roll, new Date()));
      asked += 1;
    }
    if (roll.chance(0.1)) target = between(roll, size.open);
    await pause(more > 0 ? 10 : 100, undefined, { signal }).catch(() => {});
  }
  return asked;
}

/** A freeze of a pool, of a project or of everything comes and goes. */
async function freezeNowAndThen({ database }: House, roll: Random, signal: AbortSignal): Promise<number> {
  const freezes = freezeStore(database.db);
  let count = 0;
  while (!signal.aborted) {
    await pause(roll.int(2_000, 6_000), undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const scope = roll.pick<FreezeScope>([
      { kind: 'all' },
      { kind: 'pool', name: 'lab' },
      { kind: 'pool', name: 'annex' },
      { kind: 'project', name: projectNames[roll.int(0, 5)] ?? '' },
    ]);
    const kind = scope.kind === 'pool' && roll.chance(0.4) ? 'drain' : 'freeze';
    const shared = { kind, scope, by: octocat } as const;
    const key = `freeze ${count}`;
    const place = { kind: 'http' } as const;
    await freezes.freeze({ ...shared, key, why: 'the soak', place, at: new Date() });
    await pause(roll.int(300, 1_200), undefined, { signal }).catch(() => {});
    await freezes.lift({ ...shared, key: `lift ${count}`, at: new Date() });
    count += 1;
  }
  return count;
}

/** Nobody is killed before the reasons were looked at that are there after the last time. */
async function killNowAndThen(
  house: House,
  looks: Looks,
  kills: Kills,
  roll: Random,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(between(roll, size.killMs), undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const first = roll.int(0, house.workers - 1);
    // Now and then nobody is left.
    const all = roll.chance(0.2) ? Array.from({ length: house.workers }, (_, index) => index) : [first];
    await Promise.all(all.map(index => house.kill(index)));
    kills.count += all.length;
    // One may have been under way.
    kills.looks = looks.counted + 2;
    while (looks.counted < kills.looks && !signal.aborted) await pause(20);
  }
}

test(`${size.runs} runs and more of 20 teams over three pools, while workers are killed: each is told why it waits, goes on after it gave way, and ends; nothing is given twice`, {
  timeout: size.limitMs * 2,
}, async t => {
  const works = drawnWorks();
  const house = await openHouse(t, works);
  await watchPlans(house.observed);
  const startedAt = performance.now();
  const limit = AbortSignal.timeout(size.limitMs);
  const over = new AbortController();
  const looks = newLooks();
  const moments = random(seed);

  const kills: Kills = { count: 0, looks: 0 };

  const asking = ask(house, looks, kills, random(seed + 1), limit);
  const freezing = freezeNowAndThen(house, random(seed + 2), over.signal);
  const killing = killNowAndThen(house, looks, kills, random(seed + 3), over.signal);
  const observing = (async () => {
    while (!over.signal.aborted) {
      const counted = await lookAt(house.observed, looks);
      await pause(counted ? moments.int(20, 200) : moments.int(5, 40));
    }
  })();

  const asked = await asking;
  const left = async () => {
    const { rows } = await house.database.pool.query<{ left: number }>(
      'select count(*)::int as left from runs where ended_at is null',
    );
    return rows[0]?.left ?? 0;
  };
  while ((await left()) > 0 && !limit.aborted) await pause(100);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  over.abort();
  const [froze] = await Promise.all([freezing, killing, observing]);

  const { rows: plans } = await house.observed.pool.query<{ count: number }>(
    'select count(*)::int as count from soak_plans',
  );
  const history = await historyOf(house.observed);
  const byRatio = (one: Wait) => one.ended / (one.ahead + 1);
  const own = history.waits.filter(one => !one.borrows);
  const longest = history.waits.toSorted((a, b) => b.seconds - a.seconds).slice(0, 2);
  const worst = own.toSorted((a, b) => byRatio(b) - byRatio(a)).slice(0, 3);
  const log = (await house.log()).filter(({ level = 0 }) => level >= 50);
  t.diagnostic(
    `${seconds} s, ${asked} runs, ${kills.count} kills, ${froze} freezes, ${(plans[0]?.count ?? 0) - 2 * froze} plans`,
  );
  t.diagnostic(`${looks.all} looks, ${looks.counted} counted, at most ${looks.mostWaiting} waiting`);
  t.diagnostic(`reasons: ${JSON.stringify(Object.fromEntries(looks.reasons))}`);
  t.diagnostic(
    `${history.preemptions} preemptions of ${history.preempted} runs, ${history.allocations} allocations`,
  );
  t.diagnostic(`longest waits: ${JSON.stringify(longest)}`);
  t.diagnostic(`waited longest by what ended: ${JSON.stringify(worst)}`);
  t.diagnostic(`left: ${await left()}, errors: ${JSON.stringify(log.slice(0, 3))}`);

  assert.deepEqual(looks.wrong, [], 'at no moment has anybody too much, or is a reason untrue');
  assert.deepEqual(
    house.machines.flatMap(one => one.faults),
    [],
    'no machine was given anything twice',
  );
  assert.deepEqual(history.twice, [], 'no accelerator was held twice at any moment');
  assert.deepEqual(history.beyond, [], 'at no moment had anybody more than quota and loans');
  assert.equal(history.runs, asked);
  assert.ok(asked >= size.runs, `${asked} were asked for`);
  assert.deepEqual(history.odd, [], 'each has ended well, with one attempt more than it gave way');
  assert.deepEqual(
    own.filter(one => byRatio(one) > endedForEach),
    [],
    'nobody starves',
  );
  assert.ok(looks.counted >= size.counted, `${looks.counted} moments were looked at`);
  assert.ok(kills.count >= size.kills, `${kills.count} were killed`);
  assert.ok(history.preemptions > 0, 'somebody gave way');
});
