import type { PlanSnapshot, QueuedRun, WorkingRun } from '../../src/core/ports.ts';
import type { Start } from '../../src/core/scheduler/world.ts';
import { noon } from './live-run.ts';

export function snapshotOf(parts: Partial<PlanSnapshot> = {}): PlanSnapshot {
  return {
    epoch: 7,
    wantedSeq: 7,
    pools: [],
    freezes: [],
    held: [],
    queued: [],
    working: [],
    served: [],
    spent: [],
    ...parts,
  };
}

export function queuedRun(number: number, more: Partial<QueuedRun> = {}): QueuedRun {
  const pool = more.pool ?? 'lab';
  return {
    number,
    pool,
    pools: [pool],
    project: 'digits',
    team: 'research',
    gpus: 1,
    gpuModel: null,
    priority: 'normal',
    queuedAt: new Date(noon.getTime() + number * 1_000),
    timeLimitS: 3_600,
    graceS: 10,
    kind: 'train',
    approved: null,
    room: null,
    ...more,
  };
}

export function workingRun(number: number, more: Partial<WorkingRun> = {}): WorkingRun {
  return {
    number,
    kind: 'train',
    pool: 'lab',
    project: 'digits',
    team: 'research',
    priority: 'normal',
    since: noon,
    startedAt: null,
    timeLimitS: 3_600,
    graceS: 10,
    stopping: null,
    untaken: false,
    flavor: null,
    price: 0,
    ...more,
  };
}

/** A decision that gives these CPU slots of a node to a run. */
export function startOf(
  run: number,
  pool: string,
  indices: number[] = [0],
  more: Partial<Start> & { node?: string; kind?: 'gpu' | 'cpu' } = {},
): Start {
  const { node = 'n1', kind = 'cpu', ...rest } = more;
  const shares = [{ node, kind, indices }];
  return { type: 'start', run, pool, flavor: 'cpu', shares, cost: 0, price: 0, reason: 'its turn', ...rest };
}
