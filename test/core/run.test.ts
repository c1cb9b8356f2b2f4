import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Actor, system } from '../../src/core/actor.ts';
import {
  type Exit,
  endStates,
  type Failure,
  isEnd,
  isOnMachine,
  legalMoves,
  type Run,
  type RunChange,
  type RunState,
  runStates,
  type StoppingReason,
  stoppingReasons,
  stopReasons,
  transition,
} from '../../src/core/run.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';

const agent: Actor = { kind: 'system', id: 'agent', name: 'agent' };
const now = later(100);

function exit(changes: Partial<Exit> = {}): Exit {
  return {
    code: 0,
    signal: null,
    stopped: null,
    failure: null,
    lines: ['the end'],
    at: later(99),
    ...changes,
  };
}
const exited = (changes: Partial<Exit> = {}, attempt = 1): RunChange => ({
  type: 'exited',
  attempt,
  exit: exit(changes),
});
const stop = (why: StoppingReason = 'cancel'): RunChange => ({
  type: 'stop',
  actor: octocat,
  why,
  reason: 'asked',
});
const for57 = { run: 57, rule: 'reclaim', reason: '#57 reclaims 2 GPUs that are its own.' } as const;
const makeRoom: RunChange = {
  type: 'stop',
  actor: system,
  why: 'preempt',
  reason: for57.reason,
  by: { run: 57, rule: 'reclaim' },
};
const warn: RunChange = { type: 'warn', attempt: 1, reason: 'loss is 3.' };
const withdraw: RunChange = { type: 'withdraw', actor: system, reason: 'Its machine is silent.' };
const start = { type: 'start', actor: system, reason: 'free' } as const satisfies RunChange;
const queue: RunChange = { type: 'queue', actor: system, reason: 'approved' };
const running = (attempt = 1): RunChange => ({ type: 'running', attempt, at: later(1) });
const lost = (attempt = 1): RunChange => ({ type: 'lost', attempt, reason: 'The machine is gone.' });

/** A run in a state, as it would be there: in its first attempt where it is on a machine. */
function inState(state: RunState, changes: Partial<Run> = {}): Run {
  const attempt = isOnMachine(state) ? 1 : 0;
  const startedAt = state === 'running' ? later(1) : null;
  return liveRun({ state, attempt, startedAt, endedAt: isEnd(state) ? noon : null, ...changes });
}

function apply(run: Run, change: RunChange) {
  const after = transition(run, change, now, agent);
  assert.ok(after.ok, `${change.type} changes a run that is ${run.state}`);
  return after;
}

const extend = (byS: number, mostS: number | null = null): RunChange => ({
  type: 'extend',
  actor: octocat,
  key: 'slack:1',
  byS,
  mostS,
});

const failure = { class: 'out-of-memory', message: 'It needed more memory.' } as const;
const byRule = {
  class: 'stopped-by-rule',
  message: 'asked',
  lines: [] as string[],
} as const satisfies Failure;
const ruled = (changes: Partial<Run> = {}) =>
  inState('running', { stopping: 'rule', failure: byRule, ...changes });

