import assert from 'node:assert/strict';
import { gpu } from '../../commands/gpu.ts';
import { gpuRequest } from '../../commands/gpu-request.ts';
import { gpuUsage } from '../../commands/gpu-usage.ts';
import { gpuWhatif } from '../../commands/gpu-whatif.ts';
import { commands } from '../../commands/index.ts';
import { signalboxLink } from '../../commands/signalbox-link.ts';
import { train } from '../../commands/train.ts';
import { trainCompare } from '../../commands/train-compare.ts';
import { faultReply } from '../../src/app/deliver.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { system } from '../../src/core/actor.ts';
import { alertReason, alertReply } from '../../src/core/alerts/alert-reply.ts';
import type { Chart } from '../../src/core/chart.ts';
import type { CommandDefinition } from '../../src/core/command.ts';
import { fault } from '../../src/core/errors.ts';
import { closedHomeReply, type HomeFacts, homeReply } from '../../src/core/home-reply.ts';
import { leaseWarning } from '../../src/core/lease-reply.ts';
import type { MetricSummary, UsageRow } from '../../src/core/ports.ts';
import { type Reply, reply } from '../../src/core/reply.ts';
import { type Exit, type Run, type RunChange, type RunSpec, transition } from '../../src/core/run.ts';
import { endedReply, preemptedReply, runReply, stalledReply } from '../../src/core/run-reply.ts';
import { sweepEndedReply, sweepReply } from '../../src/core/sweep-reply.ts';
import { baseline, points, run } from '../support/charts.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { context, memory, memoryPorts, policy, say } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';
import { asOctocat, sharedGpus } from '../support/shared-gpus.ts';
import { pacedFrom, summaryOf } from '../support/summary.ts';
import { digitsSweep, member, over, sweepCost, underWay } from '../support/sweep.ts';
import { holdings } from './pools.ts';

/** A reply, made as the service makes it, and the moment when somebody looks at it. */
export interface Shown {
  reply: Reply;
  now: Date;
  /** Where it was asked, of what is shown to one person instead. */
  askedIn?: string;
  /** It is somebody's Home. */
  isHome?: boolean;
  /** How charts are shown; natively where it is not said. */
  charts?: 'native' | 'table';
}

const digits: Partial<RunSpec> = {
  sha: '9f2c41d07be3a5518c6b0d9e4f7a21c3d5e6f708',
  parameters: { lr: 0.1, epochs: 25, hidden: 32, seed: 0 },
  timeLimitS: 600,
  primaryMetric: 'val_accuracy',
};
const output = 'runs/42/output';

/** A change, and when it comes: counted from noon, when the run is asked for. */
type Step = [seconds: number, change: RunChange];

const start: Step = [1, { type: 'start', actor: system, reason: '1 CPU slot on gpu-box (0) is free.' }];
const running: Step = [2, { type: 'running', attempt: 1, at: later(2) }];

function exited(seconds: number, exit: Partial<Exit>): Step {
  const at = later(seconds);
  const how = { code: 0, signal: null, stopped: null, failure: null, lines: [], at, ...exit };
  return [seconds, { type: 'exited', attempt: 1, exit: how }];
}

function lived(steps: Step[], spec: Partial<RunSpec> = {}) {
  let run = liveRun({}, { ...digits, ...spec });
  const events = steps.flatMap(([seconds, change]) => {
    const after = transition(run, change, later(seconds), system);
    assert.ok(after.ok, `a ${change.type} that cannot be`);
    run = after.run;
    return after.events;
  });
  const first = { from: 'requested', actor: octocat, at: noon, attempt: 0 } as const;
  const begin = [
    { ...first, type: 'requested', to: 'requested', reason: 'It was asked for.' },
    { ...first, type: 'queued', to: 'queued', reason: 'It may run.' },
  ] as const;
  return { run, events: [...begin, ...events].map((event, i) => ({ ...event, seq: i + 1 })) };
}

