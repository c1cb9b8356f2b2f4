import { join } from 'node:path';
import { chartPictures } from '../../src/adapters/charts/charts.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';
import { usual } from '../support/charts.ts';
import { noMlflow, startMlflow } from '../support/mlflow.ts';
import type { Bench, Row } from './bench.ts';
import { type Answered, closedLoop } from './closed-loop.ts';
import { median, percentile, rounded } from './numbers.ts';
import { openLoop } from './open-loop.ts';
import { inPlace } from './place.ts';
import { batchPoints, mlflowBatches, signalboxBatches, workingRun } from './reported.ts';
import { startSignalbox } from './signalbox.ts';
import { slashCommand } from './slash-command.ts';

const secret = 'bench-signing-secret';
const connections = 4;
const rounds = 5;
const roundS = 3;
const uncountedS = 0.5;
/** People, and runs, at once. */
const acksPerSecond = 200;
const ackRoundS = 5;
const pointsPerSecond = 12_000;
const drawings = 20;

/**
 * Points that runs report, a thousand in each request, as many as are taken: Signalbox, which stores each in PostgreSQL with fsync, beside
 * MLflow's `log-batch`. Then slash commands of Slack at a constant rate, alone and while 12,000 points come in every second: how long people
 * wait must stay the same. Then the picture of a chart. The ratio is the median of the rounds' ratios of points taken. Throws when a request
 * was refused, or when there are more or fewer points in the store than were acknowledged.
 */
export const metrics: Bench = {
  name: 'metrics',
  about: 'points of runs taken per second, beside MLflow, and what that does to people; a chart drawn',
  run: async say => {
    if (noMlflow) throw new Error(noMlflow);
    const variables = { SLACK_SIGNING_SECRET: secret, SLACK_BOT_TOKEN: 'xoxb-bench' };
    return await inPlace(variables, say, async (place, keep) => {
      const { port } = keep(await startSignalbox(place));
      const embedded = place.databaseUrl
        ? null
        : keep(await startEmbeddedPostgres({ dataDir: join(place.folder, 'data'), log: () => {} }));
      const database = openDatabase(place.databaseUrl ?? embedded?.url ?? '', { max: 2, onError: () => {} });
      keep({ stop: database.close });
      const mlflow = await startMlflow();
      say('MLflow stores in its SQLite');
      keep({ stop: mlflow.close });

      const run = await workingRun(database);
      const nextOf = {
        signalbox: signalboxBatches(run.number, run.token),
        mlflow: mlflowBatches(await mlflowRun(mlflow.url)),
      };
      const flood = async (who: keyof typeof nextOf) => {
        const load = { connections, uncountedS, seconds: roundS, next: nextOf[who] };
        const answered = await closedLoop(who === 'mlflow' ? Number(new URL(mlflow.url).port) : port, load);
        sent[who] += acknowledged(who, answered.statuses);
        return figures(answered);
      };
      const sent = { signalbox: 0, mlflow: 0 };
      const measured = { signalbox: [] as Flood[], mlflow: [] as Flood[] };
      for (const who of ['signalbox', 'mlflow'] as const) await flood(who);
      for (let i = 1; i <= rounds; i += 1)
        for (const who of i % 2 ? (['signalbox', 'mlflow'] as const) : (['mlflow', 'signalbox'] as const)) {
          const round = await flood(who);
          measured[who].push(round);
          say(`round ${i}: ${who} ${JSON.stringify(round)}`);
        }

      const acks = { alone: [] as number[], with: [] as number[], points: [] as number[] };
      for (let i = 1; i <= rounds; i += 1)
        for (const how of i % 2 ? (['alone', 'with'] as const) : (['with', 'alone'] as const)) {
          const [p99, points] = await Promise.all([
            ackP99(port),
            how === 'with' ? reportAt(port, nextOf.signalbox) : null,
          ]);
          acks[how].push(p99);
          if (points) {
            sent.signalbox += points.batches;
            acks.points.push(points.perSecond);
          }
          say(
            `round ${i}: acks ${how === 'with' ? `with ${points?.perSecond} points a second` : how}, p99 ${p99} ms`,
          );
        }

      const kept = await database.pool.query<{ count: string }>(
        'select count(*) as count from metric_points',
      );
      const stored = Number(kept.rows[0]?.count);
      say(`${sent.signalbox * batchPoints} points acknowledged by Signalbox, ${stored} stored`);
      if (stored !== sent.signalbox * batchPoints)
        throw new Error(
          `${sent.signalbox * batchPoints} points were acknowledged, and ${stored} are stored.`,
        );

      const ratios = measured.signalbox.map(
        ({ per_s }, i) => per_s / (measured.mlflow[i]?.per_s ?? Number.NaN),
      );
      const ingest: Row = {
        ...rowOf('signalbox ingest', measured.signalbox),
        points_per_s_with_acks: median(acks.points),
        ack_p99_ms_alone: median(acks.alone),
        ack_p99_ms_with: median(acks.with),
        ack_ratio: rounded(median(acks.with.map((p99, i) => p99 / (acks.alone[i] ?? Number.NaN)))),
      };
      const rows = [ingest, rowOf('mlflow log-batch', measured.mlflow), await drawn()];
      return { rows, ratio: rounded(median(ratios)) };
    });
  },
};