describe('what happens to what', () => {
  type Row = [name: string, run: Run, change: RunChange, path: RunState[], after: Partial<Run>];
  const byRuleIs: Partial<Run> = { stopping: 'rule', failure: byRule };
  const rows: Row[] = [
    ['a request is queued', inState('requested', { queuedAt: null }), queue, ['queued'], { queuedAt: now }],
    ['an approved request is queued', inState('awaiting-approval'), queue, ['queued'], { queuedAt: now }],
    ['what stands between two attempts is queued', inState('lost', { attempt: 1 }), queue, ['queued'], {}],
    [
      'a queued run starts',
      inState('queued', { waiting: { code: 'x', sentence: 'X.' } }),
      start,
      ['starting'],
      { attempt: 1, waiting: null },
    ],
    [
      'a later start is a further attempt',
      inState('queued', { attempt: 2 }),
      start,
      ['starting'],
      { attempt: 3 },
    ],
    ['a command started', inState('starting'), running(), ['running'], { startedAt: later(1) }],
    [
      'exit 0',
      inState('running'),
      exited(),
      ['succeeded'],
      { endedAt: later(99), exitCode: 0, failure: null },
    ],
    ['exit 0 before anybody saw it start', inState('starting'), exited(), ['succeeded'], { exitCode: 0 }],
    [
      'exit 0 while it was to be stopped',
      inState('running', { stopping: 'cancel' }),
      exited(),
      ['succeeded'],
      { stopping: null },
    ],
    [
      'exit 3',
      inState('running'),
      exited({ code: 3 }),
      ['failed'],
      {
        exitCode: 3,
        failure: { class: 'code-error', message: 'The command ended with exit code 3.', lines: ['the end'] },
      },
    ],
    [
      'exit 3 while it was to be stopped',
      inState('running', { stopping: 'cancel' }),
      exited({ code: 3 }),
      ['failed'],
      { stopping: null },
    ],
    [
      'a signal from elsewhere',
      inState('running'),
      exited({ code: null, signal: 'SIGSEGV' }),
      ['failed'],
      { failure: { class: 'killed', message: 'The command was ended by SIGSEGV.', lines: ['the end'] } },
    ],
    [
      'an end that nobody knows more of',
      inState('running'),
      exited({ code: null }),
      ['failed'],
      {
        failure: { class: 'killed', message: 'The command ended, and how is not known.', lines: ['the end'] },
      },
    ],
    [
      'the machine knows better than exit 0',
      inState('running'),
      exited({ failure }),
      ['failed'],
      { failure: { ...failure, lines: ['the end'] } },
    ],
    [
      'it never started',
      inState('starting'),
      exited({ code: null, failure: { class: 'start-error', message: 'No such file.' } }),
      ['failed'],
      {},
    ],
    [
      'stopped on request',
      inState('running', { stopping: 'cancel', stoppedBy: octocat }),
      exited({ code: 143, signal: 'SIGTERM', stopped: 'cancel' }),
      ['cancelled'],
      { stopping: null, stoppedBy: octocat, exitCode: 143, failure: null },
    ],
    [
      'stopped on request, ending with 0',
      inState('running', { stopping: 'cancel' }),
      exited({ stopped: 'cancel' }),
      ['cancelled'],
      {},
    ],
    [
      'stopped on request, out of memory meanwhile',
      inState('running', { stopping: 'cancel' }),
      exited({ stopped: 'cancel', failure }),
      ['cancelled'],
      { failure: null },
    ],
    [
      'stopped before it started',
      inState('starting', { stopping: 'cancel' }),
      exited({ code: null, stopped: 'cancel' }),
      ['cancelled'],
      {},
    ],
    [
      'its time was up',
      inState('running'),
      exited({ code: null, signal: 'SIGKILL', stopped: 'time-limit' }),
      ['timed-out'],
      {
        failure: {
          class: 'time-limit',
          message: 'It ran longer than its time limit of 1 h and was stopped.',
          lines: ['the end'],
        },
      },
    ],
    [
      'its time was up, with what it was given',
      inState('running', { extraS: 3_600, startedAt: later(99 - 7_200) }),
      exited({ code: null, signal: 'SIGTERM', stopped: 'time-limit' }),
      ['timed-out'],
      {
        failure: {
          class: 'time-limit',
          message: 'It ran longer than its time limit of 2 h and was stopped.',
          lines: ['the end'],
        },
      },
    ],
    [
      'its time was up, as its machine did not hear of more',
      inState('running', { extraS: 3_600, startedAt: later(99 - 3_601) }),
      exited({ code: null, signal: 'SIGTERM', stopped: 'time-limit' }),
      ['timed-out'],
      {
        failure: {
          class: 'time-limit',
          message: 'It was stopped after 1 h: its machine did not hear in time that it may take 2 h.',
          lines: ['the end'],
        },
      },
    ],
    ['given more time', inState('running', { extraS: 60 }), extend(60), [], { extraS: 120 }],
    ['given more time before its command began', inState('starting'), extend(60), [], { extraS: 60 }],
    ['given all that there is', inState('running'), extend(3_600, 7_200), [], { extraS: 3_600 }],
    [
      'preempted',
      inState('running', { stopping: 'preempt', stoppedBy: octocat }),
      exited({ code: 143, stopped: 'preempt' }),
      ['preempted', 'queued'],
      { stopping: null, stoppedBy: null, startedAt: null, endedAt: null, queuedAt: now, attempt: 1 },
    ],
    [
      'preempted, and cancelled meanwhile',
      inState('running', { stopping: 'cancel' }),
      exited({ stopped: 'preempt' }),
      ['preempted', 'cancelled'],
      { stopping: null, endedAt: later(99) },
    ],
    [
      'preempted for another run, as often as that comes',
      inState('running', { attempt: 9, preemptions: 6, stopping: 'preempt', preemptedBy: for57 }),
      exited({ code: 143, stopped: 'preempt' }, 9),
      ['preempted', 'queued'],
      { preemptions: 7, preemptedBy: for57, taken: null, failure: null, exitCode: null },
    ],
    [
      'at work again after it was preempted, in another pool',
      inState('queued', { attempt: 1, preemptions: 1, preemptedBy: for57 }),
      { ...start, pool: 'lab' },
      ['starting'],
      { attempt: 2, pool: 'lab', preemptions: 1, preemptedBy: null, taken: null },
    ],
    [
      'to make room for another run',
      inState('running'),
      makeRoom,
      [],
      { state: 'running', stopping: 'preempt', preemptedBy: for57, preemptions: 0 },
    ],
    [
      'it ends by itself while it is to make room',
      inState('running', { stopping: 'preempt', preemptedBy: for57 }),
      exited(),
      ['succeeded'],
      { preemptedBy: null, preemptions: 0 },
    ],
    [
      'taken back from a machine that has not taken it',
      inState('starting', { queuedAt: noon }),
      withdraw,
      ['queued'],
      { preemptions: 1, queuedAt: noon, attempt: 1, stopping: null, taken: null },
    ],
    [
      'taken back while it was to make room',
      inState('starting', { stopping: 'preempt' }),
      withdraw,
      ['queued'],
      { stopping: null, stoppedBy: null },
    ],
    [
      'taken back while it was to be stopped',
      inState('starting', { stopping: 'cancel', stoppedBy: octocat }),
      withdraw,
      ['cancelled'],
      { stopping: null, stoppedBy: octocat, endedAt: now },
    ],
    [
      'lost as often as it may be, beside the times that it made room',
      inState('running', { attempt: 5, preemptions: 2 }),
      lost(5),
      ['lost', 'failed'],
      {
        failure: {
          class: 'node-lost',
          message: 'The machine is gone. It had 3 of 3 attempts, beside 2 times that it gave way.',
          lines: [],
        },
      },
    ],
    [
      'lost once less than that',
      inState('running', { attempt: 5, preemptions: 3 }),
      lost(5),
      ['lost', 'queued'],
      { preemptions: 3 },
    ],
    [
      'lost',
      inState('running'),
      lost(),
      ['lost', 'queued'],
      { startedAt: null, endedAt: null, queuedAt: now },
    ],
    ['lost before it started', inState('starting'), lost(), ['lost', 'queued'], {}],
    ['lost in its last attempt but one', inState('running', { attempt: 2 }), lost(2), ['lost', 'queued'], {}],
    [
      'lost in its last attempt',
      inState('running', { attempt: 3 }),
      lost(3),
      ['lost', 'failed'],
      {
        endedAt: now,
        failure: { class: 'node-lost', message: 'The machine is gone. It had 3 of 3 attempts.', lines: [] },
      },
    ],
    [
      'lost while it was to be stopped',
      inState('running', { stopping: 'cancel' }),
      lost(),
      ['lost', 'cancelled'],
      { stopping: null, endedAt: now },
    ],
    [
      'lost while it was to make room',
      inState('running', { stopping: 'preempt' }),
      lost(),
      ['lost', 'queued'],
      { stopping: null },
    ],
    ['to be stopped by a rule', inState('running'), stop('rule'), [], { stopping: 'rule', failure: byRule }],
    [
      'a rule before its time is over',
      inState('running', { stopping: 'time-limit' }),
      stop('rule'),
      [],
      byRuleIs,
    ],
    ['a person before a rule', ruled(), stop(), [], { stopping: 'cancel', failure: null }],
    [
      'stopped by a rule',
      ruled(),
      exited({ code: 143, stopped: 'cancel' }),
      ['failed'],
      { stopping: null, exitCode: 143, failure: { ...byRule, lines: ['the end'] } },
    ],
    [
      'stopped by a rule while it made room',
      ruled(),
      exited({ stopped: 'preempt' }),
      ['failed'],
      { failure: { ...byRule, lines: ['the end'] } },
    ],
    ['lost while a rule stopped it', ruled(), lost(), ['lost', 'failed'], { failure: byRule }],
    ['exit 0 before the rule reached it', ruled(), exited(), ['succeeded'], { failure: null }],
    [
      'a warning',
      inState('running'),
      { type: 'warn', attempt: 1, reason: 'loss is 3.' },
      [],
      { state: 'running', failure: null },
    ],
    [
      'cancelled while it waits',
      inState('queued', { waiting: { code: 'x', sentence: 'X.' } }),
      stop(),
      ['cancelled'],
      { endedAt: now, waiting: null, stoppedBy: octocat },
    ],
    ['cancelled before it was approved', inState('awaiting-approval'), stop(), ['cancelled'], {}],
    ['cancelled as requested', inState('requested'), stop(), ['cancelled'], {}],
    ['cancelled between two attempts', inState('preempted', { attempt: 1 }), stop(), ['cancelled'], {}],
    [
      'to be stopped while it runs',
      inState('running'),
      stop(),
      [],
      { state: 'running', stopping: 'cancel', stoppedBy: octocat, endedAt: null },
    ],
    [
      'a person overrules the time limit',
      inState('running', { stopping: 'time-limit' }),
      stop(),
      [],
      { stopping: 'cancel' },
    ],
    [
      'the time limit overrules another run',
      inState('starting', { stopping: 'preempt' }),
      stop('time-limit'),
      [],
      { stopping: 'time-limit' },
    ],
  ];
  for (const [name, run, change, path, after] of rows)
    test(name, () => {
      const result = apply(run, change);
      const moves = result.events.filter(event => event.from !== event.to);
      assert.deepEqual(
        moves.map(event => event.to),
        path,
      );
      for (const [key, value] of Object.entries(after))
        assert.deepEqual(result.run[key as keyof Run], value, key);
      assert.deepEqual(result.run.spec, run.spec);
    });
});

