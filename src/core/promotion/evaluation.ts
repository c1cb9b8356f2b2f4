import { cleanLine } from '../format.ts';
import type { LeftOut } from '../metric-points.ts';
import type { MetricSummary } from '../ports.ts';
import type { Policy, Project } from '../project.ts';
import { isEnd, isOnMachine, type Run, type RunSpec } from '../run.ts';
import { poolsFor } from '../run-request.ts';
import { sightOfVersion } from '../secret.ts';
import { confined } from '../store-run.ts';
import type { Evaluate } from './model-keys.ts';
import type { Promotion } from './promotion.ts';
import { directionsOf, type ModelVersion } from './version.ts';

/** A run that has evaluated a version. */
export interface Evaluation {
  run: number;
  key: string;
}

/** What a run has measured of a version. */
export interface Evaluated {
  run: number;
  metrics: readonly MetricSummary[];
  directions: ModelVersion['directions'];
}

/** What the numbers of an evaluation depend on, as one text whose digest is its key: with the same one nothing is measured again. */
export function evaluationText(
  { model, sha256, source, sha }: Pick<ModelVersion, 'model' | 'sha256' | 'source' | 'sha'>,
  { command }: Pick<Evaluate, 'command'>,
): string {
  return JSON.stringify({ model, sha256, source, sha, command });
}

/** What of its evaluations a version that serves is judged by: the one that is like the candidate's, else the newest. */
export function likeliest(evaluations: readonly Evaluation[], key: string): Evaluation | null {
  return (
    evaluations.find(one => one.key === key) ?? evaluations.toSorted((a, b) => b.run - a.run).at(0) ?? null
  );
}

/** The run that measures a version for a promotion. `made`: the run that made it. Throws POOL_NOT_ISOLATED. */
export function evaluationSpec(
  { number, environment }: Pick<Promotion, 'number' | 'environment'>,
  version: ModelVersion,
  made: Pick<Run, 'spec'> | null,
  { evaluate, key, project }: { evaluate: Evaluate; key: string; project: Project },
  policy: Pick<Policy, 'projects' | 'pools'>,
): RunSpec {
  const { model, output, sha256, bytes, source, sha } = version;
  const pools = poolsFor(project.pool, policy);
  return confined(
    {
      kind: 'evaluate',
      project: version.project,
      team: project.team,
      ...{ source, ref: sha, sha },
      command: [...evaluate.command],
      shell: false,
      environment: project.environment,
      parameters: {},
      gpus: evaluate.gpus,
      gpuModel: null,
      pool: pools[0] ?? '',
      pools,
      timeLimitS: Math.min(evaluate.timeLimit ?? project.timeLimit, project.timeLimit),
      graceS: project.grace,
      maxAttempts: project.attempts,
      note: '',
      primaryMetric: project.primaryMetric ?? null,
      ...(project.metrics ? { metrics: project.metrics } : {}),
      retryOf: null,
      ...sightOfVersion(version.project, made, policy.projects),
      evaluates: {
        ...{ model, environment, version: version.number, promotion: number },
        ...{ output, sha256, bytes, key },
      },
    },
    policy,
  );
}

/** What an evaluation has measured. What it reported without ever a finite value it has measured too: no older number stands for that. */
export function evaluatedBy(
  { number, spec }: Pick<Run, 'number' | 'spec'>,
  summaries: readonly MetricSummary[],
  { notFinite }: Pick<LeftOut, 'notFinite'>,
): Evaluated {
  const known = new Set(summaries.map(({ name }) => name));
  const odd = notFinite
    .filter(({ name }) => !known.has(name))
    .map(({ name, step }): MetricSummary => {
      const none = { step, value: Number.NaN };
      return { name, ...none, count: 0, least: none, most: none, notFinite: step };
    });
  const metrics = [...summaries, ...odd];
  return { run: number, metrics, directions: directionsOf(metrics, spec.metrics ?? {}) };
}

/** The version with what its evaluation measured, which counts before what its training did. */
export function measuredAnew(version: ModelVersion, evaluated: Evaluated | null): ModelVersion {
  if (!evaluated) return version;
  const names = new Set(evaluated.metrics.map(({ name }) => name));
  return {
    ...version,
    metrics: [...evaluated.metrics, ...version.metrics.filter(({ name }) => !names.has(name))],
    directions: { ...version.directions, ...evaluated.directions },
  };
}

const shownLine = 200;

/** How far the evaluation of a promotion is. `failed`: it will give no numbers. */
export function evaluationState(run: Run): { state: 'waits' | 'failed'; said: string } {
  const name = `run #${run.number}`;
  if (run.state === 'succeeded')
    return { state: 'waits', said: `Its version was evaluated by ${name}, whose metrics are on their way.` };
  if (!isEnd(run.state)) {
    if (run.stopping) return { state: 'waits', said: `Its evaluation, ${name}, is being stopped.` };
    if (isOnMachine(run.state)) return { state: 'waits', said: `Its version is evaluated by ${name}.` };
    const why = run.waiting?.sentence ?? 'It waits for its turn.';
    return { state: 'waits', said: `Its version is to be evaluated by ${name}. ${why}` };
  }
  if (run.state === 'cancelled') {
    const by = run.stoppedBy ? ` by ${run.stoppedBy.name}` : '';
    return { state: 'failed', said: `Its evaluation, ${name}, was cancelled${by}.` };
  }
  const { failure } = run;
  const last = failure?.lines.findLast(line => line.trim() !== '');
  const how = failure ? ` (${failure.class}): ${failure.message}` : '.';
  const said = last === undefined ? '' : ` Its last line: ${cleanLine(last, shownLine)}`;
  return { state: 'failed', said: `Its evaluation, ${name}, failed${how}${said}` };
}
