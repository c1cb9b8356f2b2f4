import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Box, openBox } from './box.ts';
import { checkBox, checkLife } from './check-life.ts';
import { beginLife, type LifeName, lives } from './life.ts';
import { isLong, type Row, rows, sometimes, steps } from './rows.ts';
import { traced } from './steps.ts';
import { openTown, type Town } from './town.ts';
import { watchLife } from './watch-life.ts';

/**
 * SIGKILL for web, worker, agent and supervisor at each step of the life of a run. The steps are the calls over ports, the files that
 * appear, the processes that start and the signals that are sent; none of them is marked in the product.
 *
 * SIGNALBOX_CHAOS=long lets them die after each step too, and where it is passed for the second and the third time: six times as long.
 */
const times = isLong ? [1, 2, 3] : [1];
/** What is promised. */
const takeoverMs = 15_000;
/** A step that depends on who is first may be missed. */
const tries = 4;

const boxCount = 5;

describe('whoever dies at a step of a run, nothing is lost', { concurrency: boxCount }, async () => {
  const took: { name: string; ms: number }[] = [];
  const boxes: Box[] = [];
  const free: Box[] = [];
  const waiting: ((box: Box) => void)[] = [];
  let town: Town;

  before(async () => {
    town = await openTown();
    const roles = ['web', 'worker', 'agent'];
    boxes.push(await openBox(town, 1, roles));
    boxes.push(
      ...(await Promise.all([2, 3, 4].map(at => openBox(town, at, at === 2 ? [...roles, 'worker'] : roles)))),
    );
    free.push(...boxes);
  });

  after(async () => {
    took.sort((a, b) => b.ms - a.ms);
    for (const { name, ms } of took.slice(0, 8)) console.log(`work went on after ${ms} ms: ${name}`);
    try {
      for (const box of boxes) await checkBox(box);
    } finally {
      await Promise.all(boxes.map(box => box.close()));
      await town.close();
    }
  });

  /** Rows share boxes, one row at a time in each. */
  async function inBox(work: (box: Box) => Promise<void>): Promise<void> {
    const box = free.pop() ?? (await new Promise<Box>(resolve => waiting.push(resolve)));
    try {
      await work(box);
    } finally {
      const next = waiting.shift();
      if (next) next(box);
      else free.push(box);
    }
  }

  test('a clean life passes the steps that are listed, and no others', () =>
    inBox(async box => {
      const passed = new Set<string>();
      for (const name of Object.keys(lives) as LifeName[]) {
        const life = await beginLife(town, box, 'clean');
        for (const step of await traced(box.folder, () => watchLife(life, lives[name])))
          passed.add(step.replace(/ (before|after)$/, ''));
        await checkLife(life);
      }
      const listed = Object.values(steps).flatMap(byRole =>
        Object.entries(byRole).flatMap(([role, names]) => names.map(name => `${role} ${name}`)),
      );
      const known = (step: string) => sometimes.includes(step);
      // What is new belongs into rows.ts: a row is made of it.
      assert.deepEqual(
        [...passed].filter(step => !known(step)).sort(),
        listed.filter(step => !known(step)).sort(),
      );
    }));

  for (const row of rows)
    for (const nth of times)
      test(nth === 1 ? row.name : `${row.name}, at time ${nth}`, () => inBox(box => dies(box, row, nth)));

  /** Until each death was seen; in a life in which one comes to its end before the last death, the others stay for the next. */
  async function dies(box: Box, { name, life: kind, deaths }: Row, nth: number): Promise<void> {
    let left = deaths.map(step => ({ step, nth, signal: 'SIGKILL' as const }));
    for (let tried = 0; left.length > 0 && tried < tries; tried += 1) {
      const life = await beginLife(town, box, 'row');
      const takeovers = await watchLife(life, lives[kind], left).catch(err => {
        throw new Error(`${err.message}\n${logsOf(box)}`, { cause: err });
      });
      await checkLife(life);
      took.push(...takeovers.map(({ step, ms }) => ({ name: `${step} (${name})`, ms })));
      for (const { step, ms } of takeovers)
        assert.ok(ms < takeoverMs, `${ms} ms until work went on after ${step}`);
      left = left.slice(takeovers.length);
    }
    // The second and third time are not part of every life.
    if (nth === 1) assert.deepEqual(left, [], `in ${tries} lives not passed`);
  }

  function logsOf(box: Box): string {
    return ['web', 'worker', 'agent'].map(role => box.log(role)).join('\n');
  }
});
