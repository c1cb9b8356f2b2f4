import { faultLine, SignalboxError } from '../errors.ts';
import type { Policy } from '../project.ts';
import { isEnd, isOnMachine, type Run } from '../run.ts';
import { sightOfVersion } from '../secret.ts';
import { confined } from '../store-run.ts';
import type { Applying, ServingHold, VersionState, Weights } from './rollout.ts';

/** Where a model serves. */
export interface ServingPlace {
  model: string;
  environment: string;
}

/** A version that is kept ready. */
export interface ServingRow extends ServingPlace {
  version: number;
  /** Of a hundred requests. */
  weight: number;
  /** It is started again when it ends. */
  settled: boolean;
  /** By which it came there. */
  promotion: number;
  since: Date;
}

export interface Serving extends ServingPlace {
  hold: (ServingHold & { target: string }) | null;
  rows: ServingRow[];
}

/** A run of kind `serve`; `port`: null while nothing listens. */
export interface ServingRun {
  run: Run;
  port: number | null;
  ready: boolean;
}

/** What a request to a target may be sent to; `port` null: it is not ready. */
export interface Way extends ServingPlace {
  target: string;
  version: number;
  weight: number;
  port: number | null;
  promotion: number;
  stage: number;
}

/** A version during one stage of a rollout. */
export interface Stage extends ServingPlace {
  version: number;
  promotion: number;
  stage: number;
}

export interface Answers {
  answers: number;
  /** Of these, those with a status of 500 or more, and those that never came. */
  errors: number;
  /** All of them together took so long. */
  seconds: number;
}

/** Beside the versions in what a webhook said: of all of them. `starting` where it was not heard, with the reason. */
export const ofAll = 'all';

/** What a webhook said of a version. */
export interface ToldState {
  state: 'ready' | 'starting' | 'failed';
  said: string;
}

export interface ServingStore {
  of(place: ServingPlace): Promise<Serving>;
  all(): Promise<Serving[]>;
  /** `overtaken`: a later stage or promotion has changed it; nothing is. The same stage again changes nothing either. */
  apply(
    wish: ServingPlace & Applying & { target: string; promotion: number },
    now: Date,
  ): Promise<'applied' | 'same' | 'overtaken'>;
  /** The newest first: all that have not ended, and those that have ended of late, of each version that is to serve one. */
  runs(place: ServingPlace): Promise<ServingRun[]>;
  /** All that have not ended. */
  atWork(): Promise<ServingRun[]>;
  /** The agent says where an attempt listens, and whether it answers. */
  heard(run: number, attempt: number, said: { port: number; ready: boolean }): Promise<void>;
  ways(): Promise<Way[]>;
  count(answered: readonly (Stage & Answers)[]): Promise<void>;
  counts(stage: Stage): Promise<Answers>;
  /** What a webhook said at this stage; null: it was not told. */
  told(hold: ServingPlace & Pick<ServingHold, 'promotion' | 'stage'>): Promise<{
    states: Record<string, ToldState>;
    tries: number;
    nextAt: Date;
  } | null>;
  /** Nothing where a later stage is known. */
  tell(
    hold: ServingPlace & Pick<ServingHold, 'promotion' | 'stage'>,
    said: { states: Record<string, ToldState>; tries: number; nextAt: Date },
  ): Promise<void>;
}

export function weightsOf({ rows }: Pick<Serving, 'rows'>): Weights {
  return Object.fromEntries(rows.map(({ version, weight }) => [version, weight]));
}

/** Why a version may not serve in this pool, in one sentence; null: it may. `made`: the run that made it. */
export function refusedThere(
  { project }: { project: string },
  made: Pick<Run, 'spec'> | null,
  pool: string,
  policy: Pick<Policy, 'projects' | 'pools'>,
): string | null {
  const { trigger } = sightOfVersion(project, made, policy.projects);
  try {
    confined({ trigger, project, pool, pools: [pool] }, policy);
    return null;
  } catch (err) {
    if (err instanceof SignalboxError) return faultLine(err.fault);
    throw err;
  }
}