/** What `examples/digits` reported when it was trained with these parameters. */
function measured(epoch: number, loss: number, valLoss: number, accuracy: number): MetricSummary[] {
  const values = { epoch, epochs: 25, loss, val_loss: valLoss, val_accuracy: accuracy };
  return Object.entries(values).map(([name, value]) => summaryOf(name, epoch, value, epoch));
}

const none = { metrics: [], output: null, ahead: 0 };
const sentence =
  'It needs 2 a100 GPUs; 1 of 4 in pool lab is free. It starts when 1 more is released (held by #38, #40, #41).';
const lab = { pool: 'lab', gpus: 2, gpuModel: 'a100', note: 'wider net, as agreed on Monday' };
const waits: Run = { ...lived([], lab).run, waiting: { code: 'flavor-full', sentence } };
const half = lived([start, running]).run;
const done = lived([start, running, exited(8.9, {})]).run;
const wrong = lived([
  start,
  running,
  exited(5, {
    code: 1,
    lines: [
      '{"epoch": 1, "epochs": 25, "step": 1, "loss": 1.404902, "val_loss": 0.80839, "val_accuracy": 0.783099}',
      'Traceback (most recent call last):',
      '  File "/var/lib/signalbox/runs/42/work/train.py", line 214, in <module>',
      '    sys.exit(main())',
      '  File "/var/lib/signalbox/runs/42/work/train.py", line 187, in main',
      '    loss += model.train_batch(layers, images, labels, rate)',
      'ValueError: operands could not be multiplied: 64 inputs, 32 weights',
    ],
  }),
]).run;
const stop: RunChange = { type: 'stop', actor: octocat, why: 'cancel', reason: 'octocat asked to stop it.' };
const stopping = lived([start, running, [70, stop]]);
const cancelled = lived([start, running, [70, stop], exited(72, { code: 143, stopped: 'cancel' })]).run;
const low = 'val_accuracy is 0.9662 at step 12.';
const broken = 'loss is not finite at step 12.';
const byRule: RunChange = {
  type: 'stop',
  actor: system,
  why: 'rule',
  reason: alertReason({ when: 'loss is NaN', do: 'stop', sentence: broken }),
};
const ruledOut = lived([
  start,
  running,
  [6, byRule],
  exited(7, { code: 143, stopped: 'cancel', lines: ['epoch 12: loss nan', 'saved checkpoint 11'] }),
]).run;
const long = lived([start, running], { ...lab, timeLimitS: 86_400, maxAttempts: 3 }).run;
const halfway = measured(12, 0.112464, 0.131153, 0.966197);
const halfPaced = pacedFrom(later(1.3), later(5.3), { step: 12, epoch: 12 });
const unhurried = pacedFrom(noon, later(900), { step: 12, epoch: 12 });
const slow = pacedFrom(noon, later(5.3), { step: 12, epoch: 12 }, 40);
const final = measured(25, 0.071156, 0.109009, 0.974648);

const past: Run[] = [
  liveRun(
    { number: 38, state: 'running', attempt: 1, createdAt: later(-9_000) },
    { project: 'segmenter', gpus: 1 },
  ),
  liveRun({ number: 39, state: 'failed', attempt: 1, createdAt: later(-5_400) }, { project: 'digits' }),
  liveRun(
    { number: 40, state: 'succeeded', attempt: 2, createdAt: later(-4_000) },
    { project: 'speech-large', gpus: 8 },
  ),
  liveRun({ number: 41, state: 'running', stopping: 'cancel', createdAt: later(-600) }, { gpus: 1 }),
  waits,
];

/** The answer to what somebody types. */
async function said(words: string, runs: Run[] = past, events = stopping.events): Promise<Reply> {
  const ports = memoryPorts(memory({ runs, events: { 42: events }, lines: wrong.failure?.lines ?? [] }));
  const audit = { ...ports.audit, append: async () => undefined };
  const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
  const intent = { key: 'slack:1', actor: octocat, place, wish: { kind: 'words', words } } as const;
  const result = await dispatch(intent, { commands, policy, ports: { ...ports, audit } }, later(60));
  return result.ok ? result.reply : faultReply(result.fault);
}

