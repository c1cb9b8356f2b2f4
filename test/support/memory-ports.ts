import type { CommandContext, CommandDefinition, Outcome } from '../../src/core/command.ts';
import type { Elevation } from '../../src/core/elevation.ts';
import type { Freeze } from '../../src/core/freeze.ts';
import { diffPage } from '../../src/core/github-source.ts';
import { coerceValues, parseCommand } from '../../src/core/grammar.ts';
import { nothingLeftOut } from '../../src/core/metric-points.ts';
import { isSamePerson, personOf } from '../../src/core/people.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import type {
  AuditRow,
  MetricSummary,
  PlanSnapshot,
  PoolState,
  Ports,
  Resolved,
  RunRecord,
  RunShare,
  Token,
  UsageRow,
} from '../../src/core/ports.ts';
import { rightsIn } from '../../src/core/rights.ts';
import { type Run, type RunEvent, transition } from '../../src/core/run.ts';
import type { Sweep, SweepMember } from '../../src/core/sweep.ts';
import { liveRun, noon } from './live-run.ts';
import { leverPorts } from './memory-levers.ts';
import { noCharts } from './no-charts.ts';
import { snapshotOf } from './plan.ts';
import { octocat } from './run.ts';

/** What the parts of one command's test know and keep: plain values, changed by what the command does. */
export interface Memory {
  runs: Run[];
  keys: Map<string, number>;
  events: Record<number, (RunEvent & { seq: number })[]>;
  metrics: MetricSummary[];
  ahead: number;
  shares: RunShare[];
  usage: UsageRow[];
  record: RunRecord;
  lines: string[];
  audit: AuditRow[];
  pools: PoolState[];
  held: PlanSnapshot['held'];
  queued: PlanSnapshot['queued'];
  working: PlanSnapshot['working'];
  freezes: Freeze[];
  elevations: Elevation[];
  tokens: Token[];
  resolved: Resolved;
  sweeps: { sweep: Sweep; members: SweepMember[] }[];
  /** What runs are held against where nobody names another. */
  baseline: Run | null;
  /** Calls that change or read something outside, in order. */
  calls: string[];
}

export function memory(changes: Partial<Memory> = {}): Memory {
  return {
    runs: [],
    keys: new Map(),
    events: {},
    metrics: [],
    ahead: 0,
    shares: [],
    usage: [],
    record: { artifacts: [], inputs: [], machine: null, held: { acceleratorHours: 0, cost: 0 } },
    lines: [],
    audit: [],
    pools: [],
    held: [],
    queued: [],
    working: [],
    freezes: [],
    elevations: [],
    tokens: [],
    resolved: { ok: true, sha: 'b'.repeat(40) },
    sweeps: [],
    baseline: null,
    calls: [],
    ...changes,
  };
}

const unused = () => {
  throw new Error('no command asks for this');
};

