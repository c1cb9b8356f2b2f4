import { type Policy, policySchema } from '../../src/core/policy.ts';
import type { Accelerator, PoolState } from '../../src/core/ports.ts';
import type { Run } from '../../src/core/run.ts';
import { later, liveRun, noon } from './live-run.ts';
import { type Memory, memory } from './memory-ports.ts';
import { queuedRun, workingRun } from './plan.ts';
import { octocat } from './run.ts';

export const hubot = { kind: 'slack', id: 'T1/U2', name: 'hubot' } as const;

/** Two teams that lend to each other, a machine of eight A100, and the same for money elsewhere. */
export const sharedPolicy: Policy = policySchema.parse({
  currency: 'EUR',
  flavors: {
    a100: { resource: 'nvidia.com/gpu', model: 'A100', price: 2.5 },
    cpu: { resource: 'cpu' },
  },
  pools: {
    lab: { flavors: ['a100', 'cpu'] },
    cloud: { backup: true, flavors: ['a100'], prices: { a100: 4.1 } },
  },
  teams: {
    vision: { queue: { quotas: { a100: { quota: 4, borrow: 2 } } }, budget: { ask: 50 } },
    speech: { queue: { quotas: { a100: { quota: 4 } } } },
  },
  projects: {
    digits: { team: 'vision', source: '/projects/digits', command: ['true'], timeLimit: '12h', gpus: 1 },
    words: {
      team: 'speech',
      source: '/projects/words',
      command: ['true'],
      timeLimit: '12h',
      preemptible: true,
    },
  },
  leases: { most: '8h', gpus: 4 },
  people: [
    { slack: 'T1/U1', name: 'octocat', role: 'trainer', teams: ['vision'] },
    { slack: ['T1/U2', 'T2/U2'], name: 'hubot', role: 'approver', teams: ['speech'] },
  ],
});

function accelerators(kind: 'gpu' | 'cpu', model: string, node: string, count: number): Accelerator[] {
  const resource = kind === 'gpu' ? 'nvidia.com/gpu' : 'cpu';
  return Array.from({ length: count }, (_, index) => ({
    ...{ node, index, kind, model, resource, device: null, memoryMb: 0, healthy: true },
  }));
}

const pools: PoolState[] = [
  {
    name: 'lab',
    seenAt: noon,
    reachable: true,
    accelerators: [
      ...accelerators('gpu', 'NVIDIA A100-SXM4-80GB', 'n1', 8),
      ...accelerators('cpu', 'x86_64', 'n1', 4),
    ],
  },
  { name: 'cloud', seenAt: null, reachable: false, accelerators: [] },
];

/** A lease of two, a run of three by the other team, and one that waits. */
export function sharedGpus(more: Partial<Memory> = {}): Memory {
  const lease: Run = liveRun(
    { number: 7, state: 'running', attempt: 1, startedAt: noon },
    {
      kind: 'lease',
      project: '(lease)',
      team: 'vision',
      pool: 'lab',
      gpus: 2,
      gpuModel: 'a100',
      timeLimitS: 14_400,
      parameters: {},
      sha: '',
      ref: '',
      graceS: 30,
      note: 'look at the errors',
    },
  );
  const words: Run = liveRun(
    { number: 8, state: 'running', attempt: 1, startedAt: later(600), requestedBy: hubot },
    { project: 'words', team: 'speech', pool: 'lab', gpus: 3, timeLimitS: 43_200 },
  );
  const waits: Run = liveRun(
    {
      number: 9,
      requestedBy: hubot,
      queuedAt: noon,
      waiting: {
        code: 'flavor-full',
        sentence:
          'It needs 4 GPUs; 3 of 8 in pool lab are free. It starts when 1 more is released (held by #7, #8).',
      },
    },
    { project: 'words', team: 'speech', pool: 'lab', gpus: 4, timeLimitS: 43_200 },
  );
  const held = (run: number, indices: number[]) =>
    indices.map(index => ({ pool: 'lab', node: 'n1', kind: 'gpu' as const, index, run }));
  const leased = {
    project: '(lease)',
    team: 'vision',
    kind: 'lease',
    startedAt: noon,
    timeLimitS: 14_400,
    flavor: 'a100',
    price: 2.5,
  } as const;
  const trained = {
    project: 'words',
    team: 'speech',
    since: later(600),
    startedAt: later(600),
    timeLimitS: 43_200,
    flavor: 'a100',
    price: 2.5,
  } as const;
  return memory({
    runs: [lease, words, waits],
    pools,
    held: [...held(7, [0, 1]), ...held(8, [2, 3, 4])],
    working: [workingRun(7, leased), workingRun(8, trained)],
    queued: [queuedRun(9, { project: 'words', team: 'speech', gpus: 4, timeLimitS: 43_200, queuedAt: noon })],
    shares: [{ pool: 'lab', node: 'n1', kind: 'gpu', indices: [0, 1] }],
    ...more,
  });
}

export const asOctocat = { actor: octocat, policy: sharedPolicy };
export const asHubot = { actor: hubot, policy: sharedPolicy, role: 'approver' } as const;