describe('what changes nothing', () => {
  const rows: [name: string, run: Run, change: RunChange, code: 'stale' | 'ended' | 'too-much'][] = [
    ['a second queueing', inState('queued'), queue, 'stale'],
    ['queueing what is on a machine', inState('running'), queue, 'stale'],
    ['queueing what is starting', inState('starting'), queue, 'stale'],
    ['a second start', inState('starting'), start, 'stale'],
    ['starting what was not queued', inState('requested'), start, 'stale'],
    ['starting what is not approved', inState('awaiting-approval'), start, 'stale'],
    ['a second report of the same start', inState('running'), running(), 'stale'],
    ['the start of an earlier attempt', inState('starting', { attempt: 2 }), running(1), 'stale'],
    ['the start of a later attempt', inState('starting', { attempt: 2 }), running(3), 'stale'],
    ['the end of an earlier attempt', inState('running', { attempt: 2 }), exited({}, 1), 'stale'],
    ['the end of an attempt that was given up', inState('queued', { attempt: 1 }), exited({}, 1), 'stale'],
    ['the loss of an earlier attempt', inState('running', { attempt: 2 }), lost(1), 'stale'],
    ['a second loss', inState('queued', { attempt: 1 }), lost(1), 'stale'],
    ['a rule after a person', inState('running', { stopping: 'cancel' }), stop('rule'), 'stale'],
    ['a rule of a run that waits', inState('queued'), stop('rule'), 'stale'],
    ['a warning of an earlier attempt', inState('running', { attempt: 2 }), warn, 'stale'],
    ['a warning while it is being stopped', inState('running', { stopping: 'preempt' }), warn, 'stale'],
    ['a second stop', inState('running', { stopping: 'cancel' }), stop(), 'stale'],
    ['a lesser stop', inState('running', { stopping: 'cancel' }), stop('preempt'), 'stale'],
    [
      'making room after the time limit',
      inState('running', { stopping: 'time-limit' }),
      stop('preempt'),
      'stale',
    ],
    ['preempting what only waits', inState('queued'), stop('preempt'), 'stale'],
    ['taking back what a machine has taken', inState('starting', { taken: 'key' }), withdraw, 'stale'],
    ['taking back what an agent began without a word', inState('starting', { taken: '' }), withdraw, 'stale'],
    ['taking back what runs', inState('running'), withdraw, 'stale'],
    ['taking back what was taken back', inState('queued', { attempt: 1, preemptions: 1 }), withdraw, 'stale'],
    [
      'the start of an attempt that was taken back',
      inState('queued', { attempt: 1, preemptions: 1 }),
      running(1),
      'stale',
    ],
    ['more time for what only waits', inState('queued'), extend(60), 'stale'],
    ['more time for what is being stopped', inState('running', { stopping: 'preempt' }), extend(60), 'stale'],
    ['a second more than there is', inState('running'), extend(3_601, 7_200), 'too-much'],
    ['more time where all was given', inState('running', { extraS: 3_600 }), extend(1, 7_200), 'too-much'],
    ['a time limit for what only waits', inState('queued'), stop('time-limit'), 'stale'],
    ...endStates.flatMap(state =>
      [queue, start, running(), exited(), exited({}, 0), lost(), stop(), withdraw, extend(60)].map(
        (change): [string, Run, RunChange, 'ended'] => [
          `${change.type} after ${state}`,
          inState(state),
          change,
          'ended',
        ],
      ),
    ),
  ];
  for (const [name, run, change, code] of rows)
    test(name, () => {
      const before = structuredClone(run);
      assert.deepEqual(transition(run, change, now, agent), { ok: false, code });
      assert.deepEqual(run, before);
    });
});

