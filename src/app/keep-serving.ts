import { system } from '../core/actor.ts';
import type { Log, ModelStore, RunStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import {
  keepServing,
  refusedThere,
  type Serving,
  type ServingPlace,
  type ServingRow,
  type ServingStore,
} from '../core/promotion/serving.ts';
import { endlessS, type RunSpec } from '../core/run.ts';
import { sightOfVersion } from '../core/secret.ts';

export interface KeepServingPorts {
  serving: Pick<ServingStore, 'all' | 'atWork' | 'runs'>;
  models: Pick<ModelStore, 'version'>;
  /** Changes wake planning. */
  runs: Pick<RunStore, 'get' | 'create' | 'change'>;
  policy(): Pick<Policy, 'projects' | 'targets' | 'pools'>;
  log: Log;
}

/** What ends is started again without end: what counts here are machines that were lost. */
const attempts = 1_000_000;

/** Starts and ends runs of kind `serve` until exactly what is to serve does. May be run again at any time, by several at once. */
export async function keepAllServing(ports: KeepServingPorts, now: Date): Promise<void> {
  // 1. What is to serve, and what does. What was changed in between is seen next time.
  const atWork = await ports.serving.atWork();
  const wanted = await ports.serving.all();
  const others = atWork.flatMap(({ run: { spec } }): Serving[] => {
    const place = spec.serves;
    if (!place || wanted.some(one => isSame(one, place))) return [];
    return [{ model: place.model, environment: place.environment, hold: null, rows: [] }];
  });
  for (const place of [...wanted, ...others]) {
    const known = await ports.serving.runs(place);
    // 2. Only the difference.
    for (const one of keepServing(place, known, now)) {
      if (one.do === 'start') await start(place, one.row, one.turn, ports, now);
      else
        await ports.runs.change(
          one.run,
          { type: 'stop', actor: system, why: 'cancel', reason: one.reason },
          now,
          system,
        );
    }
  }
}

async function start(
  { hold, model, environment }: Serving,
  row: ServingRow,
  turn: number,
  { models, runs, policy, log }: KeepServingPorts,
  now: Date,
): Promise<void> {
  const { projects, targets, pools } = policy();
  const target = hold && Object.hasOwn(targets, hold.target) ? targets[hold.target] : undefined;
  if (target && target.kind !== 'process') return;
  const version = await models.version(model, row.version);
  const project = version && Object.hasOwn(projects, version.project) ? projects[version.project] : undefined;
  if (!version || !project || !target) {
    const fields = { model, environment, version: row.version, target: hold?.target };
    log.warn(fields, 'what is to serve cannot be started: its target or its project is gone');
    return;
  }
  const made = await runs.get(version.run);
  const refused = refusedThere(version, made, target.pool, { projects, pools });
  if (refused !== null) {
    log.warn({ model, environment, version: row.version, reason: refused }, 'what is to serve may not');
    return;
  }
  // Of what its project opens to promotions only what the target names.
  const sight = sightOfVersion(version.project, made, projects);
  const spec: RunSpec = {
    kind: 'serve',
    project: version.project,
    team: project.team,
    source: version.source,
    ref: version.sha,
    sha: version.sha,
    command: [...target.command],
    shell: false,
    environment: project.environment,
    parameters: {},
    gpus: target.gpus,
    gpuModel: null,
    pool: target.pool,
    pools: [target.pool],
    timeLimitS: endlessS,
    graceS: project.grace,
    maxAttempts: attempts,
    note: '',
    primaryMetric: null,
    retryOf: null,
    trigger: sight.trigger,
    secrets: sight.secrets.filter(one => target.secrets.includes(one)),
    serves: {
      model,
      environment,
      version: row.version,
      promotion: row.promotion,
      output: version.output,
      sha256: version.sha256,
      bytes: version.bytes,
      ready: target.ready,
    },
  };
  const key = `serve:${model}:${environment}:${row.version}:${row.promotion}:${turn}`;
  const { run, created } = await runs.create({
    key,
    spec,
    priority: 'high',
    requestedBy: system,
    place: { kind: 'http' },
    at: now,
  });
  if (created)
    log.info({ run: run.number, model, environment, version: row.version }, 'a version is started');
}

function isSame(one: ServingPlace, other: ServingPlace): boolean {
  return one.model === other.model && one.environment === other.environment;
}
