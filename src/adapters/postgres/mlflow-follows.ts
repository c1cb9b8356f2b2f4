import { createHmac } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { MlflowFollow, MlflowFollows } from '../../core/ports.ts';
import { endStates } from '../../core/run.ts';
import { type Db, json } from './database.ts';
import { instanceKey } from './instance-key.ts';
import { showRuns } from './run-rows.ts';

/** A living worker keeps its claim well within it; that of a dead one is over soon enough to be taken over before 15 s have passed. */
const claimS = 6;
const inS = (seconds: number): RawBuilder<Date> => sql<Date>`now() + make_interval(secs => ${seconds})`;

/** Goes by the clock of the database, which is the same for every worker. */
export function mlflowFollows(db: Db): MlflowFollows {
  const key = instanceKey(db);
  const mine = ({ run, claim }: MlflowFollow) =>
    db
      .updateTable('mlflow_follows')
      .where('run', '=', run)
      .where('claims', '=', claim)
      .where('claimed_until', '>', sql<Date>`'-infinity'`);

  return {
    async keyOf(run) {
      return createHmac('sha256', await key())
        .update(`mlflow:${run}`)
        .digest('hex')
        .slice(0, 32);
    },
    async begin(runs) {
      if (runs.length === 0) return;
      await db
        .insertInto('mlflow_follows')
        .values(runs.map(run => ({ run, cursor: null, done_at: null })))
        .onConflict(conflict => conflict.column('run').doNothing())
        .execute();
    },
    async claim(limit) {
      // Of a run that is at work when its turn comes; of one that is not once more, at once, unless looks fail.
      const { rows } = await sql<MlflowFollow>`
        with due as (
          select run from mlflow_follows join runs on number = run
          where done_at is null and claimed_until <= now() and case
            when state = 'running' then next_at <= now()
            when state = 'starting' then false
            else (ended_attempt < attempt or state = any(${[...endStates]}::text[])) and (failures = 0 or next_at <= now())
          end
          order by next_at limit ${limit} for update of mlflow_follows skip locked
        )
        update mlflow_follows as f set claims = claims + 1, claimed_until = ${inS(claimS)}
        from due where f.run = due.run
        returning f.run, f.cursor, f.failures, f.claims as claim`.execute(db);
      return rows;
    },
    async keep(follow) {
      const { numUpdatedRows } = await mine(follow)
        .set({ claimed_until: inS(claimS) })
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async looked(follow, { cursor, address, endedAttempt, done, pauseMs }) {
      await db.transaction().execute(async tx => {
        const { numUpdatedRows } = await tx
          .updateTable('mlflow_follows')
          .set({
            cursor: json(cursor),
            failures: 0,
            claimed_until: sql<Date>`'-infinity'`,
            next_at: inS(pauseMs / 1_000),
            ...(endedAttempt === null ? {} : { ended_attempt: endedAttempt }),
            ...(done ? { done_at: sql<Date>`now()` } : {}),
          })
          .where('run', '=', follow.run)
          .where('claims', '=', follow.claim)
          .executeTakeFirst();
        if (numUpdatedRows === 0n || address === null) return;
        const changed = await tx
          .updateTable('runs')
          .set({ mlflow: address })
          .where('number', '=', follow.run)
          .where('mlflow', 'is distinct from', address)
          .executeTakeFirst();
        if (changed.numUpdatedRows > 0n) await showRuns(tx, [follow.run]);
      });
    },
    async failed(follow, pauseMs, givenUp) {
      await mine(follow)
        .set({
          failures: sql<number>`failures + 1`,
          claimed_until: sql<Date>`'-infinity'`,
          next_at: inS(pauseMs / 1_000),
          ...(givenUp ? { done_at: sql<Date>`now()` } : {}),
        })
        .execute();
    },
  };
}
