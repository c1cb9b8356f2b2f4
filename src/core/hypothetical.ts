import type { PlanSnapshot, QueuedRun } from './ports.ts';
import type { Priority } from './project.ts';
import type { RunSpec } from './run.ts';

type Asked = Pick<
  RunSpec,
  'kind' | 'project' | 'team' | 'gpus' | 'gpuModel' | 'pool' | 'pools' | 'timeLimitS' | 'graceS'
>;

/** A moment with one more run in it, which nobody has asked for and which is stored nowhere: the last of its priority. */
export function withRun(
  snapshot: PlanSnapshot,
  spec: Asked,
  priority: Priority,
  now: Date,
): { snapshot: PlanSnapshot; number: number } {
  const taken = [...snapshot.queued, ...snapshot.working].map(run => run.number);
  const number = Math.max(0, ...taken) + 1;
  const { kind = 'train', project, team, gpus, gpuModel, pool, pools = [pool], timeLimitS, graceS } = spec;
  const run: QueuedRun = {
    ...{ number, kind, project, team, gpus, gpuModel, pool, pools, timeLimitS, graceS, priority },
    queuedAt: now,
    approved: null,
    room: null,
  };
  return { snapshot: { ...snapshot, queued: [...snapshot.queued, run] }, number };
}
