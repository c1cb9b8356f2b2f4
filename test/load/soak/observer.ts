import { sql } from 'kysely';
import type { Database, Tx } from '../../../src/adapters/postgres/database.ts';
import { readSnapshot } from '../../../src/adapters/postgres/snapshot.ts';
import { readWorld } from '../../../src/core/scheduler/read-world.ts';
import { type Hold, holdCodes, type World } from '../../../src/core/scheduler/world.ts';
import { storedUntruths } from '../../support/oracle.ts';
import { beyondQuotas } from './quotas.ts';
import { policy } from './site.ts';

/** A plan reads the clock a little before it reads the database. */
const slackMs = 2_000;

export interface Looks {
  /** Moments at which everything was looked at. */
  all: number;
  /** Those of them at which a plan had seen all that had happened, so that every reason had to be true. */
  counted: number;
  /** The reasons that were held against the world, by code. */
  reasons: Map<string, number>;
  mostWaiting: number;
  /** What was wrong, the first of it. */
  wrong: string[];
}

export function newLooks(): Looks {
  return { all: 0, counted: 0, reasons: new Map(), mostWaiting: 0, wrong: [] };
}

/**
 * One look at one moment of the database: that nobody has more than quota and loans, and, where no change is still without its plan, that
 * every run that waits says why, and that it is so. Answers whether that was so.
 */
export async function lookAt({ db }: Database, looks: Looks): Promise<boolean> {
  const seen = await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async tx => {
      const now = new Date();
      const snapshot = await readSnapshot(tx, Object.keys(policy.pools), now);
      return { now, snapshot, ...(await plannerOf(tx)), holds: await holdsOf(tx) };
    });
  const { now, snapshot, settled, plannedFrom, holds } = seen;
  const world = readWorld(snapshot, policy, now);
  const wrong = beyondQuotas(world);
  // How long a machine has been silent is no change that asks for a plan.
  const counts = settled && world.pools.every(pool => pool.reachable);
  if (counts) {
    wrong.push(...storedUntruths(world, holds, { from: plannedFrom - slackMs, to: now.getTime() }));
    looks.counted += 1;
    looks.mostWaiting = Math.max(looks.mostWaiting, world.waiting.length);
    for (const { code } of holds) looks.reasons.set(code, (looks.reasons.get(code) ?? 0) + 1);
  }
  looks.all += 1;
  if (looks.wrong.length < 20 && wrong.length > 0)
    looks.wrong.push(...wrong.slice(0, 5), about(world, snapshot));
  return counts;
}

function about(world: World, { epoch }: { epoch: number }): string {
  return `(epoch ${epoch}: ${world.holders.length} at work, ${world.waiting.length} wait)`;
}

/** `plannedFrom`: the moment of the plan before the last, in ms since the epoch; the last one was made after it. */
async function plannerOf(tx: Tx): Promise<{ settled: boolean; plannedFrom: number }> {
  const { rows } = await sql<{ settled: boolean; at: Date | null }>`
    select wanted_seq = seen_seq as settled, (select at from soak_plans where soak_plans.epoch < planner.epoch order by epoch desc limit 1) as at
    from planner where id = 1`.execute(tx);
  return { settled: rows[0]?.settled ?? false, plannedFrom: rows[0]?.at?.getTime() ?? 0 };
}

/** Writes down when each plan was stored. It belongs to the test alone. */
export async function watchPlans({ pool }: Database): Promise<void> {
  await pool.query(`
    create table soak_plans (epoch bigint primary key, at timestamptz not null default clock_timestamp());
    create function soak_planned() returns trigger language plpgsql as
      $$ begin insert into soak_plans (epoch) values (new.epoch); return null; end $$;
    create trigger soak_planned after update of epoch on planner for each row when (old.epoch <> new.epoch)
      execute function soak_planned()`);
}

async function holdsOf(tx: Tx): Promise<Hold[]> {
  const rows = await tx
    .selectFrom('runs')
    .select(['number', 'waiting'])
    .where('state', '=', 'queued')
    .execute();
  return rows.flatMap(({ number, waiting }): Hold[] => {
    const code = holdCodes.find(one => one === waiting?.code);
    if (!waiting || !code) return [];
    const { sentence, cost, room } = waiting;
    const more = { ...(cost === undefined ? {} : { cost }), ...(room ? { room } : {}) };
    return [{ type: 'hold', run: number, code, sentence, ...more }];
  });
}