/** Points per second; the times are those of a request. */
type Flood = Record<'per_s' | 'p50_ms' | 'p99_ms', number>;

function figures({ latenciesMs, seconds }: Answered): Flood {
  return {
    per_s: rounded((latenciesMs.length * batchPoints) / seconds),
    p50_ms: rounded(percentile(latenciesMs, 0.5)),
    p99_ms: rounded(percentile(latenciesMs, 0.99)),
  };
}

function rowOf(who: string, measured: Flood[]): Row {
  const middle = (name: keyof Flood) => median(measured.map(round => round[name]));
  return { who, per_s: middle('per_s'), p50_ms: middle('p50_ms'), p99_ms: middle('p99_ms') };
}

/** All of them, or none of the figures would count. */
function acknowledged(who: string, statuses: Map<number, number>): number {
  if ([...statuses.keys()].some(status => status !== 200))
    throw new Error(`${who} answered ${JSON.stringify(Object.fromEntries(statuses))}.`);
  return statuses.get(200) ?? 0;
}

async function mlflowRun(url: string): Promise<string> {
  const response = await fetch(`${url}/api/2.0/mlflow/runs/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ experiment_id: '0', start_time: Date.now() }),
  });
  const answer: unknown = await response.json();
  const id = /"run_id":"(\w+)"/.exec(JSON.stringify(answer))?.[1];
  if (!id) throw new Error(`MLflow made no run: ${JSON.stringify(answer)}`);
  return id;
}

async function ackP99(port: number): Promise<number> {
  const count = (uncountedS + ackRoundS) * acksPerSecond;
  const requests = Array.from({ length: count }, () => slashCommand(secret, new Date()));
  const { latenciesMs, statuses } = await openLoop({
    port,
    perSecond: acksPerSecond,
    requests,
    connections: 16,
  });
  acknowledged('signalbox', statuses);
  return rounded(percentile(latenciesMs.subarray(uncountedS * acksPerSecond), 0.99));
}

async function reportAt(port: number, next: () => Buffer): Promise<{ batches: number; perSecond: number }> {
  const perSecond = pointsPerSecond / batchPoints;
  const requests = Array.from({ length: (uncountedS + ackRoundS) * perSecond }, next);
  const { statuses, seconds } = await openLoop({ port, perSecond, requests, connections });
  const batches = acknowledged('signalbox', statuses);
  return { batches, perSecond: Math.round((batches * batchPoints) / seconds) };
}

/** A chart of sixty points and what it is held against, as a PNG; the first one starts the thread and is not counted. */
async function drawn(): Promise<Row> {
  const pictures = chartPictures();
  const times: number[] = [];
  try {
    for (let i = 0; i <= drawings; i += 1) {
      const began = performance.now();
      await pictures.draw(usual, { format: 'png', theme: i % 2 ? 'light' : 'dark' });
      if (i > 0) times.push(performance.now() - began);
    }
  } finally {
    await pictures.close();
  }
  const total = times.reduce((sum, one) => sum + one, 0);
  return {
    who: 'signalbox chart',
    per_s: rounded((times.length * 1_000) / total),
    p50_ms: rounded(percentile(times, 0.5)),
    p99_ms: rounded(percentile(times, 0.99)),
  };
}