export function memoryPorts(m: Memory): Ports {
  const find = (number: number) => m.runs.find(run => run.number === number) ?? null;
  return {
    promotions: {
      create: unused,
      get: unused,
      open: unused,
      ofModel: unused,
      events: unused,
      live: unused,
      servedBefore: unused,
      served: unused,
      evaluate: unused,
      evaluations: unused,
      wasLive: unused,
      change: unused,
      evidence: unused,
      button: unused,
      pressed: unused,
      shownAt: unused,
      remark: unused,
    },
    promotionDesk: { look: unused, reaches: () => false },
    charts: noCharts,
    models: {
      all: async () => [],
      get: async () => null,
      version: async () => null,
      versions: async () => [],
      ofRun: async () => [],
    },
    modelPolicies: { all: async () => new Map() },
    registry: { aliases: async () => [], registered: async () => null, address: null },
    costs: { of: async () => ({ hours: 0, money: 0 }) },
    pages: { diff: (source, from, to) => diffPage('https://github.com', source, from, to) },
    baselines: { of: async () => ({ wish: { kind: 'previous' }, run: m.baseline }) },
    sweeps: {
      async create({ key, spec, members, priority, requestedBy, place, at }) {
        m.calls.push(`sweep ${key}`);
        const known = m.sweeps.find(({ sweep }) => sweep.number === m.keys.get(key));
        if (known) return { sweep: known.sweep, runs: known.members.map(({ run }) => run), created: false };
        const number = m.sweeps.length + 1;
        const runs = members.map((one, i) => ({
          ...liveRun({ number: m.runs.length + i + 1, priority, requestedBy, place, createdAt: at }),
          spec: { ...one, sweep: { number, member: i + 1 } },
          pool: one.pool,
        }));
        const sweep = { number, spec, requestedBy, place, createdAt: at, cancelledBy: null, endedAt: null };
        m.runs.push(...runs);
        m.sweeps.push({ sweep, members: runs.map(run => ({ run, metrics: [], stop: null })) });
        m.keys.set(key, number);
        return { sweep, runs, created: true };
      },
      get: async number => m.sweeps.find(({ sweep }) => sweep.number === number)?.sweep ?? null,
      newestNumber: async () => m.sweeps.at(-1)?.sweep.number ?? null,
      async members({ number }) {
        const all = m.sweeps.find(({ sweep }) => sweep.number === number)?.members ?? [];
        return all.map(one => ({ ...one, run: find(one.run.number) ?? one.run }));
      },
      async cancel(number, actor) {
        m.calls.push(`cancel S${number}`);
        m.sweeps = m.sweeps.map(one =>
          one.sweep.number === number ? { ...one, sweep: { ...one.sweep, cancelledBy: actor } } : one,
        );
        return true;
      },
    },
    runs: {
      async create({ key, spec, priority, requestedBy, place, at }) {
        m.calls.push(`create ${key}`);
        const known = find(m.keys.get(key) ?? 0);
        if (known) return { run: known, created: false };
        const number = Math.max(0, ...m.runs.map(run => run.number)) + 1;
        const run = {
          ...liveRun({ number, priority, requestedBy, place, createdAt: at }),
          spec,
          pool: spec.pool,
        };
        m.runs.push(run);
        m.keys.set(key, number);
        return { run, created: true };
      },
      get: async number => find(number),
      newestNumber: async () => m.runs.at(-1)?.number ?? null,
      async list(filter) {
        m.calls.push(`list ${JSON.stringify(filter)}`);
        const { project, states, before = Number.POSITIVE_INFINITY, limit } = filter;
        const fits = (run: Run) =>
          run.number < before &&
          (project === undefined || run.spec.project === project) &&
          (states === undefined || states.includes(run.state));
        return m.runs.filter(fits).toReversed().slice(0, limit);
      },
      async sorted(filter, order) {
        m.calls.push(`sorted ${JSON.stringify(filter)} ${JSON.stringify(order)}`);
        const found = m.metrics.find(({ name }) => name === order.metric);
        return found ? m.runs.slice(0, filter.limit).map(run => ({ run, metric: found })) : [];
      },
      atCommit: async (_, sha) => m.runs.filter(run => run.spec.sha === sha).toReversed(),
      ahead: async () => m.ahead,
      shares: async () => m.shares,
      events: async number => m.events[number] ?? [],
      async change(number, change, now, actor) {
        m.calls.push(`change ${number} ${change.type}`);
        const run = find(number);
        if (!run) return { ok: false, code: 'not-found' };
        const key = change.type === 'extend' ? change.key : null;
        if (key !== null && m.keys.has(key)) return { ok: false, code: 'stale' };
        const after = transition(run, change, now, actor);
        if (after.ok && key !== null) m.keys.set(key, number);
        if (after.ok) m.runs = m.runs.map(one => (one === run ? after.run : one));
        return after;
      },
      showAt: unused,
      metrics: async () => m.metrics,
      series: unused,
      reported: async () => ({ leftOut: nothingLeftOut, pace: null, heardSince: null, alerts: [] }),
      addPoints: unused,
    },
    logs: {
      poolOf: unused,
      size: unused,
      append: unused,
      read: unused,
      async tail(number, attempt, lines) {
        m.calls.push(`tail ${number} ${attempt} ${lines}`);
        return m.lines.slice(-lines);
      },
    },
    plan: {
      snapshot: async () =>
        snapshotOf({
          ...{ pools: m.pools, freezes: m.freezes, held: m.held, queued: m.queued, working: m.working },
        }),
      commit: unused,
      wanted: unused,
    },
    source: {
      async resolve(source, ref) {
        m.calls.push(`resolve ${source} ${ref}`);
        return m.resolved;
      },
      archive: unused,
      pin: unused,
      file: unused,
      standing: unused,
      changed: unused,
      isOnBranch: unused,
    },
    pulls: { at: unused, commit: unused, approve: unused },
    usage: {
      between: async filter => {
        m.calls.push(`usage ${JSON.stringify(filter)}`);
        return m.usage;
      },
    },
    records: { of: async () => m.record, artifacts: async () => m.record.artifacts },
    links: { all: async () => new Map(), issue: unused, redeem: unused, unlink: unused },
    groups: { of: async () => [] },
    github: { startAddress: async () => null },
    stepUp: { isOn: false, startAddress: unused },
    audit: {
      append: unused,
      verify: unused,
      async list(filter) {
        m.calls.push(`audit ${JSON.stringify(filter)}`);
        return m.audit.toReversed().slice(0, filter.limit);
      },
    },
    ...leverPorts(m),
  };
}

export const policy: Policy = policySchema.parse({
  teams: { research: {}, platform: {} },
  pools: { local: {}, lab: {} },
  projects: {
    digits: {
      team: 'research',
      source: '/projects/digits',
      ref: 'main',
      command: ['python3', 'train.py', '--lr={lr}', '{note}'],
      parameters: {
        lr: { type: 'number', default: 0.1, min: 0, max: 10 },
        note: { type: 'text', default: 'none' },
      },
      timeLimit: '4h',
    },
  },
});

export function context(changes: Partial<CommandContext> = {}): CommandContext {
  const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
  const { actor = octocat, policy: said = policy } = changes;
  const none = new Map();
  return {
    ...{ actor, place, role: 'trainer', policy: said, key: 'slack:1', now: noon },
    person: personOf(actor, said, none, []),
    rights: () => rightsIn([{ path: ['signalbox', 'whoami'], access: 'none' }], 'trainer', 'slack'),
    isSelf: other => isSamePerson(actor, other, said.people, none),
    ...changes,
  };
}

/** Runs a command with the words after its name, as the dispatcher would. */
export async function say(
  command: CommandDefinition,
  words: string,
  m: Memory,
  changes: Partial<CommandContext> = {},
): Promise<Outcome> {
  const parsed = parseCommand(`${command.path.join(' ')} ${words}`, [command]);
  if (!parsed.ok) return parsed;
  if ('help' in parsed) throw new Error('the words ask for help');
  const same = coerceValues(command, parsed.values);
  if (!same.ok) throw new Error(`typed values are read otherwise than words: ${same.code}`);
  return await command.run(parsed.values, context(changes), memoryPorts(m));
}
