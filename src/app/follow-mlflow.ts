import {
  asReported,
  attemptAt,
  latestMark,
  type MetricCursor,
  type MlflowCursor,
  newMlflowCursor,
  pointsOfPage,
  withMlflowMetrics,
  withMlflowRuns,
} from '../core/mlflow.ts';
import {
  type Log,
  type MetricPoint,
  MlflowError,
  type MlflowFollow,
  type MlflowFollows,
  type MlflowMetric,
  type MlflowPoint,
  type MlflowPort,
  type MlflowRun,
  type RunStore,
} from '../core/ports.ts';
import { isEnd, isOnMachine, type Run, type RunEvent } from '../core/run.ts';
import { whileKept } from './while-kept.ts';

export interface FollowMlflowPorts {
  mlflow: MlflowPort;
  follows: MlflowFollows;
  runs: Pick<RunStore, 'get' | 'events' | 'addPoints'>;
  log: Log;
}

/** Of one worker. */
const atOnce = 4;
const leastPauseMs = 3_000;
const mostPauseMs = 30_000;
/** Signalbox asks about one run for at most this part of the time. */
const partOfTime = 0.1;
/** Runs in MLflow that begin later, beside those that are known. */
const searchEveryMs = 60_000;
const pointsPerPage = 10_000;
/** Runs in MLflow of one run, nested ones and those of all attempts among them. */
const mostFound = 200;
/** Read again each time: what was logged at once may come in any order. */
const overlap = 200;
const mostRequests = 200;
const mostLookMs = 30_000;
const mostFailurePauseMs = 60_000;
/** After a run's end. */
const giveUpMs = 24 * 3_600_000;

/**
 * Reads what runs log to MLflow into their metrics. Level-triggered: each look asks what is there now and reads what has moved since the
 * cursor that is stored with the run, so that it may be done again at any time. Any number of workers may do this; a run is one's at a time.
 */
export function mlflowFollower(ports: FollowMlflowPorts, clock: () => Date): () => Promise<void> {
  /** Of this process: the runs' own pauses are in the store. */
  const server = { failures: 0, triedAt: 0, told: '' };

  return async () => {
    // 1. A server that was away a moment ago is left alone.
    const isAway = server.failures > 0;
    if (isAway && clock().getTime() - server.triedAt < pauseAfter(server.failures)) return;
    for (;;) {
      // 2. Runs that are due; to see whether the server is there one will do.
      const follows = await ports.follows.claim(isAway ? 1 : atOnce);
      await Promise.all(follows.map(follow => look(follow)));
      if (follows.length < atOnce || server.failures > 0) return;
    }
  };

  async function look(follow: MlflowFollow): Promise<void> {
    try {
      await whileKept(
        () => ports.follows.keep(follow),
        holds => followRun(follow, holds, ports, clock),
      );
      if (server.told !== '') ports.log.info({}, 'MLflow answers again');
      Object.assign(server, { failures: 0, told: '' });
    } catch (err) {
      await failed(follow, err);
    }
  }

  async function failed(follow: MlflowFollow, err: unknown): Promise<void> {
    const outcome = err instanceof MlflowError && err.outcome !== 'odd' ? err.outcome : null;
    // Said once: of a server for all runs, else of each run.
    if (outcome === null ? follow.failures === 0 : outcome !== server.told)
      ports.log.warn({ err, run: follow.run }, 'metrics of runs cannot be read from MLflow');
    if (outcome !== null)
      Object.assign(server, {
        failures: server.failures + 1,
        triedAt: clock().getTime(),
        told: outcome,
      });
    const run = await ports.runs.get(follow.run);
    const givenUp = run?.endedAt ? clock().getTime() - run.endedAt.getTime() > giveUpMs : run === null;
    if (givenUp) ports.log.warn({ run: follow.run }, 'the last metrics of a run were not read from MLflow');
    await ports.follows.failed(follow, pauseAfter(follow.failures + 1), givenUp);
  }
}