/** The runs of a version that count: of one on trial only those that its own promotion began. */
function runsOf(row: ServingRow, runs: readonly ServingRun[]): ServingRun[] {
  return runs.filter(({ run: { spec } }) => {
    const { serves } = spec;
    if (!serves || serves.model !== row.model || serves.environment !== row.environment) return false;
    return serves.version === row.version && (row.settled || serves.promotion === row.promotion);
  });
}

/** What its runs (the newest first) say of a version. */
export function versionState(row: ServingRow, all: readonly ServingRun[]): VersionState {
  const runs = runsOf(row, all);
  const newest = runs.find(({ run }) => !isEnd(run.state)) ?? runs[0];
  if (!newest) return { state: 'absent' };
  const { run, ready, port } = newest;
  const name = `Run #${run.number}`;
  if (isEnd(run.state) || run.stopping) {
    const said = run.failure?.message ?? 'It was stopped.';
    if (!row.settled) return { state: 'failed', said: `${name} has ended. ${said}` };
    return { state: 'waiting', said: `${name} has ended and is started again. ${said}` };
  }
  if (!isOnMachine(run.state))
    return { state: 'waiting', said: `${name}: ${run.waiting?.sentence ?? 'it waits for its turn.'}` };
  if (run.state === 'running' && ready && port !== null) return { state: 'ready' };
  if (run.startedAt && run.state === 'running') return { state: 'starting', since: run.startedAt };
  return { state: 'waiting', said: `Its machine prepares run #${run.number}.` };
}

/** How long after an end it is started again: at once, then longer and longer while it ends soon. */
const firstPauseS = 1;
const longestPauseS = 60;
const soonS = 600;
/** Whoever was sent a request to a version that goes gets its answer before it does. */
const drainS = 3;

export type Keeping =
  | { do: 'start'; row: ServingRow; turn: number }
  | { do: 'stop'; run: number; reason: string };

/**
 * What is to be started and ended so that exactly the rows serve. `runs`: the newest first, all that have not ended among them. Runs are named by
 * their turn, so that two who ask at once start one.
 */
export function keepServing({ hold, rows }: Serving, runs: readonly ServingRun[], now: Date): Keeping[] {
  const starts = rows.flatMap((row): Keeping[] => {
    const own = runsOf(row, runs);
    if (own.some(({ run }) => !isEnd(run.state))) return [];
    const [newest] = own;
    if (!newest) return [{ do: 'start', row, turn: 0 }];
    if (!row.settled) return [];
    const ended = newest.run.endedAt ?? now;
    const lately = own.filter(({ run }) => (run.endedAt?.getTime() ?? 0) > now.getTime() - soonS * 1_000);
    const pauseS = Math.min(longestPauseS, firstPauseS * 2 ** Math.max(0, lately.length - 1));
    if (now.getTime() - ended.getTime() < pauseS * 1_000) return [];
    return [{ do: 'start', row, turn: newest.run.number }];
  });
  const isDrained = !hold || now.getTime() - hold.at.getTime() >= drainS * 1_000;
  const stops = runs.flatMap(({ run }): Keeping[] => {
    const isWanted = rows.some(row => runsOf(row, runs).some(one => one.run.number === run.number));
    if (isWanted || isEnd(run.state) || run.stopping || !isDrained) return [];
    const { version, environment } = run.spec.serves ?? { version: 0, environment: '' };
    return [
      { do: 'stop', run: run.number, reason: `Version ${version} serves in ${environment} no longer.` },
    ];
  });
  return [...starts, ...stops];
}

/** Tells a webhook what is to serve. `id`: the same for the same wish, however often it is told. */
export type TargetHook = (
  target: { url: string; secret: string },
  wish: { id: string; now: Date; body: unknown },
) => Promise<{ ok: true; states: Record<string, ToldState> } | { ok: false; reason: string }>;