describe('events', () => {
  test('more time says how much, and how much in all', () => {
    const { events } = apply(inState('running', { extraS: 60 }), extend(5_400));
    assert.deepEqual(
      events.map(({ type, from, to, actor, reason }) => [type, from, to, actor, reason]),
      [['extended', 'running', 'running', octocat, 'octocat gave it 1 h 30 min more, 2 h 31 min in all.']],
    );
  });

  test('carry who, when, why and which attempt', () => {
    const { events } = apply(inState('queued', { attempt: 1 }), start);
    assert.deepEqual(events, [
      {
        type: 'starting',
        from: 'queued',
        to: 'starting',
        actor: system,
        reason: 'free',
        at: now,
        attempt: 2,
      },
    ]);
  });

  test('of a preemption say for whom and why, and what it has used up', () => {
    const stopping = apply(inState('running', { attempt: 2, preemptions: 1 }), makeRoom);
    assert.deepEqual(
      stopping.events.map(({ type, reason }) => [type, reason]),
      [['stopping', '#57 reclaims 2 GPUs that are its own.']],
    );
    const { events } = apply(stopping.run, exited({ code: 143, stopped: 'preempt' }, 2));
    assert.deepEqual(
      events.map(({ type, reason }) => [type, reason]),
      [
        ['preempted', '#57 reclaims 2 GPUs that are its own.'],
        ['queued', 'It waits to go on from its checkpoint. Attempt 2 is over, with 0 of 3 failures.'],
      ],
    );
  });

  test('of one that was taken back say why', () => {
    const { events } = apply(inState('starting'), withdraw);
    assert.deepEqual(
      events.map(({ type, from, to, reason }) => [type, from, to, reason]),
      [['queued', 'starting', 'queued', 'Its machine is silent. Attempt 1 is over, with 0 of 3 failures.']],
    );
  });

  test('of a stop name who asked; of the end, who saw it', () => {
    const stopping = apply(inState('running'), stop());
    assert.deepEqual(stopping.events, [
      {
        type: 'stopping',
        from: 'running',
        to: 'running',
        actor: octocat,
        reason: 'asked',
        at: now,
        attempt: 1,
      },
    ]);
    const end = apply(stopping.run, exited({ stopped: 'cancel' }));
    assert.equal(end.events[0]?.actor, agent);
    assert.equal(end.run.stoppedBy, octocat);
  });
});

