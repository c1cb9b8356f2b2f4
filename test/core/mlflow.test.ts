import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  asReported,
  attemptAt,
  type MlflowCursor,
  mlflowEnvironment,
  newMlflowCursor,
  pointsOfPage,
  withMlflowMetrics,
  withMlflowRuns,
} from '../../src/core/mlflow.ts';
import type { MlflowRun } from '../../src/core/ports.ts';
import { spec } from '../support/run.ts';

const point = (name: string) => ({ name, step: 1, timestamp: 1, value: 1 });

function seen(id: string, changes: Partial<MlflowRun> & { names?: string[] } = {}): MlflowRun {
  const { names = [], ...rest } = changes;
  return {
    id,
    experiment: '0',
    attempt: 1,
    startedAt: 0,
    isNested: false,
    latest: names.map(point),
    ...rest,
  };
}

function cursorOf(runs: readonly MlflowRun[], known: MlflowCursor = newMlflowCursor) {
  return withMlflowMetrics(withMlflowRuns(known, runs), runs);
}

/** `run: its names`. */
function followed({ runs }: MlflowCursor): string[] {
  return runs.map(({ id, metrics }) => `${id}: ${metrics.map(({ name }) => name).join(' ')}`);
}

describe('what a command is handed', () => {
  const about = { trackingUri: 'https://mlflow.example.com', publicUrl: 'https://sb.example.com', key: 'k' };
  const run = { run: 42, attempt: 2, spec: spec() };

  test('the address and the tags, as MLflow reads them', () => {
    const { MLFLOW_TRACKING_URI, MLFLOW_RUN_CONTEXT = '', ...rest } = mlflowEnvironment(run, about);
    assert.equal(MLFLOW_TRACKING_URI, about.trackingUri);
    assert.deepEqual(JSON.parse(MLFLOW_RUN_CONTEXT), {
      'signalbox.run': '42',
      'signalbox.attempt': '2',
      'signalbox.sha': 'a'.repeat(40),
      'signalbox.url': 'https://sb.example.com/v1/runs/42',
      'signalbox.key': 'k',
    });
    assert.deepEqual(rest, {});
  });

  test('no address of Signalbox that nobody could open', () => {
    const { MLFLOW_RUN_CONTEXT = '' } = mlflowEnvironment(run, { ...about, publicUrl: null });
    assert.ok(!('signalbox.url' in JSON.parse(MLFLOW_RUN_CONTEXT)));
  });
});

describe('which runs in MLflow are followed', () => {
  const rows: { name: string; known?: MlflowRun[]; runs: MlflowRun[]; expected: string[] }[] = [
    { name: 'none', runs: [], expected: [] },
    { name: 'one', runs: [seen('a', { names: ['loss'] })], expected: ['a: loss'] },
    {
      name: 'nested ones are left to their parents',
      runs: [seen('a', { names: ['loss'] }), seen('b', { isNested: true, names: ['fold'] })],
      expected: ['a: loss'],
    },
    {
      name: 'of two, the oldest comes first',
      runs: [seen('b', { startedAt: 2, names: ['x'] }), seen('a', { startedAt: 1, names: ['y'] })],
      expected: ['a: y', 'b: x'],
    },
    {
      name: 'a name is followed in the first that has it',
      runs: [seen('a', { names: ['loss'] }), seen('b', { names: ['loss', 'acc'] })],
      expected: ['a: loss', 'b: acc'],
    },
    {
      name: 'it stays where it was seen first, whatever begins or logs it later',
      known: [seen('b', { startedAt: 2, names: ['loss'] })],
      runs: [
        seen('a', { startedAt: 1, names: ['loss', 'acc'] }),
        seen('b', { startedAt: 2, names: ['loss'] }),
      ],
      expected: ['b: loss', 'a: acc'],
    },
    {
      name: 'another attempt logs the same names again',
      runs: [seen('a', { names: ['loss'] }), seen('b', { attempt: 2, names: ['loss'] })],
      expected: ['a: loss', 'b: loss'],
    },
    {
      name: 'one that is not seen now is still known',
      known: [seen('a', { names: ['loss'] })],
      runs: [],
      expected: ['a: loss'],
    },
    {
      name: 'twenty of an attempt, and those of the next',
      runs: [
        ...Array.from({ length: 25 }, (_, at) =>
          seen(`r${String(at).padStart(2, '0')}`, { names: [`m${at}`] }),
        ),
        seen('s', { attempt: 2, names: ['m'] }),
      ],
      expected: [...Array.from({ length: 20 }, (_, at) => `r${String(at).padStart(2, '0')}: m${at}`), 's: m'],
    },
  ];
  for (const { name, known, runs, expected } of rows)
    test(name, () => {
      const before = known ? cursorOf(known).cursor : newMlflowCursor;
      assert.deepEqual(followed(cursorOf(runs, before).cursor), expected);
    });
});