const stops: Step = [
  90,
  {
    type: 'stop',
    actor: system,
    why: 'preempt',
    by: { run: 57, rule: 'reclaim' },
    reason:
      'Stopped for #57: team speech takes back a100 of its quota of 4, which team research had borrowed.',
  },
];
const gpuSpec = { gpus: 2, gpuModel: 'a100', pool: 'lab' };
const makesRoom = lived([start, running, stops], gpuSpec).run;
const preempted: Run = {
  ...lived([start, running, stops, exited(100, { code: 143, stopped: 'preempt' })], gpuSpec).run,
  waiting: {
    code: 'borrowing-limit',
    sentence:
      'It needs 2; team research holds 4 a100 of its quota of 4, and cohort shared has 0 left to lend. It starts when its own team releases some, or others need less of theirs.',
  },
};
const owner = liveRun(
  {
    number: 57,
    waiting: {
      code: 'making-room',
      sentence:
        '2 a100 GPUs on lab-1 in pool lab are being made free for it: run #42 is being stopped. It starts when that has ended.',
    },
  },
  { ...digits, ...gpuSpec, project: 'speech', team: 'speech' },
);

const curves: Chart = {
  ...{ title: 'val_accuracy of #42 beside #38 on main', metric: 'val_accuracy' },
  ...{ better: 'higher', xTitle: 'epoch' },
  series: [
    run(points(25, i => 0.974 - 0.35 * Math.exp(-i / 4) - Math.max(0, i - 20) * 0.0006, 1, 1)),
    baseline(
      points(25, i => 0.96 - 0.36 * Math.exp(-i / 6), 1, 1),
      '#38 on main',
    ),
  ],
};

