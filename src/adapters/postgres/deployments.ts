import { sql } from 'kysely';
import type { DeploymentStore, DeploymentWork } from '../../core/ports.ts';
import type { Promotion } from '../../core/promotion/promotion.ts';
import type { Db, Tx } from './database.ts';

/** A living worker keeps its claim well within it. */
const claimS = 6;
const claimed = sql<Date>`now() + make_interval(secs => ${claimS})`;
const free = sql<Date>`'-infinity'::timestamptz`;
const after = (pauseMs: number) => sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`;
/** Where GitHub is configured later, what is long over is not begun there. */
const lateHours = 24;

/** Which promotions are to be shown at their commits on GitHub, and what of them is. */
export function deploymentStore(db: Db): DeploymentStore {
  const mine = ({ number, claim }: DeploymentWork) =>
    db.updateTable('promotion_deployments').where('promotion', '=', number).where('claims', '=', claim);

  return {
    async claim(limit) {
      const { rows } = await sql<DeploymentWork>`
        with due as (
          select d.promotion from promotion_deployments d join promotions p on p.number = d.promotion
          where d.wanted > d.shown and not d.gave_up and d.claimed_until < now() and d.next_at <= now()
            and (d.deployment is not null or p.ended_at is null or p.ended_at > now() - make_interval(hours => ${lateHours}))
          order by d.next_at, d.promotion limit ${limit} for update of d skip locked
        )
        update promotion_deployments as d set claims = claims + 1, claimed_until = ${claimed}
        from due, promotions p, model_versions v
        where d.promotion = due.promotion and p.number = d.promotion and v.model = p.model and v.number = p.version
        returning p.number, p.kind, p.model, p.version, p.environment, p.state, v.source, v.sha, v.run,
          d.deployment, d.wanted, d.failures, d.claims as claim,
          coalesce((
            select e.reason from promotion_events e
            where e.promotion = p.number and e.type not in ('waits', 'answered', 'withdrawn', 'passed') order by e.seq desc limit 1
          ), '') as reason,
          (
            select n.number from promotions n
            where n.model = p.model and n.environment = p.environment and n.state = 'live'
              and (n.ended_at, n.number) > (p.ended_at, p.number)
            order by n.ended_at, n.number limit 1
          ) as "replacedBy"`.execute(db);
      return rows;
    },
    async keep(work) {
      const { numUpdatedRows } = await mine(work)
        .set({ claimed_until: claimed })
        .where('claimed_until', '>', free)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async begun({ number }, deployment) {
      // Whoever has done it: it is so.
      await db
        .updateTable('promotion_deployments')
        .set({ deployment })
        .where('promotion', '=', number)
        .execute();
    },
    async shown(work, pauseMs) {
      const { numUpdatedRows } = await mine(work)
        .set({
          ...{ shown: work.wanted, error: null, failures: 0 },
          ...{ claimed_until: free, next_at: after(pauseMs) },
        })
        .executeTakeFirst();
      if (numUpdatedRows > 0n) return;
      // What was told late may stand above what somebody else has told since.
      await db
        .updateTable('promotion_deployments')
        .set({ wanted: sql`wanted + 1` })
        .where('promotion', '=', work.number)
        .execute();
    },
    async failed(work, error, pauseMs, givenUp) {
      await mine(work)
        .set({
          ...{ error: error.slice(0, 1_000), failures: sql`failures + 1`, gave_up: givenUp },
          ...{ claimed_until: free, next_at: after(pauseMs) },
        })
        .execute();
    },
  };
}

/** In the transaction that changes a promotion: what its commit on GitHub says is no longer so, or not yet. */
export async function showDeployment(
  tx: Tx,
  { number, model, version, environment, state, step }: Promotion,
): Promise<void> {
  // Before its rollout begins nothing goes anywhere.
  if (step === null) return;
  await sql`
    insert into promotion_deployments (promotion)
    select ${number} from model_versions where model = ${model} and number = ${version} and source like 'github:%'
    on conflict (promotion) do update set wanted = promotion_deployments.wanted + 1`.execute(tx);
  if (state !== 'live') return;
  await sql`
    update promotion_deployments set wanted = wanted + 1
    where promotion in (
      select number from promotions
      where model = ${model} and environment = ${environment} and state = 'live' and number <> ${number}
      order by ended_at desc, number desc limit 1
    )`.execute(tx);
}
