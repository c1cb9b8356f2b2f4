import { candidatesOf, openTable } from '../../src/core/scheduler/books.ts';
import { linesOf } from '../../src/core/scheduler/order.ts';
import { plan } from '../../src/core/scheduler/plan.ts';
import type { World } from '../../src/core/scheduler/world.ts';
import { bigWorld, bigWorldNow as now } from '../support/big-world.ts';
import { random } from '../support/random.ts';
import { afterPlan, without } from '../support/worlds.ts';
import type { Bench, Row } from './bench.ts';
import { percentile, rounded } from './numbers.ts';

const sizes = [1_000, 10_000, 100_000];
const site = { running: 1_600, nodes: 1_000, teams: 50 };
/** Runs that end between two plans, and as many that come. */
const turnover = 20;
const rounds = 9;

/** One plan of a busy site, at three lengths of the queue, beside what it takes merely to put that queue in order. */
export const scheduler: Bench = {
  name: 'scheduler',
  about: 'one plan() of 2,000 running runs on 1,000 nodes for 50 teams, by how many wait',
  run: async say => {
    const busy = sizes.map(waiting => {
      say(`a site with ${waiting} waiting runs comes to rest`);
      return { waiting, first: bigWorld({ ...site, waiting }), next: atRest(waiting) };
    });
    const times = new Map<string, number[]>();
    const timed = (who: string, work: () => unknown) => {
      const from = performance.now();
      work();
      times.set(who, [...(times.get(who) ?? []), performance.now() - from]);
    };
    for (let round = -1; round < rounds; round += 1) {
      if (round === 0) times.clear();
      say(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
      for (const { waiting, first, next } of busy) {
        timed(`plan ${waiting} pending`, () => plan(next, now));
        timed(`first plan ${waiting} pending`, () => plan(first, now));
        timed(`order ${waiting} pending`, () => linesOf(candidatesOf(openTable(next, now))));
      }
    }
    const rows = [...times].map(([who, taken]): Row => {
      const waiting = Number(/\d+/.exec(who)?.[0]);
      const { first, next } = busy.find(one => one.waiting === waiting) ?? { first: null, next: null };
      const world = who.startsWith('first') ? first : next;
      const decisions = world && !who.startsWith('order') ? plan(world, now) : [];
      const p50 = percentile(taken, 0.5);
      return {
        who,
        per_s: rounded(1_000 / p50),
        p50_ms: rounded(p50),
        p99_ms: rounded(percentile(taken, 0.99)),
        us_per_run: rounded((p50 * 1_000) / waiting),
        running: world?.holders.length ?? 0,
        starts: decisions.filter(one => one.type === 'start').length,
        preempts: decisions.filter(one => one.type === 'preempt').length,
      };
    });
    const p50 = (who: string) => rows.find(row => row.who === who)?.p50_ms ?? Number.NaN;
    return { rows, ratio: rounded(p50('plan 10000 pending') / p50('order 10000 pending')) };
  },
};

/** The same site when nothing more comes of planning, after which some runs end and others come. */
function atRest(waiting: number): World {
  let world = bigWorld({ ...site, waiting: waiting + turnover });
  const late = world.waiting.slice(waiting);
  world = { ...world, waiting: world.waiting.slice(0, waiting) };
  for (;;) {
    const decisions = plan(world, now);
    world = afterPlan(world, decisions, now);
    const leaving = world.holders.filter(one => one.leaving);
    const isQuiet = decisions.every(one => one.type === 'hold') && leaving.length === 0;
    // What is stopped waits again; here it is as good as gone, and somebody else waits in its place.
    world = without(world, leaving);
    world = { ...world, holders: world.holders.map(one => ({ ...one, untaken: false })) };
    if (isQuiet) break;
  }
  const { shuffle } = random(2);
  const ended = shuffle(world.holders).slice(0, turnover);
  const fill = bigWorld({ ...site, waiting, seed: 3 }).waiting.slice(world.waiting.length + late.length);
  const more = fill.map(run => ({ ...run, number: run.number + 1_000_000 }));
  return { ...without(world, ended), waiting: [...world.waiting, ...late, ...more].slice(0, waiting) };
}
