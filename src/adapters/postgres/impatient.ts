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
 * It is made for many statements a second, and written so that what belongs to one dies young. The driver's `query_timeout` and its
 * promises put a closure on each query that keeps it until the old generation of the heap is collected (seen on Node 24.21), and collecting
 * that stopped every ack for 10 ms once a second. So: its callbacks, one clock for all, and a plain list.
 */
export function impatient(pool: pg.Pool, ms: number): Statements {
  let pending: Pending[] = [];
  let clock: NodeJS.Timeout | undefined;

  function tick(): void {
    const now = performance.now();
    for (const one of pending) if (now - one.since >= ms) one.giveUp(new Error(`no answer within ${ms} ms`));
    if (pending.length > 0) return;
    clearInterval(clock);
    clock = undefined;
  }

  function answer<R extends pg.QueryResultRow>(
    client: pg.PoolClient,
    statement: pg.QueryConfig,
  ): Promise<pg.QueryResult<R>> {
    return new Promise((resolve, reject) => {
      const one: Pending = { since: performance.now(), giveUp: reject };
      pending.push(one);
      clock ??= setInterval(tick, ms / 8);
      client.query<R>(statement, (err, result) => {
        pending = pending.filter(other => other !== one);
        if (err) reject(err);
        else resolve(result);
      });
    });
  }

  return {
    async query<R extends pg.QueryResultRow>(statement: pg.QueryConfig) {
      const client = await pool.connect();
      try {
        const result = await answer<R>(client, statement);
        client.release();
        return result;
      } catch (err) {
        // Its query, if it is still waiting, is answered with the connection's end.
        client.release(true);
        throw err;
      }
    },
  };
}
