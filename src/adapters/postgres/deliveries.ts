import { sql } from 'kysely';
import { SignalboxError } from '../../core/errors.ts';
import type { DeliveryStore, NewDelivery } from '../../core/ports.ts';
import { byteaArray, textArray } from './binary-array.ts';
import type { Db } from './database.ts';
import { bodyOf, isOf, type Kept, keptAs } from './delivery-body.ts';
import type { Statements } from './impatient.ts';

/** A living worker keeps its claim well within it; that of a dead one is over soon enough to be taken over before 15 s have passed. */
const claimS = 6;
/** After this many tries (about half an hour) a delivery is laid aside, counted, and no longer tried. */
const mostTries = 12;
/** One batch is under way at a time, a second one beside it when so many wait: two that commit at once wait for each other. */
const crowd = 16;
const mostInBatch = 500;

type Stored = Awaited<ReturnType<DeliveryStore['store']>>;
interface Waiting {
  delivery: NewDelivery<string | Uint8Array>;
  body: Buffer;
  resolve(stored: Stored): void;
  reject(err: unknown): void;
}

/**
 * `ingest` is a pool of its own with short timeouts, so that an ack never queues behind other work: what arrives within one turn of the
 * event loop, or while batches are under way, is stored by one statement and one fsync; where that is a crowd, the first of it are stored
 * while the rest is read, else this process and the database would work in turns. Throws STORE_UNAVAILABLE.
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
        waiting.push({ delivery, body: bytesOf(delivery.body), resolve, reject });
        if (waiting.length >= crowd && inFlight < 2) return flush();
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
      const { source, kind, delivery_id, received_at, claims } = result;
      return {
        id,
        source,
        kind,
        deliveryId: delivery_id,
        body: bodyOf(result).toString(),
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
    async failed({ id, claim }, error, waitMs = 0) {
      await db
        .updateTable('deliveries')
        .set({
          error: error.slice(0, 1_000),
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => greatest(least(300, power(2, claims)), ${waitMs / 1_000}))`,
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

/** Bytes are not copied. */
function bytesOf(body: string | Uint8Array): Buffer {
  return typeof body === 'string'
    ? Buffer.from(body)
    : Buffer.from(body.buffer, body.byteOffset, body.length);
}

/** As arrays in PostgreSQL's own format: one statement whatever their number, and no body travels as text, twice as long. */
const storeAll = `
  insert into deliveries (source, kind, delivery_id, body, body_hash, encoding)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::text[])
  on conflict (source, delivery_id) do nothing returning id, source, delivery_id`;

async function storeBatch(pool: Statements, batch: Waiting[]): Promise<void> {
  const kept = batch.map(({ delivery, body }) => keptAs(delivery.source, body));
  const stored = await pool.query<{ id: number; source: string; delivery_id: string }>({
    name: 'store-deliveries',
    text: storeAll,
    values: [
      textArray(batch.map(({ delivery }) => delivery.source)),
      textArray(batch.map(({ delivery }) => delivery.kind)),
      textArray(batch.map(({ delivery }) => delivery.deliveryId)),
      byteaArray(kept.map(({ body }) => body)),
      byteaArray(kept.map(({ body_hash }) => body_hash)),
      textArray(kept.map(({ encoding }) => encoding)),
    ],
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

/**
 * A repeat changes nothing, except that a delivery that was laid aside is tried once more: whoever sends it again has seen to the cause.
 */
async function answerRepeat(pool: Statements, one: Waiting): Promise<void> {
  const { source, deliveryId } = one.delivery;
  const known = await pool.query<Kept & { id: number; laid_aside: boolean }>({
    name: 'known-delivery',
    text: 'select id, body, body_hash, encoding, laid_aside from deliveries where source = $1 and delivery_id = $2',
    values: [source, deliveryId],
  });
  const row = known.rows[0];
  if (!row) throw new Error('a delivery was in the way and is gone');
  if (!isOf(row, one.body)) return one.resolve({ id: row.id, outcome: 'conflict' });
  if (!row.laid_aside) return one.resolve({ id: row.id, outcome: 'duplicate' });
  await pool.query({
    text: `update deliveries set laid_aside = false, done_at = null, next_at = now() where id = $1 and laid_aside`,
    values: [row.id],
  });
  one.resolve({ id: row.id, outcome: 'stored' });
}
