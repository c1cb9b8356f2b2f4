import type pg from 'pg';

/** As much of a pool as takes one statement at a time. */
export interface Statements {
  query<R extends pg.QueryResultRow>(statement: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}

interface Pending {
  since: number;
  giveUp(err: Error): void;
}

/**
 * A pool that waits no longer than so many milliseconds (an eighth more at the most) for the answer to a statement, for a server that is
 * there and says nothing: such a one keeps no time limit of its own. The connection is given up with the statement.
 *
 * One clock for all statements. The driver's own `query_timeout` sets a timer for each, and what such a timer belongs to outlives the young
 * generation of Node 24's heap: at 500 statements a second collecting it stops everything for 10 ms every second.
 */
export function impatient(pool: pg.Pool, ms: number): Statements {
  const pending = new Set<Pending>();
  let clock: NodeJS.Timeout | undefined;

  function tick(): void {
    const now = performance.now();
    for (const one of pending) if (now - one.since >= ms) one.giveUp(new Error(`no answer within ${ms} ms`));
    if (pending.size > 0) return;
    clearInterval(clock);
    clock = undefined;
  }

  async function query<R extends pg.QueryResultRow>(statement: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    const client = await pool.connect();
    const { promise: silence, reject: giveUp } = Promise.withResolvers<never>();
    const one = { since: performance.now(), giveUp };
    pending.add(one);
    clock ??= setInterval(tick, ms / 8);
    try {
      const result = await Promise.race([client.query<R>(statement), silence]);
      client.release();
      return result;
    } catch (err) {
      client.release(true);
      throw err;
    } finally {
      pending.delete(one);
    }
  }

  return { query };
}
