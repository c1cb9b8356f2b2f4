import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLanes } from '../../src/app/lanes.ts';
import { recordingLog } from '../conformance/wakeups.ts';

/** Rows that are due until they are done; `end` ends the work on one. */
function openTable(count: number, atOnce: number) {
  const rows = new Set(Array.from({ length: count }, (_, i) => i));
  const begun: number[] = [];
  const gates = new Map<number, PromiseWithResolvers<void>>();
  const log = recordingLog();
  const lanes = createLanes<number>({
    atOnce,
    due: async limit => [...rows].slice(0, limit),
    work: async row => {
      begun.push(row);
      const gate = Promise.withResolvers<void>();
      gates.set(row, gate);
      await gate.promise;
      rows.delete(row);
    },
    log,
  });
  return {
    lanes,
    begun,
    log,
    end: (row: number) => gates.get(row)?.resolve(),
    fail: (row: number) => gates.get(row)?.reject(new Error('no')),
  };
}

describe('lanes', () => {
  test('begin what is due and say that nothing more is', async () => {
    const { lanes, begun } = openTable(2, 3);
    assert.equal(await lanes.fill(), false);
    assert.deepEqual(begun, [0, 1]);
  });

  test('as many as there is room for: more may be due', async () => {
    const { lanes, begun } = openTable(3, 3);
    assert.equal(await lanes.fill(), true);
    assert.deepEqual(begun, [0, 1, 2]);
  });

  test('full: nothing is begun, and there is room when one ends', async () => {
    const { lanes, begun, end } = openTable(5, 2);
    await lanes.fill();
    assert.equal(await lanes.fill(), true);
    assert.deepEqual(begun, [0, 1]);
    const room = lanes.room();
    end(1);
    await room;
    assert.equal(await lanes.fill(), true);
  });

  test('a row under way is not begun again, though it is still due', async () => {
    const { lanes, begun } = openTable(2, 4);
    await lanes.fill();
    assert.equal(await lanes.fill(), true, 'the two that are due fill the two that are free');
    assert.deepEqual(begun, [0, 1]);
  });

  test('work that fails is logged, and its lane is free', async () => {
    const { lanes, begun, log, fail } = openTable(1, 1);
    await lanes.fill();
    fail(0);
    await lanes.settled();
    assert.deepEqual(log.at('warn'), ['work that was due failed, the sweep tries again']);
    await lanes.fill();
    assert.deepEqual(begun, [0, 0]);
  });

  test('settled when nothing is under way, and not before', async () => {
    const { lanes, end } = openTable(2, 2);
    await lanes.fill();
    let settled = false;
    const over = lanes.settled().then(() => {
      settled = true;
    });
    end(0);
    await lanes.room();
    assert.equal(settled, false);
    end(1);
    await over;
  });
});
