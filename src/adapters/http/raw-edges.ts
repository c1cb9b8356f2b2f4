import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { bodyBudget } from './body-budget.ts';
import { faultOf } from './problem.ts';
import { problemResponse, refuseSlowly } from './refuse.ts';

export interface RawEdgeDeps {
  edges: RawEdge[];
  /** Bytes of bodies that may be held at once, over all edges. */
  bodyBudgetBytes: number;
  log: Log;
  clock: () => Date;
  id: () => string;
  observe(route: string, status: number, seconds: number): void;
  /** Whether the server is on its way out: connections end with their answer. */
  closing(): boolean;
}

export interface RawEdges {
  /** Serves the request when it is for an edge; `false`: it is not. */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Whether its body is worth waiting for, by what its headers say. */
  welcome(request: IncomingMessage): boolean;
}

/**
 * Serves edges straight from `node:http`: their bodies are signed bytes that no framework may touch, and an ack is worth no
 * detour. A body is refused as soon as it passes its limit, whatever its headers say.
 */
export function rawEdges(deps: RawEdgeDeps): RawEdges {
  const edges = new Map(deps.edges.map(edge => [edge.path, edge]));
  const budget = bodyBudget(deps.bodyBudgetBytes);

  function edgeFor(request: IncomingMessage): RawEdge | undefined {
    if (request.method !== 'POST' || request.url === undefined) return undefined;
    const query = request.url.indexOf('?');
    return edges.get(query < 0 ? request.url : request.url.slice(0, query));
  }

  function read(edge: RawEdge, request: IncomingMessage, response: ServerResponse): void {
    const began = performance.now();
    const receivedAt = deps.clock();
    const declared = declaredBytes(request);
    const limit = declared === null ? (edge.chunkedLimitBytes ?? edge.limitBytes) : edge.limitBytes;
    const body = budget.open(declared ?? limit);
    const finish = (status: number) => {
      body.free();
      deps.observe(`POST ${edge.path}`, status, (performance.now() - began) / 1000);
    };
    const refuse = (f: Fault) => {
      request.removeAllListeners('data').removeAllListeners('end');
      refuseSlowly(request, response, f);
      finish(f.status);
    };
    const early = refusal(request, edge.limitBytes);
    if (early) {
      refuse(early);
      return;
    }
    request.on('data', (chunk: Buffer) => {
      const outcome = body.add(chunk);
      if (outcome === 'too-large') refuse(tooLarge(limit));
      if (outcome === 'no-room') refuse(fault('BUSY', { reason: noRoom }));
    });
    request.on('end', () => {
      const message = { headers: headersOf(request), body: body.bytes(), receivedAt };
      answer(edge, message).then(said => {
        send(response, said, deps.closing());
        finish(said.status);
      });
    });
    // Cut off before its end; without a listener the error would end the process.
    request.on('error', () => body.free());
    request.on('close', () => {
      if (!request.complete) body.free();
    });
  }

  async function answer(edge: RawEdge, message: RawRequest): Promise<RawResponse> {
    try {
      return await edge.handle(message);
    } catch (err) {
      const known = faultOf(err);
      const reference = deps.id();
      if (known) deps.log.warn({ err, path: edge.path, code: known.code }, 'delivery refused');
      else deps.log.error({ err, path: edge.path, reference }, 'delivery failed');
      return problemResponse(known ?? fault('INTERNAL', { reference }));
    }
  }

  return {
    serve: (request, response) => {
      const edge = edgeFor(request);
      if (edge) read(edge, request, response);
      return edge !== undefined;
    },
    welcome: request => {
      const edge = edgeFor(request);
      return edge === undefined || refusal(request, edge.limitBytes) === null;
    },
  };
}

const noRoom = 'The memory for requests that are being read is used up.';

function tooLarge(limit: number): Fault {
  return fault('BODY_TOO_LARGE', { limit });
}

function refusal(request: IncomingMessage, limit: number): Fault | null {
  if (isEncoded(request)) return fault('BODY_ENCODING');
  return (declaredBytes(request) ?? 0) > limit ? tooLarge(limit) : null;
}

function declaredBytes(request: IncomingMessage): number | null {
  const declared = request.headers['content-length'];
  return declared === undefined ? null : Number(declared);
}

/** Whether the body is compressed: it is never unpacked here, and so never a bomb. */
export function isEncoded(request: IncomingMessage): boolean {
  const encoding = request.headers['content-encoding'];
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}

/** Node joins repeated headers with a comma; that a signature came twice must stay visible. */
function headersOf(request: IncomingMessage): RawRequest['headers'] {
  const headers: RawRequest['headers'] = Object.create(null);
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else headers[name] = typeof before === 'string' ? [before, value] : [...before, value];
  }
  return headers;
}

function send(response: ServerResponse, said: RawResponse, last: boolean): void {
  const length = said.body === undefined ? 0 : Buffer.byteLength(said.body);
  const headers: Record<string, string | number> = { ...said.headers, 'content-length': length };
  if (last) headers.connection = 'close';
  response.writeHead(said.status, headers);
  response.end(said.body);
}
