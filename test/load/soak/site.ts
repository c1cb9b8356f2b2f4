import type { AgentSyncRequest } from '../../../src/core/agent-protocol.ts';
import { type Policy, policySchema } from '../../../src/core/policy.ts';
import type { NewRun } from '../../../src/core/ports.ts';
import { requestRun } from '../../../src/core/run-request.ts';
import type { Random } from '../../support/random.ts';
import { octocat } from '../../support/run.ts';

type Accelerators = AgentSyncRequest['accelerators'];

const models: Record<string, string> = {
  a100: 'NVIDIA A100-SXM4-80GB',
  h100: 'NVIDIA H100 80GB HBM3',
  l40: 'NVIDIA L40S',
};

/** Three pools, each one machine. `cloud` is the backup, and costs. */
const stocks: Record<string, Record<string, number>> = {
  lab: { a100: 64, h100: 32 },
  annex: { l40: 64 },
  cloud: { a100: 64 },
};
export const poolNames = Object.keys(stocks);

export function acceleratorsOf(pool: string): Accelerators {
  const names = Object.entries(stocks[pool] ?? {}).flatMap(([flavor, count]) =>
    Array.from({ length: count }, () => models[flavor] ?? flavor),
  );
  return names.map((model, index) => ({
    ...{ node: `${pool}-1`, index, kind: 'gpu' as const, model, resource: 'nvidia.com/gpu' },
    ...{ device: null, memoryMb: 80_000, healthy: true },
  }));
}

interface TeamSize {
  name: string;
  a100: { quota: number; borrow?: number; lend?: number };
  h100: { quota: number; lend?: number } | null;
}

/** Quotas of A100 add up to more than the lab has and less than there is with the cloud; nobody has any of L40, which is free for all. */
const teams: TeamSize[] = Array.from({ length: 20 }, (_, i) => ({
  name: `team-${i + 1}`,
  a100: {
    quota: i % 4 === 0 ? 6 : 4,
    ...(i % 3 === 0 ? {} : { borrow: i % 3 === 1 ? 4 : 2 }),
    ...(i % 5 === 0 ? { lend: 2 } : {}),
  },
  h100: i % 2 === 0 ? { quota: i % 4 === 0 ? 4 : 2, ...(i % 8 === 0 ? { lend: 1 } : {}) } : null,
}));

/** As `signalbox.yml` has it; JSON is YAML. Work and time limits are of seconds, so prices are of hours that nobody would pay. */
export function policyText(): string {
  const project = { source: './project', command: ['run'], attempts: 1, grace: '5s', timeLimit: '60s' };
  return JSON.stringify({
    currency: 'EUR',
    scheduler: { policy: 'fair', halfLife: '30s' },
    flavors: Object.fromEntries(
      Object.keys(models).map(name => [name, { resource: 'nvidia.com/gpu', model: name.toUpperCase() }]),
    ),
    pools: {
      lab: { flavors: ['a100', 'h100'], accelerators: 'none' },
      annex: { flavors: ['l40'], accelerators: 'none' },
      cloud: { flavors: ['a100'], accelerators: 'none', backup: true, prices: { a100: 3_000 } },
    },
    teams: Object.fromEntries(
      teams.map(({ name, a100, h100 }, i) => [
        name,
        {
          queue: {
            ...{ cohort: i % 2 === 0 ? 'research' : 'product', weight: 1 + (i % 3), preempts: i % 3 !== 1 },
            quotas: { a100, ...(h100 ? { h100 } : {}) },
          },
          ...(i % 4 === 3 ? { budget: { month: 300, ask: 40 } } : {}),
          ...(i % 4 === 2 ? {} : { patience: `${1 + (i % 5)}s` }),
        },
      ]),
    ),
    projects: Object.fromEntries(
      teams.flatMap(({ name }, i) => [
        [`${name}-firm`, { ...project, team: name, ...(i % 5 === 1 ? { maxRunning: 3 } : {}) }],
        [
          `${name}-spare`,
          { ...project, team: name, preemptible: true, ...(i % 5 === 2 ? { maxRunning: 4 } : {}) },
        ],
      ]),
    ),
  });
}

export const policy: Policy = policySchema.parse(JSON.parse(policyText()));
export const projectNames = Object.keys(policy.projects);

/** The run with that key: what somebody of some team would ask for, never more than the team may ever have. Some teams ask far more. */
export function drawnRun(key: string, roll: Random, at: Date): NewRun {
  const team = teams[Math.floor(teams.length * roll.next() ** 1.3)] ?? teams[0];
  if (!team) throw new Error('there are no teams');
  const isSpare = roll.chance(0.55);
  const model = roll.pick([null, null, null, 'a100', 'a100', 'a100', ...(team.h100 ? ['h100', 'h100'] : [])]);
  const most =
    model === null
      ? 8
      : model === 'h100'
        ? (team.h100?.quota ?? 0)
        : team.a100.quota + (isSpare ? Math.min(team.a100.borrow ?? 4, 4) : 0);
  const gpus = Math.min(most, roll.pick([1, 1, 2, 2, 4, 6, 8]));
  const pinned = roll.chance(0.15) ? (model === null ? 'annex' : 'lab') : undefined;
  const requested = requestRun(
    {
      project: `${team.name}-${isSpare ? 'spare' : 'firm'}`,
      gpus,
      priority: roll.pick(['low', 'normal', 'normal', 'normal', 'high']),
      time: roll.pick([10, 15, 15, 20, 30, 60]),
      ...(model === null ? {} : { gpu: model }),
      ...(pinned === undefined ? {} : { pool: pinned }),
    },
    policy,
  );
  if (!requested.ok) throw new Error(`${requested.code} ${JSON.stringify(requested.details)}`);
  const { spec, priority } = requested;
  return {
    key,
    spec: { ...spec, sha: 'a'.repeat(40), trigger: 'command', secrets: [] },
    priority,
    requestedBy: octocat,
    place: { kind: 'http' },
    at,
  };
}
