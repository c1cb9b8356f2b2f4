import type { Database } from '../../src/adapters/postgres/database.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { tokenStore } from '../../src/adapters/postgres/tokens.ts';
import { system } from '../../src/core/actor.ts';
import { startOf } from '../support/plan.ts';
import { wish } from '../support/run.ts';

/** Points of one request: as many metrics as one `log-batch` of MLflow may have. */
export const batchPoints = 1_000;
/** As a training that logs ten metrics at each of a hundred steps. */
const names = Array.from({ length: 10 }, (_, i) => `metric_${i}`);

/** A run at work, with the token that its command has. */
export async function workingRun({ db }: Database): Promise<{ number: number; token: string }> {
  const now = new Date();
  const runs = runStore(db);
  const { run } = await runs.create(wish('bench', { place: { kind: 'http' } }, { pool: 'bench' }));
  const plan = planStore(db, ['bench']);
  await plan.commit(await plan.snapshot(now), [startOf(run.number, 'bench')], now);
  await runs.change(run.number, { type: 'running', attempt: 1, at: now }, now, system);
  return { number: run.number, token: await tokenStore(db).forAttempt(run.number, 1) };
}

/** Points that nobody has sent yet. */
function nextPoints(): () => { name: string; step: number; value: number }[] {
  let step = 0;
  return () =>
    Array.from({ length: batchPoints / names.length }, () => {
      step += 1;
      return names.map((name, i) => ({ name, step, value: Math.sin(step / 100) + i }));
    }).flat();
}

/** What a run sends to Signalbox. */
export function signalboxBatches(number: number, token: string): () => Buffer {
  const next = nextPoints();
  return () => post(`/v1/runs/${number}/metrics`, { points: next() }, `Authorization: Bearer ${token}`);
}

/** The same as it is sent to MLflow. */
export function mlflowBatches(run: string): () => Buffer {
  const next = nextPoints();
  return () => {
    const metrics = next().map(({ name: key, ...point }) => ({ key, ...point, timestamp: Date.now() }));
    return post('/api/2.0/mlflow/runs/log-batch', { run_id: run, metrics });
  };
}

function post(path: string, content: unknown, ...headers: string[]): Buffer {
  const body = JSON.stringify(content);
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Type: application/json',
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
