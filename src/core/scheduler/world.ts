import type { Priority } from '../project.ts';

/** How runs of several teams are put in order. `fair` is the default. */
export const policyNames = ['fifo', 'easy', 'fair'] as const;
export type PolicyName = (typeof policyNames)[number];

/** What one node has of one flavor. */
export interface NodeStock {
  node: string;
  /** Healthy ones that nobody holds, ascending. */
  free: readonly number[];
  /** All healthy ones, held or not. */
  healthy: number;
  faulty: number;
}

/** A kind of accelerator in one pool: what is counted, shared and paid for alike. */
export interface FlavorStock {
  /** As quotas name it. */
  flavor: string;
  /** `cpu` slots serve runs that want no accelerator; everything else is an accelerator. */
  kind: 'gpu' | 'cpu';
  /** What a request for a model is held against, with the name of the flavor: any part of it, in any case. */
  models: readonly string[];
  /** Given only to runs that name it: a slice of an accelerator is no accelerator. */
  onlyNamed: boolean;
  /** For one accelerator and one hour; 0: it costs nothing beyond what is there anyway. */
  price: number;
  nodes: readonly NodeStock[];
}

export interface PoolStock {
  name: string;
  reachable: boolean;
  /** Ms since the epoch; null: never. */
  seenAt: number | null;
  /** Used only when the team's own pools were full for longer than its patience. */
  backup: boolean;
  /** In the order in which they are tried. */
  flavors: readonly FlavorStock[];
}

/** What a team has of a flavor, in accelerators: Kueue's nominal quota, borrowing limit and lending limit; null: no limit. */
export interface Quota {
  flavor: string;
  quota: number;
  borrow: number | null;
  lend: number | null;
}

/** A team's queue. A team without one is bound by no quota. */
export interface Queue {
  team: string;
  /** Queues of one cohort lend to and borrow from each other. */
  cohort: string;
  weight: number;
  /** Whether a run may take the place of one of its own team with a lower priority. */
  preempts: boolean;
  quotas: readonly Quota[];
  /** Accelerator-seconds had up to now, each halved with every half-life since. */
  served: number;
}

export interface Team {
  name: string;
  /** How long its runs wait for its own pools before backup pools are used, in seconds; null: they never are. */
  patienceS: number | null;
  /** What may still be spent this month; null: nothing is counted. */
  budgetLeft: number | null;
  /** What costs more than this needs somebody's approval; null: nothing does. */
  askAbove: number | null;
}

export interface Share {
  node: string;
  kind: 'gpu' | 'cpu';
  indices: readonly number[];
}

/** A run that holds accelerators. */
export interface Holder {
  number: number;
  team: string;
  project: string;
  pool: string;
  flavor: string;
  priority: Priority;
  /** It can be stopped and goes on later from its checkpoint. */
  preemptible: boolean;
  shares: readonly Share[];
  /** Ms since the epoch, when its attempt was given them. */
  since: number;
  /** Ms since the epoch, when it is stopped at the latest. */
  endsBy: number;
  /** It is being stopped, and lets go of what it holds soon. */
  leaving: boolean;
  /** Its machine has not taken it yet, and may be refused it. It is not stopped for another: it has not begun. */
  untaken: boolean;
}

/** Where others are stopped for a run. */
export interface Room {
  pool: string;
  flavor: string;
  nodes: readonly string[];
  /** Their numbers. */
  stopped: readonly number[];
}