/** Every picture by its name. */
export async function replies(): Promise<Record<string, Shown>> {
  const at = (seconds: number, reply: Reply): Shown => ({ reply, now: later(seconds) });
  const halted = stalledReply(half, { metrics: halfway, output: null, reported: slow }, later(725));
  if (!halted) throw new Error('it has come to a halt');
  return {
    queued: at(40, runReply(waits, none, later(40))),
    starting: at(1, runReply(lived([start]).run, none, later(1))),
    running: at(
      6,
      runReply(half, { ...none, metrics: halfway, reported: halfPaced, spark: '▁▃▄▅▆▆▇▇██' }, later(5.3)),
    ),
    stalled: at(725, runReply(half, { ...none, metrics: halfway, reported: slow }, later(725))),
    'stalled-thread': at(725, halted),
    'alert-thread': at(
      6,
      alertReply(half, { when: 'val_accuracy < 0.97 after step 10', do: 'warn', sentence: low }),
    ),
    'alert-stop-thread': at(6, alertReply(half, { when: 'loss is NaN', do: 'stop', sentence: broken })),
    'alert-warned': at(
      6,
      runReply(
        half,
        {
          ...none,
          metrics: halfway,
          reported: {
            ...halfPaced,
            alerts: [
              { rule: 0, when: 'val_accuracy < 0.97 after step 10', do: 'warn', sentence: low, at: later(5) },
            ],
          },
        },
        later(5.3),
      ),
    ),
    'alert-ended': at(9, runReply(ruledOut, { ...none, metrics: halfway }, later(9))),
    'alert-ended-thread': at(9, endedReply(ruledOut, { metrics: halfway, output: null })),
    'running-long': at(
      30_000,
      runReply({ ...long, attempt: 2 }, { ...none, metrics: manyMetrics }, later(30_000)),
    ),
    stopping: at(71, runReply(stopping.run, { ...none, metrics: halfway }, later(71))),
    'making-room': at(90, runReply(makesRoom, { ...none, metrics: halfway }, later(90))),
    preempted: at(105, runReply(preempted, { ...none, metrics: halfway }, later(105))),
    'preempted-thread': at(101, preemptedReply(preempted)),
    'makes-others-go': at(91, runReply(owner, none, later(91))),
    succeeded: at(60, runReply(done, { ...none, metrics: final, output }, later(60))),
    'succeeded-thread': at(9, endedReply(done, { metrics: final, output })),
    'succeeded-thread-chart': at(9, endedReply(done, { metrics: final, output, chart: curves })),
    'succeeded-thread-table': {
      ...at(9, endedReply(done, { metrics: final, output, chart: curves })),
      charts: 'table',
    },
    chart: at(9, reply(`${curves.title}.`, [{ kind: 'chart', ...curves }])),
    failed: at(
      60,
      runReply(wrong, { ...none, metrics: measured(1, 1.404902, 0.80839, 0.783099), output }, later(60)),
    ),
    'failed-thread': at(60, endedReply(wrong, { metrics: measured(1, 1.404902, 0.80839, 0.783099), output })),
    cancelled: at(90, runReply(cancelled, { ...none, metrics: halfway, output }, later(90))),
    'cancelled-thread': at(72, endedReply(cancelled, { metrics: halfway, output })),
    asked: at(60, await said('train digits -p lr=0.1 --note "wider net"')),
    'wrong-parameter': at(60, await said('train digits -p lrr=0.1')),
    'wrong-value': at(60, await said('train digits --gpus -1')),
    'wrong-project': at(60, await said('train digit')),
    list: at(60, await said('train list')),
    'list-empty': at(60, await said('train list', [])),
    help: at(60, await said('train help')),
    'help-list': at(60, await said('train list --help')),
    why: at(60, await said('train why 42', [waits], lived([]).events)),
    'why-failed': at(60, await said('train why 42', [wrong], stopping.events)),
    logs: at(60, await said('train logs 42', [wrong])),
    cancel: at(60, await said('train cancel 42', [half])),
    extend: at(60, await said('train extend 42', [half])),
    'extend-too-long': at(60, await said('train extend 42 12h', [half])),
    'running-extended': at(
      900,
      runReply({ ...half, extraS: 3_600 }, { ...none, metrics: halfway, reported: unhurried }, later(900)),
    ),
    'queued-direct': { ...at(40, runReply(waits, none, later(40))), askedIn: 'C1' },
    compare: at(60, await compared()),
    'compare-three': at(60, await comparedThree()),
    'list-sorted': at(60, await said('train list --sort val_accuracy', [done, { ...done, number: 40 }])),
    ...sweeps(),
    'compare-none': at(60, await said('train compare 42', [done])),
    link: at(60, await linked()),
    whoami: at(60, await said('signalbox whoami')),
    ...homes(),
    ...(await gpus()),
    'retry-elsewhere': at(60, faultReply(fault('BUTTON_INVALID', { example: 'train list' }, '/'))),
  };
}

/** A run beside one before it that had another learning rate and did worse. */
async function compared(): Promise<Reply> {
  const before = {
    ...done,
    number: 40,
    spec: { ...done.spec, sha: 'a'.repeat(40), parameters: { ...done.spec.parameters, lr: 0.03 } },
  };
  const runs = memoryPorts(memory({ runs: [before, done] })).runs;
  const metrics = async (number: number) =>
    number === 42 ? final : measured(25, 0.093114, 0.1204, 0.969211);
  const outcome = await trainCompare.run({ run: 42 }, context(), {
    ...memoryPorts(memory({ baseline: before })),
    runs: { ...runs, metrics },
  });
  assert.ok(outcome.ok);
  return outcome.reply;
}

/** Three runs, one of them of other code. */
async function comparedThree(): Promise<Reply> {
  const of = (number: number, lr: number, sha = done.spec.sha) => ({
    ...done,
    number,
    spec: {
      ...done.spec,
      source: 'github:octo-org/digits',
      sha,
      parameters: { ...done.spec.parameters, lr },
    },
  });
  const all = [of(42, 0.1), of(57, 0.03), of(61, 0.1, 'b'.repeat(40))];
  const metrics = async (number: number) =>
    number === 42 ? final : measured(25, 0.093114 + number / 1e4, 0.1204, number === 57 ? 0.981211 : 0.95);
  const ports = memoryPorts(memory({ runs: all }));
  const costs = { of: async (number: number) => ({ hours: number / 28, money: number / 9 }) };
  const outcome = await trainCompare.run({ run: 42, other: 57, third: 61 }, context(), {
    ...{ ...ports, costs },
    runs: { ...ports.runs, metrics },
  });
  assert.ok(outcome.ok);
  return outcome.reply;
}

