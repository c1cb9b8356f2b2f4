import type { CommandContext } from './command.ts';
import { forecast } from './forecast.ts';
import { forecastBlocks, forecastJson } from './forecast-reply.ts';
import { counted, formatDuration } from './format.ts';
import { withRun } from './hypothetical.ts';
import type { PlanSnapshot } from './ports.ts';
import type { Priority } from './project.ts';
import { type Reply, reply } from './reply.ts';
import type { RunSpec } from './run.ts';
import { plan } from './scheduler/plan.ts';
import { readWorld } from './scheduler/read-world.ts';

type Asked = Omit<RunSpec, 'sha' | 'trigger' | 'secrets'>;

/** What a request would come to: nothing is stored, and no commit is looked up. */
export function dryRun(
  spec: Asked,
  priority: Priority,
  { policy, now }: Pick<CommandContext, 'policy' | 'now'>,
  snapshot: PlanSnapshot,
): Reply {
  const asked = withRun(snapshot, spec, priority, now);
  const world = readWorld(asked.snapshot, policy, now);
  const found = forecast(world, asked.number, now.getTime(), plan);
  const starts = found.decision.type === 'start';
  const things =
    spec.gpus === 0 ? '1 CPU slot' : counted(spec.gpus, spec.gpuModel ? `${spec.gpuModel} GPU` : 'GPU');
  const rows = [
    { label: 'Needs', value: [`${things} for at most ${formatDuration(spec.timeLimitS)}`] },
    { label: 'Code', value: [{ code: spec.ref }, ', as it is when the run is asked for'] },
    ...(priority === 'normal' ? [] : [{ label: 'Priority', value: [priority] }]),
  ];
  const blocks = [
    ...forecastBlocks(found, policy.currency, rows),
    {
      kind: 'context' as const,
      text: ['Nothing was asked for: say the same without ', { code: '--dry-run' }, '.'],
    },
  ];
  const data = {
    dryRun: true,
    project: spec.project,
    team: spec.team,
    ...forecastJson(found),
    currency: policy.currency,
  };
  const title = `${spec.project} would ${starts ? 'start now' : 'wait'}.`;
  return reply(title, blocks, { tone: starts ? 'success' : 'waiting', data });
}
