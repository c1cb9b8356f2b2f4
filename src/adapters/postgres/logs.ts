import type { LogStore } from '../../core/ports.ts';
import type { Db } from './database.ts';
import { insertPoints } from './metrics.ts';

/** Bytes of one attempt's log that stay readable here; all of it stays on the machine that ran it. */
const keptBytes = 16 * 1024 * 1024;
const newline = 0x0a;

export function logStore(db: Db): LogStore {
  return {
    async poolOf(number, attempt) {
      const row = await db
        .selectFrom('attempts')
        .innerJoin('runs', 'runs.number', 'attempts.run')
        .select(({ fn }) => fn.coalesce('attempts.pool', 'runs.pool').as('pool'))
        .where('attempts.run', '=', number)
        .where('attempts.attempt', '=', attempt)
        .executeTakeFirst();
      return row?.pool ?? null;
    },
    async size(number, attempt) {
      const row = await db
        .selectFrom('attempts')
        .select('log_size')
        .where('run', '=', number)
        .where('attempt', '=', attempt)
        .executeTakeFirst();
      return row?.log_size ?? 0;
    },
    async append(number, attempt, offset, text, points) {
      return await db.transaction().execute(async tx => {
        const log = await tx
          .selectFrom('attempts')
          .select(['log_size', 'log_start'])
          .where('run', '=', number)
          .where('attempt', '=', attempt)
          .forUpdate()
          .executeTakeFirst();
        if (!log) return 0;
        const content = Buffer.from(text);
        if (log.log_size !== offset || content.length === 0) return log.log_size;
        const size = offset + content.length;
        await tx
          .insertInto('log_chunks')
          .values({ run: number, attempt, at_byte: offset, content })
          .execute();
        const start = Math.max(log.log_start, size - keptBytes);
        if (start > log.log_start) {
          await tx
            .deleteFrom('log_chunks')
            .where('run', '=', number)
            .where('attempt', '=', attempt)
            .where('at_byte', '<', start)
            .where('at_byte', '<', offset)
            .execute();
        }
        await tx
          .updateTable('attempts')
          .set({ log_size: size, log_start: start })
          .where('run', '=', number)
          .where('attempt', '=', attempt)
          .execute();
        await insertPoints(tx, number, attempt, points);
        return size;
      });
    },
    async read(number, attempt, offset, limit) {
      const chunks = await db
        .selectFrom('log_chunks')
        .select(['at_byte', 'content'])
        .where('run', '=', number)
        .where('attempt', '=', attempt)
        .where(eb => eb(eb('at_byte', '+', eb.fn<number>('octet_length', ['content'])), '>', offset))
        .orderBy('at_byte')
        .limit(64)
        .execute();
      const head = chunks[0];
      if (!head) return { text: '', next: offset, dropped: false };
      const from = Math.max(offset, head.at_byte);
      const all = Buffer.concat(chunks.map(chunk => chunk.content)).subarray(from - head.at_byte);
      const part = all.length > limit ? cutAtLine(all.subarray(0, limit)) : all;
      return { text: part.toString(), next: from + part.length, dropped: from > offset };
    },
    async tail(number, attempt, lines) {
      const chunks = await db
        .selectFrom('log_chunks')
        .select('content')
        .where('run', '=', number)
        .where('attempt', '=', attempt)
        .orderBy('at_byte', 'desc')
        .limit(64)
        .execute();
      const text = Buffer.concat(chunks.map(chunk => chunk.content).reverse()).toString();
      return text
        .replace(/\n$/, '')
        .split('\n')
        .slice(-lines)
        .filter((line, i, all) => line !== '' || all.length > 1 || i > 0);
    },
  };
}

function cutAtLine(part: Buffer): Buffer {
  const end = part.lastIndexOf(newline);
  return end < 0 ? part : part.subarray(0, end + 1);
}