describe('which names are followed', () => {
  const rows: [name: string, isTaken: boolean][] = [
    ['val/loss', true],
    ['system/gpu_0_utilization_percentage', true],
    ['val loss all', true],
    ['val loss: all', false],
    ['__proto__', true],
    ['a'.repeat(100), true],
    ['a'.repeat(101), false],
    ['-loss', false],
    ['', false],
    ['<!channel>', false],
    ['a\nb', false],
    ['xoxb-12345678', false],
  ];
  for (const [name, isTaken] of rows)
    test(`${JSON.stringify(name.slice(0, 40))} ${isTaken ? 'is' : 'is not'}`, () => {
      const { cursor, refused } = cursorOf([seen('a', { names: [name] })]);
      assert.deepEqual(followed(cursor), [isTaken ? `a: ${name}` : 'a: ']);
      assert.deepEqual(refused, isTaken ? [] : [{ why: 'name', name, step: 1 }]);
    });

  test('a thousand of an attempt; the rest is told of once', () => {
    const names = Array.from({ length: 1_100 }, (_, at) => `m${at}`);
    const { cursor, refused } = cursorOf([seen('a', { names })]);
    assert.equal(cursor.runs[0]?.metrics.length, 1_000);
    assert.deepEqual(refused, [{ why: 'names', name: 'm1099', step: 1 }]);
    assert.deepEqual(cursorOf([seen('a', { names })], cursor).refused, []);
  });
});

describe('what points mean', () => {
  const at = { before: 0, unstepped: false };
  type Pair = [step: number, value: number, counted?: true];
  const rows: { name: string; page: Pair[]; how?: typeof at; expected: Pair[] }[] = [
    {
      name: 'as they are',
      page: [
        [0, 1],
        [5, -2],
        [-1, Number.NaN],
      ],
      expected: [
        [0, 1],
        [5, -2],
        [-1, Number.NaN],
      ],
    },
    {
      name: 'the doubles that stand for infinity in a database, and one that is nearly one',
      page: [
        [1, Number.MAX_VALUE],
        [2, -Number.MAX_VALUE],
        [3, 1.797e308],
      ],
      expected: [
        [1, Number.POSITIVE_INFINITY],
        [2, Number.NEGATIVE_INFINITY],
        [3, 1.797e308],
      ],
    },
    {
      name: 'without steps they are counted, from where the page begins',
      page: [
        [0, 1],
        [0, 3],
      ],
      how: { before: 10, unstepped: true },
      expected: [
        [10, 1, true],
        [11, 3, true],
      ],
    },
    {
      name: 'a step below 0 is not one that was left out',
      page: [
        [-1, 1],
        [0, 2],
      ],
      how: { before: 0, unstepped: true },
      expected: [
        [-1, 1],
        [1, 2, true],
      ],
    },
  ];
  for (const { name, page, how = at, expected } of rows)
    test(name, () => {
      const points = pointsOfPage(
        'm',
        page.map(([step, value]) => ({ step, value, timestamp: 7 })),
        how,
      );
      const wanted = expected.map(([step, value, counted]) => ({
        ...{ name: 'm', step, value, timestamp: 7 },
        ...(counted ? { counted } : {}),
      }));
      assert.deepEqual(points, wanted);
    });
});

describe('how far a report says that a run is', () => {
  const high = { attempt: 2, step: 10 };
  const rows: {
    name: string;
    attempt: number;
    steps: number[];
    isAhead: boolean;
    after: typeof high;
  }[] = [
    {
      name: 'further than it was',
      attempt: 2,
      steps: [3, 11],
      isAhead: true,
      after: { attempt: 2, step: 11 },
    },
    { name: 'as far as it was', attempt: 2, steps: [10], isAhead: false, after: high },
    { name: 'what is read late', attempt: 2, steps: [1, 9], isAhead: false, after: high },
    { name: 'what an earlier attempt logged', attempt: 1, steps: [99], isAhead: false, after: high },
    {
      name: 'the next attempt begins again',
      attempt: 3,
      steps: [0, 1],
      isAhead: true,
      after: { attempt: 3, step: 1 },
    },
  ];
  for (const { name, attempt, steps, isAhead, after } of rows)
    test(name, () => {
      const points = steps.map(step => ({ name: 'm', step, value: 1 }));
      const expected = points.map(point => (isAhead ? point : { ...point, counted: true }));
      assert.deepEqual(asReported(attempt, points, high), { points: expected, high: after });
    });

  test('points without steps say nothing of it', () => {
    const counted = { name: 'm', step: 99, value: 1, counted: true as const };
    assert.deepEqual(asReported(2, [counted], high), { points: [counted], high });
  });
});

describe('whose a point is', () => {
  const running = (attempt: number, at: number) => ({
    type: 'running' as const,
    attempt,
    at: new Date(at),
  });
  const rows: [
    name: string,
    timestamp: number,
    first: number,
    events: ReturnType<typeof running>[],
    number,
  ][] = [
    ['the attempt of its run in MLflow', 5, 2, [], 2],
    ['a later attempt that goes on with that run', 25, 1, [running(1, 10), running(2, 20)], 2],
    ['what that run logged before', 15, 1, [running(1, 10), running(2, 20)], 1],
    ['never an earlier one', 15, 2, [running(1, 10), running(2, 20)], 2],
    ['a clock that is behind', 1, 1, [running(1, 10)], 1],
  ];
  for (const [name, timestamp, first, events, expected] of rows)
    test(name, () => assert.equal(attemptAt(timestamp, first, events), expected));
});