function pauseAfter(failures: number): number {
  return Math.min(mostFailurePauseMs, 1_000 * 2 ** Math.min(failures - 1, 10));
}

async function followRun(
  follow: MlflowFollow,
  holds: () => boolean,
  ports: FollowMlflowPorts,
  clock: () => Date,
): Promise<void> {
  const { mlflow, follows, runs } = ports;
  const began = clock().getTime();

  // 1. How the run is now, and how far it was read.
  const run = await runs.get(follow.run);
  if (!run) throw new Error('a run is followed that is not there');
  const known = follow.cursor ?? newMlflowCursor;

  // 2. Its runs in MLflow, with the latest point of each metric.
  const seen = await see(run, known, began, ports);
  const { cursor, refused } = withMlflowMetrics(
    withMlflowRuns({ ...known, ...seen.at }, seen.runs),
    seen.runs,
  );
  const [events] = await Promise.all([
    run.attempt > 1 ? runs.events(run.number) : [],
    refused.length > 0 ? runs.addPoints(run.number, run.attempt, [], refused, clock()) : null,
  ]);

  // 3. The history of what has moved, up to what one look may ask for.
  const report = reporter(run, events, cursor.high, ports, clock);
  const read = await readMoved(cursor, seen.runs, { run, report, holds, mlflow, began, clock });
  if (!holds()) return;
  await report.flush();

  // 4. How far it is read now. What was over when the look began is over for good.
  const [first] = read.cursor.runs.filter(one => one.attempt === newestAttempt(read.cursor));
  const over = !isOnMachine(run.state) && read.whole;
  const tookMs = clock().getTime() - began;
  const quiet = Math.min(mostPauseMs, Math.max(leastPauseMs, known.pauseMs * 2));
  const pauseMs = Math.max(read.moved ? leastPauseMs : quiet, Math.min(mostPauseMs, tookMs / partOfTime));
  await follows.looked(follow, {
    cursor: { ...read.cursor, pauseMs, high: report.high() },
    address: first ? mlflow.address(first) : null,
    endedAttempt: over ? run.attempt : null,
    done: over && isEnd(run.state),
    pauseMs,
  });
}

function newestAttempt({ runs }: MlflowCursor): number {
  return Math.max(0, ...runs.map(one => one.attempt));
}

/** All of them are looked for seldom: in between those of this attempt are asked for by their ids. */
async function see(
  run: Run,
  cursor: MlflowCursor,
  now: number,
  { mlflow, follows }: FollowMlflowPorts,
): Promise<{ runs: MlflowRun[]; at: Partial<MlflowCursor> }> {
  const mine = cursor.runs.filter(one => one.attempt === run.attempt);
  const isLate = now - cursor.searchedAt >= searchEveryMs;
  if (mine.length === 0 || isLate || !isOnMachine(run.state)) {
    const found = await mlflow.find(await follows.keyOf(run.number), mostFound);
    return { runs: found, at: { searchedAt: now } };
  }
  const asked = await Promise.all(mine.map(one => mlflow.get(one.id)));
  return { runs: asked.filter(one => one !== null), at: {} };
}

interface Reporter {
  add(first: number, points: ReturnType<typeof pointsOfPage>): Promise<void>;
  flush(): Promise<void>;
  high(): MlflowCursor['high'];
}

/** Brings points of several metrics into one report, as a run would that reports by itself. */
function reporter(
  run: Run,
  events: readonly RunEvent[],
  known: MlflowCursor['high'],
  { runs }: FollowMlflowPorts,
  clock: () => Date,
): Reporter {
  let high = known;
  let waiting: (MetricPoint & { attempt: number })[] = [];

  async function flush(): Promise<void> {
    const byAttempt = Map.groupBy(waiting, point => point.attempt);
    waiting = [];
    for (const [attempt, points] of byAttempt) {
      const report = asReported(attempt, points, high);
      await runs.addPoints(run.number, attempt, report.points, [], clock());
      high = report.high;
    }
  }

  return {
    async add(first, points) {
      for (const { timestamp, ...point } of points)
        waiting.push({ ...point, attempt: Math.min(run.attempt, attemptAt(timestamp, first, events)) });
      if (waiting.length >= pointsPerPage) await flush();
    },
    flush,
    high: () => high,
  };
}