/** Runs that were asked for together. */
function sweeps(): Record<string, Shown> {
  const now = later(600);
  const ended = { ...digitsSweep, endedAt: later(900) };
  const asks = { code: 'needs-approval', sentence: 'Team research asks for approval.', cost: 60 };
  const many = Array.from({ length: 24 }, (_, i) => ({
    ...member(1, { number: 101 + i, state: 'running', attempt: 1, startedAt: later(60) }, 0.5 + i / 100),
  }));
  const cancelled = { ...digitsSweep, cancelledBy: digitsSweep.requestedBy };
  const none = { ...digitsSweep, spec: { ...digitsSweep.spec, metric: null, better: null, earlyStop: null } };
  return {
    sweep: { reply: sweepReply(digitsSweep, underWay, null, now), now },
    'sweep-ended': { reply: sweepReply(ended, over, sweepCost, now), now },
    'sweep-ended-thread': { reply: sweepEndedReply(ended, over, sweepCost), now },
    'sweep-many': { reply: sweepReply(digitsSweep, many, null, now), now },
    'sweep-waits': {
      reply: sweepReply(
        none,
        [member(0, { waiting: asks }), member(1, {}), member(2, { waiting: asks })],
        null,
        now,
      ),
      now,
    },
    'sweep-cancelled': {
      reply: sweepReply(
        cancelled,
        [member(0, { state: 'cancelled', endedAt: now }), member(1, { state: 'cancelled', endedAt: now })],
        null,
        now,
      ),
      now,
    },
  };
}

async function linked(): Promise<Reply> {
  const ports = memoryPorts(memory());
  const links = { ...ports.links, issue: async () => '7KQ29FMD' };
  const outcome = await signalboxLink.run({}, context(), { ...ports, links });
  assert.ok(outcome.ok);
  return outcome.reply;
}

const manyMetrics: MetricSummary[] = Object.entries({
  step: 41_200,
  steps: 120_000,
  'train/loss': 2.318,
  'val/loss': 2.4017,
  val_accuracy: 0.61,
  lr: 0.00003,
  grad_norm: 1.0341,
  'throughput/tokens_per_second': 184_213.77,
  'gpu/memory_gb': 71.2,
}).map(([name, value]) => summaryOf(name, 41_200, value, 412));

/** What people see of the shared GPUs. */
async function gpus(): Promise<Record<string, Shown>> {
  const m = sharedGpus();
  const at = (reply: Reply, seconds = 1_000): Shown => ({ reply, now: later(seconds) });
  const says = async (command: CommandDefinition, words: string, usage = m.usage) => {
    const outcome = await say(command, words, { ...m, usage }, asOctocat);
    return at(outcome.ok ? outcome.reply : faultReply(fault(outcome.code, outcome.details, '/')));
  };
  const [lease] = m.runs;
  assert.ok(lease);
  const facts = { ...none, shares: m.shares };
  const waiting = {
    code: 'needs-approval',
    sentence:
      'Pool lab has room for it, for up to 60.00 EUR; team vision asks for approval above 50.00 EUR. It starts when an approver agrees, or when another of its pools has room.',
    cost: 60,
  };
  const warning = leaseWarning(lease, later(13_500));
  assert.ok(warning);
  const ended: Run = { ...lease, state: 'succeeded', endedAt: later(14_400) };
  return {
    gpu: await says(gpu, ''),
    'gpu-usage': await says(gpuUsage, '', usageRows),
    'gpu-whatif': await says(gpuWhatif, '2 --gpu a100 --for 6h'),
    'gpu-whatif-waits': await says(gpuWhatif, '8 --gpu a100 --for 6h'),
    'gpu-too-many': await says(gpuRequest, '9 --for 4h'),
    'dry-run': await says(train, 'digits --gpus 2 --dry-run'),
    lease: at(runReply(lease, facts, later(1_000))),
    'lease-queued': at(
      runReply({ ...lease, state: 'queued', startedAt: null, attempt: 0 }, none, later(1_000)),
    ),
    'lease-warning': at(warning, 13_500),
    'lease-ended': at(runReply(ended, facts, later(14_500)), 14_500),
    'lease-ended-thread': at(endedReply(ended, facts), 14_400),
    'needs-approval': at(runReply({ ...waits, waiting }, none, later(1_000))),
  };
}

