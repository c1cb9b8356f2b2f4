import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import type { Evaluation } from '../../core/promotion/evaluation.ts';
import type { Promotion } from '../../core/promotion/promotion.ts';
import { isEnd, type RunSpec, transition } from '../../core/run.ts';
import type { Db, Tx } from './database.ts';
import { runOf, storeTransition } from './run-rows.ts';
import { insertRun } from './runs.ts';

/** Longer than this nobody waits for metrics that are on their way from MLflow. */
const metricsWait = '10 minutes';

export async function evaluationsOf(db: Db, model: string, version: number): Promise<Evaluation[]> {
  const { rows } = await sql<Evaluation>`
    select distinct on (key) number as run, spec -> 'evaluates' ->> 'key' as key from runs
    where kind = 'evaluate' and state = 'succeeded' and spec -> 'evaluates' ->> 'model' = ${model}
      and spec -> 'evaluates' ->> 'version' = ${String(version)}
      and (ended_at < now() - ${metricsWait}::interval
        or not exists (select from mlflow_follows as f where f.run = number and f.done_at is null))
    order by key, ended_at, number`.execute(db);
  return rows;
}

/** Puts the evaluation of a promotion on the queue, asked for by whoever asked for that, and seen in its message. */
export async function beginEvaluation(
  tx: Tx,
  { number, requestedBy, evaluation }: Promotion,
  spec: RunSpec,
  now: Date,
): Promise<number> {
  const run = await insertRun(tx, {
    key: `evaluate:${number}:${evaluation ?? 0}`,
    ...{ spec, requestedBy, at: now },
    priority: 'normal',
    place: { kind: 'http' },
  });
  if (!run)
    throw new Error(`the evaluation of promotion ${number} after ${evaluation ?? 0} is there already`);
  return run.number;
}

/** Nobody waits for it any more. What has ended stays as it is. */
export async function endEvaluation(
  tx: Tx,
  { evaluation }: Pick<Promotion, 'evaluation'>,
  reason: string,
  now: Date,
): Promise<void> {
  if (evaluation === null) return;
  const row = await tx
    .selectFrom('runs')
    .selectAll()
    .where('number', '=', evaluation)
    .forUpdate()
    .executeTakeFirst();
  if (!row || isEnd(row.state)) return;
  const before = runOf(row);
  const after = transition(before, { type: 'stop', actor: system, why: 'cancel', reason }, now, system);
  if (after.ok) await storeTransition(tx, before, after);
}
