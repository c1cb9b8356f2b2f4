import { createHash } from 'node:crypto';
import { ContentMismatch } from '../../core/ports.ts';

/** Hands a stream on, and fails in the end, before whoever reads it can be done, where it was not exactly this content. */
export async function* checked(
  content: AsyncIterable<Uint8Array>,
  { sha256, bytes }: { sha256: string; bytes: number },
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > bytes) throw new ContentMismatch(`It has more than the ${bytes} bytes that were announced.`);
    hash.update(chunk);
    yield chunk;
  }
  if (size < bytes)
    throw new ContentMismatch(`It has ${size} bytes and not the ${bytes} that were announced.`);
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== sha256) throw new ContentMismatch(`It is ${found} and not ${sha256}.`);
}

/** `sha256/ab/abcd...`: where a content lies, in a folder and in a bucket. Of anything else, an error. */
export function placeOf(sha256: string): string {
  const digits = /^sha256:([0-9a-f]{64})$/.exec(sha256)?.[1];
  if (digits === undefined) throw new Error('that is no digest');
  return `sha256/${digits.slice(0, 2)}/${digits}`;
}