interface Look {
  run: Run;
  report: Reporter;
  holds(): boolean;
  mlflow: MlflowPort;
  began: number;
  clock(): Date;
}

/** `whole`: nothing is left to read. `moved`: something was read. */
async function readMoved(
  cursor: MlflowCursor,
  seen: readonly MlflowRun[],
  look: Look,
): Promise<{ cursor: MlflowCursor; whole: boolean; moved: boolean }> {
  const closing = isEnd(look.run.state);
  const latest = new Map(seen.map(one => [one.id, new Map(one.latest.map(of => [of.name, of]))]));
  const read = new Map<string, MetricCursor>();
  const todo = cursor.runs
    .flatMap(one =>
      one.metrics.flatMap(metric => {
        const now = latest.get(one.id)?.get(metric.name);
        const wanted = now && (closing ? metric.closing !== 'done' : latestMark(now) !== metric.latest);
        return wanted ? [{ key: `${one.id} ${metric.name}`, one, metric, now }] : [];
      }),
    )
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  // Where there is more than one look may ask for, none waits for ever.
  const from = todo.findIndex(({ key }) => key > cursor.after);
  const turns = from < 0 ? todo : [...todo.slice(from), ...todo.slice(0, from)];
  const budget = { requests: mostRequests, untilMs: look.began + mostLookMs };

  let { after } = cursor;
  for (const { key, one, metric, now } of turns) {
    if (budget.requests <= 0 || look.clock().getTime() > budget.untilMs || !look.holds()) break;
    read.set(key, await readMetric(one, metric, now, budget, look));
    after = key;
  }
  const runs = cursor.runs.map(one => ({
    ...one,
    metrics: one.metrics.map(metric => read.get(`${one.id} ${metric.name}`) ?? metric),
  }));
  const whole = todo.every(({ key, now }) => {
    const done = read.get(key);
    return done && (closing ? done.closing === 'done' : done.latest === latestMark(now));
  });
  return { cursor: { ...cursor, runs, after }, whole, moved: read.size > 0 };
}

/** Reads on from its cursor to its end, or as far as the budget goes. */
async function readMetric(
  one: { id: string; attempt: number },
  metric: MetricCursor,
  latest: MlflowMetric,
  budget: { requests: number; untilMs: number },
  look: Look,
): Promise<MetricCursor> {
  const { mlflow, report } = look;
  const closes = isEnd(look.run.state);
  const unstepped = latest.step === 0;
  let at: MetricCursor =
    closes && metric.closing === undefined
      ? { ...metric, token: null, before: 0, closing: 'begun' }
      : { ...metric, latest: '' };
  for (;;) {
    budget.requests -= 1;
    const { points, next } = await mlflow.history(one.id, metric.name, at.token, pointsPerPage);
    if (!look.holds()) return at;
    await report.add(one.attempt, pointsOfPage(metric.name, points, { before: at.before, unstepped }));
    if (next === null || next === at.token) {
      if (closes) return { ...at, latest: latestMark(latest), closing: 'done' };
      return { ...(await seek(points)), latest: latestMark(latest) };
    }
    at = { ...at, token: next, before: at.before + points.length };
    if (budget.requests <= 0 || look.clock().getTime() > budget.untilMs) return at;
  }

  /** So that the next look reads little again of what is known. Tokens are the server's own, and it gives one behind each page. */
  async function seek(points: readonly MlflowPoint[]): Promise<MetricCursor> {
    if (at.whole || points.length <= 2 * overlap) return at;
    const skip = points.length - overlap;
    budget.requests -= 1;
    const { next } = await mlflow.history(one.id, metric.name, at.token, skip);
    return next === null ? { ...at, whole: true } : { ...at, token: next, before: at.before + skip };
  }
}
