import { sql } from 'kysely';
import type { ModelFileStore } from '../../core/ports.ts';
import type { Db } from './database.ts';

/** Whoever reads a file has it alone for so long. */
const alone = '20 seconds';
/** What was read within it is read again only where it is known to be older than what matters. */
const fresh = '1 minute';
/** One that cannot be read is tried again after so long. */
const pause = '20 seconds';

export function modelFileStore(db: Db): ModelFileStore {
  return {
    async all(sources) {
      if (sources.length === 0) return [];
      const rows = await db
        .selectFrom('model_files')
        .select(['source', 'sha', 'content', 'read_at'])
        .where('source', 'in', [...sources])
        .orderBy('source')
        .execute();
      return rows.flatMap(({ source, sha, content, read_at }) =>
        sha === null || read_at === null ? [] : [{ source, sha, content, readAt: read_at }],
      );
    },
    async take(sources, since) {
      if (sources.length === 0) return [];
      await db
        .insertInto('model_files')
        .values([...sources].sort().map(source => ({ source })))
        .onConflict(conflict => conflict.column('source').doNothing())
        .execute();
      const { rows } = await sql<{ source: string; at: Date }>`
        update model_files set next_at = now() + ${alone}::interval
        where source in (
          select source from model_files
          where source in (${sql.join(sources)}) and next_at <= now() and (read_at is null or read_at < coalesce(${since}::timestamptz, now() - ${fresh}::interval))
          for update skip locked
        ) returning source, now() as at`.execute(db);
      return rows;
    },
    async read({ source, sha, content, readAt }) {
      await db
        .updateTable('model_files')
        .set({ sha, content, read_at: readAt, next_at: sql<Date>`'-infinity'`, error: null })
        .where('source', '=', source)
        // Read by another in the meantime, and later.
        .where(({ or, eb }) => or([eb('read_at', 'is', null), eb('read_at', '<=', readAt)]))
        .execute();
    },
    async failed(source, error) {
      await db
        .updateTable('model_files')
        .set({ error: error.slice(0, 1_000), next_at: sql<Date>`now() + ${pause}::interval` })
        .where('source', '=', source)
        .execute();
    },
  };
}