const allChanges = (attempt: number): RunChange[] => [
  queue,
  start,
  withdraw,
  running(attempt),
  lost(attempt),
  exited({}, attempt),
  exited({ code: 1 }, attempt),
  exited({ failure }, attempt),
  ...stoppingReasons.map(stop),
  ...stopReasons.map(why => exited({ stopped: why }, attempt)),
  { type: 'warn', attempt, reason: 'loss is 3.' },
];

/** Holds one step to the life of a run; answers the arrows that it went. */
function check(before: Run, change: RunChange): { run: Run; arrows: string[] } {
  const frozen = structuredClone(before);
  const after = transition(before, change, now, agent);
  assert.deepEqual(before, frozen, 'what was is not touched');
  if (!after.ok) {
    assert.equal(after.code === 'ended', isEnd(before.state));
    return { run: before, arrows: [] };
  }
  assert.equal(isEnd(before.state), false, 'an end is an end');
  const { run, events } = after;
  const arrows: string[] = [];
  let at = before.state;
  for (const event of events) {
    assert.equal(event.from, at);
    at = event.to;
    if (event.type === 'stopping' || event.type === 'warned') {
      assert.equal(event.from, event.to);
      continue;
    }
    assert.equal(event.type, event.to);
    assert.ok(
      (legalMoves[event.from] as readonly RunState[]).includes(event.to),
      `${event.from} to ${event.to}`,
    );
    arrows.push(`${event.from} ${event.to}`);
  }
  assert.equal(run.state, at);
  assert.ok(events.length > 0, 'a change is recorded');
  assert.equal(run.endedAt !== null, isEnd(run.state));
  assert.equal(run.attempt - before.attempt, change.type === 'start' ? 1 : 0);
  const hasFailed = run.state === 'failed' || run.state === 'timed-out';
  assert.equal(run.failure !== null, hasFailed || run.stopping === 'rule');
  if (!isOnMachine(run.state)) assert.equal(run.stopping, null);
  assert.notEqual(run.state, 'preempted');
  assert.notEqual(run.state, 'lost');
  return { run, arrows };
}