const usageRows: UsageRow[] = [
  { by: 'all', name: '', shown: '', runs: 31, askedHours: 912, heldHours: 402.5, cost: 1006.25 },
  { by: 'team', name: 'vision', shown: 'vision', runs: 22, askedHours: 640, heldHours: 300.25, cost: 750.62 },
  { by: 'team', name: 'speech', shown: 'speech', runs: 9, askedHours: 272, heldHours: 102.25, cost: 255.63 },
  {
    by: 'person',
    name: 'slack:T1/U1',
    shown: 'octocat',
    runs: 22,
    askedHours: 640,
    heldHours: 300.25,
    cost: 750.62,
  },
  {
    by: 'person',
    name: 'slack:T1/U2',
    shown: 'hubot',
    runs: 9,
    askedHours: 272,
    heldHours: 102.25,
    cost: 255.63,
  },
  { by: 'project', name: 'digits', shown: 'digits', runs: 14, askedHours: 400, heldHours: 212, cost: 530 },
  {
    by: 'project',
    name: '(lease)',
    shown: '(lease)',
    runs: 8,
    askedHours: 240,
    heldHours: 88.25,
    cost: 220.62,
  },
  { by: 'project', name: 'words', shown: 'words', runs: 9, askedHours: 272, heldHours: 102.25, cost: 255.63 },
];

function homes(): Record<string, Shown> {
  const hubot = { kind: 'slack', id: 'T1/U2', name: 'hubot' } as const;
  const others = [
    liveRun({ number: 45, requestedBy: hubot, priority: 'high' }, { ...lab, project: 'segmenter' }),
    liveRun({ number: 44, requestedBy: hubot }, { ...lab, project: 'speech-large', gpus: 8, gpuModel: null }),
  ];
  const facts: HomeFacts = {
    actor: octocat,
    holdings,
    mine: {
      first: [
        { run: half, metrics: halfway, pace: halfPaced.pace, ahead: 0 },
        { run: { ...waits, number: 43 }, metrics: [], ahead: 2 },
      ],
      count: 2,
    },
    ended: [
      { ...wrong, number: 41 },
      { ...done, number: 40 },
    ],
    queue: { first: others, count: 14 },
    unreviewed: [],
    mayTrain: true,
    example: 'train digits -p lr=0.1',
  };
  const nothing: HomeFacts = {
    ...facts,
    holdings: { pools: holdings.pools.slice(0, 1), held: [], queued: [], freezes: [] },
    mine: { first: [], count: 0 },
    ended: [],
    queue: { first: [], count: 0 },
  };
  const emergency = { actor: hubot, why: 'runs fill the disk of gpu-1', endedAt: null, review: null };
  const unreviewed = [7, 8].map(id => ({
    ...emergency,
    id,
    openedAt: later(-9_000),
    until: later(id * 1_000 - 7_500),
  }));
  const why = 'the shared file system is being moved, which takes until about three in the afternoon';
  const freezes = [
    { id: 1, kind: 'freeze' as const, scope: { kind: 'all' as const }, why, by: hubot, since: later(-900) },
  ];
  const at = (shown: Reply): Shown => ({ reply: shown, now: later(60), isHome: true });
  return {
    home: at(homeReply(facts, later(5.3))),
    'home-empty': at(homeReply(nothing, noon)),
    'home-reviews': at(
      homeReply({ ...nothing, unreviewed, holdings: { ...nothing.holdings, freezes } }, noon),
    ),
    'home-closed': at(
      closedHomeReply(
        'It needs the role viewer, and yours is none.',
        'Ask an operator of Signalbox for it: roles are given under `people:` in signalbox.yml.',
      ),
    ),
  };
}
