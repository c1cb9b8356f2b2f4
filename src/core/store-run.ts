import type { CommandContext } from './command.ts';
import { SignalboxError } from './errors.ts';
import { counted, formatDuration } from './format.ts';
import { freezeSentence, freezesOn } from './freeze.ts';
import type { FreezeStore, RunStore } from './ports.ts';
import type { Policy, Priority } from './project.ts';
import { type Reply, reply } from './reply.ts';
import { isLease, type RunSpec, timeLimitOf } from './run.ts';
import { runJson } from './run-json.ts';
import { codeOf, resourcesOf, titleOf } from './run-reply.ts';
import { sightOf } from './secret.ts';

/**
 * Stores a run under the intent's key, so that a repeat finds it instead of making a second one. Where runs have messages, that is what
 * everybody sees; elsewhere the reply says it.
 */
export async function storeRun(
  wanted: Omit<RunSpec, 'trigger' | 'secrets'> & Partial<RunSpec>,
  priority: Priority,
  context: CommandContext,
  { runs, freezes }: { runs: Pick<RunStore, 'create' | 'ahead'>; freezes: Pick<FreezeStore, 'standing'> },
): Promise<Reply> {
  const { actor, place, key, now, policy } = context;
  const spec = confined({ ...wanted, ...sightOf(wanted, place, policy.projects) }, policy);
  const { run } = await runs.create({ key, spec, priority, requestedBy: actor, place, at: now });
  const ahead = run.state === 'queued' ? await runs.ahead(run) : 0;
  const before = ahead > 0 ? `, ${counted(ahead, 'run')} before it` : '';
  const { short, ref } = codeOf(run);
  const title = isLease(run)
    ? `Lease #${run.number} is ${run.state}: ${resourcesOf(run)} for ${formatDuration(timeLimitOf(run))}${before}.`
    : `Run ${titleOf(run)}: ${short}${ref}, ${resourcesOf(run)}${before}.`;
  const held = run.state === 'queued' ? freezesOn(await freezes.standing(), run.spec) : [];
  const blocks = held.map(one => ({ kind: 'text' as const, text: [freezeSentence(one, now)] }));
  return reply(title, blocks, { shownByRun: true, data: runJson(run, []) });
}

/** Whoever proposes a change chooses what it runs: such a run goes only where it can do no harm. Throws POOL_NOT_ISOLATED. */
export function confined<Spec extends Pick<RunSpec, 'trigger' | 'project' | 'pool' | 'pools'>>(
  spec: Spec,
  { projects, pools }: Pick<Policy, 'projects' | 'pools'>,
): Spec {
  if (spec.trigger !== 'pull-request') return spec;
  if (Object.hasOwn(projects, spec.project) && projects[spec.project]?.trusted) return spec;
  const wanted = spec.pools ?? [spec.pool];
  const isolated = wanted.filter(name => Object.hasOwn(pools, name) && pools[name]?.isolated);
  const [pool] = isolated.includes(spec.pool) ? [spec.pool] : isolated;
  if (pool === undefined)
    throw new SignalboxError('POOL_NOT_ISOLATED', { project: spec.project, word: wanted.join(', ') });
  return { ...spec, pool, pools: isolated };
}
