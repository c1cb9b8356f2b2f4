import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawResponse } from '../../core/edge.ts';
import type { Fault } from '../../core/errors.ts';
import { problem, problemHeaders, problemType } from './problem.ts';

/** How long, and how much, a refused sender may go on sending, so that it comes to read the answer instead of a reset connection. */
const lingerMs = 1_000;
const lingerBytes = 256 * 1024;

/** A fault as a whole answer. */
export function problemResponse(f: Fault): RawResponse & { body: string } {
  return {
    status: f.status,
    headers: { 'content-type': problemType, ...problemHeaders(f) },
    body: JSON.stringify(problem(f)),
  };
}

/**
 * Refuses a request that is still being sent. The answer leaves at once, and the connection closes when the sender has stopped, or after
 * a moment. What is sent meanwhile is not read to its end: read and thrown away, 200 MB grow memory by 70 before they are collected.
 */
export function refuseSlowly(request: IncomingMessage, response: ServerResponse, f: Fault): void {
  const said = problemResponse(f);
  const headers = { ...said.headers, 'content-length': Buffer.byteLength(said.body), connection: 'close' };
  response.writeHead(f.status, headers);
  if (request.complete) {
    response.end(said.body);
    return;
  }
  response.write(said.body);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.once('error', end);
  request.once('end', end);
  let read = 0;
  request.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read > lingerBytes) request.pause();
  });
  request.resume();
}