describe('the life of a run', () => {
  test('every arrow is gone by some change, and no other', () => {
    const gone = new Set<string>();
    for (const state of runStates)
      for (const attempt of [1, 3])
        for (const stopping of isOnMachine(state) ? [null, ...stoppingReasons] : [null])
          for (const change of allChanges(attempt)) {
            const failure = stopping === 'rule' ? byRule : null;
            for (const arrow of check(inState(state, { attempt, stopping, failure }), change).arrows)
              gone.add(arrow);
          }
    const drawn = Object.entries(legalMoves).flatMap(([from, tos]) => tos.map(to => `${from} ${to}`));
    // Whether a request awaits approval is decided where it is stored, not by a change.
    const expected = drawn.filter(arrow => arrow !== 'requested awaiting-approval');
    assert.deepEqual([...gone].sort(), expected.sort());
  });

  test('random walks stay legal, end once, and stay there', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const ends = new Set<RunState>();
    for (let walk = 0; walk < 2_000; walk++) {
      let run = inState('requested', { queuedAt: null });
      let steps = 0;
      for (; steps < 60; steps++) {
        const attempt = Math.max(0, run.attempt - (random(4) === 0 ? 1 : 0));
        const changes = allChanges(attempt);
        const change = changes[random(changes.length)];
        assert.ok(change);
        const wasEnd = isEnd(run.state);
        const speaksOfOther = 'attempt' in change && change.attempt !== run.attempt;
        const next = check(run, change);
        if (wasEnd || speaksOfOther) assert.equal(next.run, run);
        run = next.run;
      }
      assert.ok(run.attempt - run.preemptions <= run.spec.maxAttempts);
      if (isEnd(run.state)) ends.add(run.state);
    }
    assert.deepEqual([...ends].sort(), [...endStates].sort());
  });
});
