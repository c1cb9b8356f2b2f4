import { hash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Delivery } from '../../core/webhook.ts';

/** A body as its row keeps it. */
export interface Kept {
  body: Buffer;
  /** SHA-256, for what is kept as it came. */
  body_hash: Buffer;
  encoding: 'zstd' | null;
}

/** Room for what most bodies come to: its usual 64 kB would be taken from the heap for each of them. */
const fast = { chunkSize: 8 * 1024, params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const noHash = Buffer.alloc(0);

/**
 * GitHub's bodies are 20 kB of JSON, a tenth of that compressed, which costs less than to write them to the log of the database and to
 * wait for it. Slack's are small. A compressed one needs no hash: to know a repeat it is unpacked.
 */
export function keptAs(source: Delivery['source'], body: Buffer): Kept {
  if (source === 'github') return { body: zstdCompressSync(body, fast), body_hash: noHash, encoding: 'zstd' };
  return { body, body_hash: hash('sha256', body, 'buffer'), encoding: null };
}

/** The body as it came. */
export function bodyOf({ body, encoding }: Pick<Kept, 'body' | 'encoding'>): Buffer {
  return encoding === 'zstd' ? zstdDecompressSync(body) : body;
}

/** Whether the row is for this body. */
export function isOf(row: Kept, body: Buffer): boolean {
  return row.encoding === null
    ? row.body_hash.equals(hash('sha256', body, 'buffer'))
    : bodyOf(row).equals(body);
}