/** A run that waits. */
export interface Waiting {
  number: number;
  team: string;
  project: string;
  priority: Priority;
  /** Ms since the epoch. */
  queuedAt: number;
  /** Where it waits now. */
  pool: string;
  /** Where it may go, in the order in which it is tried; only `pool` where the request named one. */
  pools: readonly string[];
  /** Accelerators for each worker, all on one node; 0: one CPU slot. */
  gpus: number;
  /** Workers of a gang, each on a node of its own: all start or none. */
  workers: number;
  /** Name of a flavor or part of a model's name; null: any. */
  model: string | null;
  preemptible: boolean;
  /** How long it holds what it gets at most, with its grace, in seconds. */
  limitS: number;
  /** The cost that somebody approved; null: nobody has. */
  approved: number | null;
  /** Where others were stopped for it (`Hold.room` of an earlier plan): nobody else is given that room. Null: nowhere. */
  room: Room | null;
  /** What an operator said about its project or pools that keeps it, as one sentence. */
  held: { code: 'frozen' | 'draining'; pool: string | null; sentence: string }[];
}

/** All that a plan rests on. The order of rows in it means nothing, but for `pools` and what a pool or a run lists in order. */
export interface World {
  policy: PolicyName;
  /** In the order in which they are tried. */
  pools: readonly PoolStock[];
  queues: readonly Queue[];
  teams: readonly Team[];
  /** Runs of a project that may hold something at once; a project that is absent has no limit. */
  projectLimits: ReadonlyMap<string, number>;
  holders: readonly Holder[];
  waiting: readonly Waiting[];
  currency: string;
}

/** Why a run is stopped for another. `reclaim`: quota of the other's team that its own had borrowed. `priority`: of its own team, and lower. */
export const preemptionRules = ['reclaim', 'priority'] as const;
export type PreemptionRule = (typeof preemptionRules)[number];

/** Why a waiting run does not start, as a closed set. Of several pools, the one is told of that may change soonest. */
export const holdCodes = [
  /** An operator has frozen everything, its pool or its project. */
  'frozen',
  /** An operator has its pool drained. */
  'draining',
  /** Its project has as many runs at work as it may. */
  'project-limit',
  /** There is no such pool. */
  'pool-unknown',
  'pool-unreachable',
  /** No node (for a gang: not enough nodes) has that many healthy accelerators of that model, busy or not. */
  'no-such-flavor',
  /** Its team may never have that many at once. */
  'quota-too-small',
  /** Its team has what it may have by itself, and it cannot be preempted, so that it may not borrow. */
  'quota-used',
  /** Its team has what it may borrow, or nobody has anything left to lend. */
  'borrowing-limit',
  /** Its cost needs somebody's approval. */
  'needs-approval',
  /** Its cost is more than the team has left this month. */
  'over-budget',
  /** Room is being made: those who hold it are being stopped. */
  'making-room',
  /** Earlier runs wait for the same accelerators or the same quota. */
  'runs-ahead',
  /** Not enough free accelerators. */
  'flavor-full',
  /** Enough are free, but spread over nodes so that it does not fit. */
  'fragmented',
] as const;
export type HoldCode = (typeof holdCodes)[number];

export interface Start {
  type: 'start';
  run: number;
  pool: string;
  flavor: string;
  shares: Share[];
  /** What it costs at most, in the world's currency; 0 where nothing is paid. */
  cost: number;
  /** For one accelerator and one hour. */
  price: number;
  /** One sentence. */
  reason: string;
}

export interface Preempt {
  type: 'preempt';
  /** Who is stopped. */
  run: number;
  /** For whom. */
  by: number;
  rule: PreemptionRule;
  /** One sentence that names who and by which rule. */
  reason: string;
}

/** A machine that was never heard of again has not taken the run: it waits again, and that machine is refused it. */
export interface Withdraw {
  type: 'withdraw';
  run: number;
  pool: string;
  reason: string;
}

export interface Hold {
  type: 'hold';
  run: number;
  code: HoldCode;
  /** What is so, with numbers, and the one change that would let it start. */
  sentence: string;
  /** With `needs-approval` and `over-budget`: the cost that is asked for. */
  cost?: number;
  /** With `making-room`, where others were stopped for it; the next plan is told. */
  room?: Room;
}

export type Decision = Start | Preempt | Withdraw | Hold;
