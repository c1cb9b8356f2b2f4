import { hash } from 'node:crypto';
import { sql } from 'kysely';
import { SignalboxError } from '../../core/errors.ts';
import type { DeliveryStore, NewDelivery } from '../../core/ports.ts';
import type { Db } from './database.ts';
import type { Statements } from './impatient.ts';

/** A living worker keeps its claim well within it; that of a dead one is over soon enough to be taken over before 15 s have passed. */
const claimS = 6;
/** After this many tries (about half an hour) a delivery is laid aside, counted, and no longer tried. */
const mostTries = 12;
/** One batch is under way at a time, a second one beside it when so many wait: two that commit at once wait for each other. */
const crowd = 16;
const mostInBatch = 500;
/** Statements for so many rows are prepared; for more, planning is the smaller part of the work. */
const mostPrepared = 4;

type Stored = Awaited<ReturnType<DeliveryStore['store']>>;
interface Waiting {
  delivery: NewDelivery;
  bodyHash: Buffer;
  resolve(stored: Stored): void;
  reject(err: unknown): void;
}

/**
 * `ingest` is a pool of its own with short timeouts, so that an ack never queues behind other work: what arrives within one turn of the
 * event loop, or while batches are under way, is stored by one statement and one fsync. Throws STORE_UNAVAILABLE.
 */
export function deliveryStore(db: Db, ingest: Statements): DeliveryStore {
  let waiting: Waiting[] = [];
  let inFlight = 0;
  let scheduled = false;

  function flush(): void {
    scheduled = false;
    while (waiting.length > 0 && inFlight < (waiting.length < crowd ? 1 : 2)) {
      const batch = waiting.slice(0, mostInBatch);
      waiting = waiting.slice(mostInBatch);
      inFlight += 1;
      storeBatch(ingest, batch)
        .catch(err => {
          for (const one of batch) one.reject(new SignalboxError('STORE_UNAVAILABLE', {}, { cause: err }));
        })
        .finally(() => {
          inFlight -= 1;
          flush();
        });
    }
  }

  return {
    store: delivery =>
      new Promise((resolve, reject) => {
        const bodyHash = hash('sha256', delivery.body, 'buffer');
        waiting.push({ delivery, bodyHash, resolve, reject });
        if (scheduled) return;
        scheduled = true;
        setImmediate(flush);
      }),
    async claim(id) {
      const result = await db
        .updateTable('deliveries')
        .set({ claims: sql`claims + 1`, claimed_until: sql<Date>`now() + make_interval(secs => ${claimS})` })
        .where('id', '=', id)
        .where('done_at', 'is', null)
        .where('claimed_until', '<', sql<Date>`now()`)
        .where('next_at', '<=', sql<Date>`now()`)
        .returningAll()
        .executeTakeFirst();
      if (!result) return null;
      const { source, kind, delivery_id, body, received_at, claims } = result;
      return {
        id,
        source,
        kind,
        deliveryId: delivery_id,
        body: body.toString(),
        receivedAt: received_at,
        claim: claims,
      };
    },
    async keep({ id, claim }) {
      const { numUpdatedRows } = await db
        .updateTable('deliveries')
        .set({ claimed_until: sql<Date>`now() + make_interval(secs => ${claimS})` })
        .where('id', '=', id)
        .where('claims', '=', claim)
        .where('done_at', 'is', null)
        // Given back already: what comes late must not take it again.
        .where('claimed_until', '>', sql<Date>`'-infinity'`)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async done({ id, claim }) {
      await db
        .updateTable('deliveries')
        .set({ done_at: sql<Date>`now()`, error: null })
        .where('id', '=', id)
        .where('claims', '=', claim)
        .execute();
    },
    async failed({ id, claim }, error) {
      await db
        .updateTable('deliveries')
        .set({
          error: error.slice(0, 1_000),
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => least(300, power(2, claims)))`,
          done_at: sql<Date | null>`case when claims >= ${mostTries} then now() end`,
          laid_aside: sql<boolean>`claims >= ${mostTries}`,
        })
        .where('id', '=', id)
        .where('claims', '=', claim)
        .execute();
    },
    async due(limit) {
      const rows = await db
        .selectFrom('deliveries')
        .select('id')
        .where('done_at', 'is', null)
        .where('next_at', '<=', sql<Date>`now()`)
        .where('claimed_until', '<', sql<Date>`now()`)
        .orderBy('next_at')
        .limit(limit)
        .execute();
      return rows.map(row => row.id);
    },
  };
}

async function storeBatch(pool: Statements, batch: Waiting[]): Promise<void> {
  const stored = await pool.query<{ id: number; source: string; delivery_id: string }>({
    name: batch.length <= mostPrepared ? `store-deliveries-${batch.length}` : undefined,
    // Not `unnest`: bodies in arrays travel as text, twice as long, and halve what is stored per second.
    text: `insert into deliveries (source, kind, delivery_id, body, body_hash) values ${placeholders(batch.length)}
      on conflict (source, delivery_id) do nothing returning id, source, delivery_id`,
    values: batch.flatMap(({ delivery, bodyHash }) => [
      delivery.source,
      delivery.kind,
      delivery.deliveryId,
      Buffer.from(delivery.body),
      bodyHash,
    ]),
  });
  const fresh = new Map(stored.rows.map(row => [`${row.source} ${row.delivery_id}`, row.id]));
  const repeats: Waiting[] = [];
  for (const one of batch) {
    const key = `${one.delivery.source} ${one.delivery.deliveryId}`;
    const id = fresh.get(key);
    if (id === undefined) {
      repeats.push(one);
      continue;
    }
    // Of two equal ones in a batch the first was stored; the second is a repeat.
    fresh.delete(key);
    one.resolve({ id, outcome: 'stored' });
  }
  await Promise.all(repeats.map(one => answerRepeat(pool, one)));
}

/** `($1, ..., $5), ($6, ...`, for so many rows. */
function placeholders(rows: number): string {
  const row = (i: number) => `(${[1, 2, 3, 4, 5].map(column => `$${i * 5 + column}`).join(', ')})`;
  return Array.from({ length: rows }, (_, i) => row(i)).join(', ');
}

async function answerRepeat(pool: Statements, one: Waiting): Promise<void> {
  const { source, deliveryId } = one.delivery;
  const known = await pool.query<{ id: number; body_hash: Buffer }>({
    text: 'select id, body_hash from deliveries where source = $1 and delivery_id = $2',
    values: [source, deliveryId],
  });
  const row = known.rows[0];
  if (!row) throw new Error('a delivery was in the way and is gone');
  one.resolve({ id: row.id, outcome: row.body_hash.equals(one.bodyHash) ? 'duplicate' : 'conflict' });
}
