import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isEncoded } from './raw-edges.ts';

/** Whether the body is compressed, and not with gzip alone. */
export function isOtherThanGzip(request: IncomingMessage): boolean {
  return isEncoded(request) && request.headers['content-encoding']?.trim().toLowerCase() !== 'gzip';
}

/** The body as it was before gzip. What comes out of it is counted as it comes, so that a bomb ends at the limit; what went in, for `Content-Length`. */
export function unzipped(
  request: IncomingMessage,
  body: Readable,
): Readable & { receivedEncodedLength?: number } {
  if (!isEncoded(request)) return body;
  const plain = Object.assign(createGunzip(), { receivedEncodedLength: 0 });
  body.on('data', (chunk: Buffer) => {
    plain.receivedEncodedLength += chunk.length;
  });
  // Whoever reads it hears of errors.
  pipeline(body, plain, () => {});
  return plain;
}
