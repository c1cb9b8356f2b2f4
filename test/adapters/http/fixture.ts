import net from 'node:net';
import type { TestContext } from 'node:test';
import type { GaugeSample, HttpDeps } from '../../../src/adapters/http/deps.ts';
import { problemSchema } from '../../../src/adapters/http/problem.ts';
import { createHttpServer, type HttpServer } from '../../../src/adapters/http/server.ts';
import { actorKey } from '../../../src/core/actor.ts';
import type { Intent } from '../../../src/core/intent.ts';
import type { Token } from '../../../src/core/ports.ts';
import type { Run, RunEvent } from '../../../src/core/run.ts';
import { spec } from '../../support/run.ts';
import { summaryOf } from '../../support/summary.ts';

export const at = new Date('2026-01-05T09:00:00.000Z');

const token = (id: string, more: Partial<Token>): Token => ({
  id,
  name: id,
  scopes: [],
  pool: null,
  createdAt: at,
  lastUsedAt: null,
  revokedAt: null,
  ...more,
});

const tokens: Record<string, Token> = {
  reader: token('reader', { scopes: ['runs:read'] }),
  writer: token('writer', { scopes: ['runs:read', 'runs:write'] }),
  admin: token('admin', { scopes: ['admin'] }),
  agent: token('agent', { scopes: ['agent'] }),
  'agent-local': token('agent-local', { scopes: ['agent'], pool: 'local' }),
  'agent-other': token('agent-other', { scopes: ['agent'], pool: 'other' }),
  revoked: token('revoked', { scopes: ['runs:read'], revokedAt: at }),
};

export function aRun(changes: Partial<Run> = {}): Run {
  return {
    number: 42,
    spec: spec({ gpus: 1 }),
    state: 'running',
    priority: 'normal',
    requestedBy: { kind: 'token', id: 'writer', name: 'writer' },
    place: { kind: 'http' },
    pool: 'local',
    attempt: 1,
    preemptions: 0,
    taken: null,
    preemptedBy: null,
    extraS: 0,
    stopping: null,
    stoppedBy: null,
    waiting: null,
    approval: null,
    exitCode: null,
    failure: null,
    createdAt: at,
    queuedAt: at,
    startedAt: at,
    endedAt: null,
    ...changes,
  };
}

export function anEvent(seq: number, to: RunEvent['to']): RunEvent & { seq: number } {
  const type = to === 'queued' || to === 'running' || to === 'succeeded' ? to : 'starting';
  const actor = { kind: 'system', id: 'signalbox', name: 'Signalbox' } as const;
  return { seq, type, from: 'queued', to, actor, reason: `It is ${to}.`, at, attempt: 1 };
}

/** Everything behind the server, in memory, open to the test. */
export interface World {
  runs: Map<number, Run>;
  events: (RunEvent & { seq: number })[];
  /** By `run/attempt`. */
  logs: Map<string, string>;
  intents: Intent[];
  points: unknown[];
  digests: Map<string, string>;
  warnings: { fields: Record<string, unknown>; message: string }[];
  gauges: GaugeSample[];
  /** Tokens that were refused, each with what it was refused for. */
  refused: string[];
}

export interface Started extends World {
  server: HttpServer;
  url: string;
  /** A request with a token (none: null). */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>;
}

interface AskOptions {
  token?: string | null;
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A server on a free port over a world in memory, closed with the test. */
export async function start(t: TestContext, changes: Partial<HttpDeps> = {}): Promise<Started> {
  const world = newWorld();
  const server = createHttpServer({ ...portsOver(world), ...changes });
  await server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  const url = server.url();
  const ask: Started['ask'] = async (method, path, options = {}) => {
    const { token = 'writer', body, raw, headers, signal } = options;
    const all = new Headers(headers);
    if (token !== null && !all.has('authorization')) all.set('authorization', `Bearer ${token}`);
    if (body !== undefined) all.set('content-type', 'application/json');
    const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    return await fetch(`${url}${path}`, { method, headers: all, body: sent, signal });
  };
  return { ...world, server, url, ask };
}

export function newWorld(): World {
  return {
    runs: new Map([[42, aRun()]]),
    events: [],
    logs: new Map(),
    intents: [],
    points: [],
    digests: new Map(),
    warnings: [],
    gauges: [],
    refused: [],
  };
}

export function portsOver(world: World): HttpDeps {
  let ids = 0;
  const note = (fields: Record<string, unknown>, message: string) => world.warnings.push({ fields, message });
  return {
    edges: [],
    refusals: {
      unknown: secret => void world.refused.push(`unknown ${secret}`),
      beyond: (actor, word) => void world.refused.push(`${actor.kind} ${actor.id}: ${word}`),
    },
    dispatch: async intent => {
      world.intents.push(intent);
      return {
        ok: true,
        reply: { audience: 'sender', tone: 'info', title: 'Done.', blocks: [], data: { number: 42 } },
      };
    },
    runs: {
      get: async number => world.runs.get(number) ?? null,
      list: async ({ limit, before, states, requesters, project }) =>
        [...world.runs.values()]
          .filter(run => before === undefined || run.number < before)
          .filter(run => !states || states.includes(run.state))
          .filter(run => !requesters || requesters.includes(actorKey(run.requestedBy)))
          .filter(run => !project || run.spec.project === project)
          .sort((a, b) => b.number - a.number)
          .slice(0, limit),
      events: async (_, after = 0) => world.events.filter(event => event.seq > after),
      metrics: async () => [summaryOf('accuracy', 3, 0.93, 4)],
      series: async (_, names, most) =>
        names.map(name => ({
          name,
          points: [
            { step: 0, value: 0.5 },
            { step: 3, value: 0.93 },
          ].slice(0, most),
        })),
      reported: async () => ({
        leftOut: { notFinite: [{ name: 'loss', count: 12, attempt: 1, step: 120 }], examples: {} },
        ...{ pace: null, heardSince: null, alerts: [] },
      }),
      addPoints: async (number, attempt, points) => {
        world.points.push({ number, attempt, points });
        return { taken: points.length, refused: {} };
      },
      newestNumber: async () => Math.max(...world.runs.keys()),
    },
    logs: {
      poolOf: async (number, attempt) => {
        const run = world.runs.get(number);
        return run && attempt <= run.attempt ? run.pool : null;
      },
      read: async (number, attempt, offset, limit) => {
        const bytes = Buffer.from(world.logs.get(`${number}/${attempt}`) ?? '').subarray(
          offset,
          offset + limit,
        );
        return { text: bytes.toString(), next: offset + bytes.length, dropped: false };
      },
      append: async (number, attempt, offset, text) => {
        const key = `${number}/${attempt}`;
        const known = world.logs.get(key) ?? '';
        if (Buffer.byteLength(known) === offset) world.logs.set(key, known + text);
        return Buffer.byteLength(world.logs.get(key) ?? '');
      },
    },
    tokens: {
      find: async secret => tokens[secret] ?? null,
      attemptOf: async secret => {
        const [, run, attempt] = /^attempt-(\d+)-(\d+)$/.exec(secret) ?? [];
        return run === undefined ? null : { run: Number(run), attempt: Number(attempt) };
      },
    },
    source: {
      archive: async (source, sha) =>
        (async function* () {
          yield Buffer.from(`tar of ${source} `);
          yield Buffer.from(`at ${sha}`);
        })(),
    },
    idempotency: {
      check: async (tokenId, key, digest) => {
        const known = world.digests.get(`${tokenId} ${key}`);
        world.digests.set(`${tokenId} ${key}`, known ?? digest);
        return known === undefined ? 'new' : known === digest ? 'same' : 'conflict';
      },
    },
    models: { all: async () => [], versions: async () => [] },
    modelPolicies: { all: async () => new Map() },
    registry: { aliases: async () => [] },
    records: {
      artifacts: async () => [],
      of: async () => ({ artifacts: [], inputs: [], machine: null, held: { acceleratorHours: 0, cost: 0 } }),
      began: async () => {},
    },
    artifacts: { open: async () => null },
    keepOutputs: async () => [],
    takeContent: async () => {},
    agentSync: async () => ({ assignments: [], settled: [] }),
    health: async () => ({ ok: true, checks: { postgres: 'ok' } }),
    gauges: async () => world.gauges,
    log: { debug: () => {}, info: () => {}, warn: note, error: note },
    clock: () => at,
    id: () => `id-${++ids}`,
    version: '0.0.0-test',
    pace: { pollMs: 5, keepAliveMs: 10 },
  };
}

/** The problem that a response is; throws where it is none, or not a whole one. */
export async function problemOf(response: Response) {
  return problemSchema.strict().parse(await response.json());
}

export interface Raw {
  socket: net.Socket;
  /** All that came, when the other side has closed. */
  closed: Promise<string>;
}

/** A bare connection, for what no client library would send. */
export function connect(url: string): Raw {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  socket.on('data', bytes => {
    text += bytes;
  });
  // A reset is one way to be closed.
  socket.on('error', () => {});
  socket.on('close', () => resolve(text));
  return { socket, closed: promise };
}

/** The status of an answer as it came over a bare connection. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
}

/** An address in front of `url` whose connections can be broken. */
export async function door(t: TestContext, url: string): Promise<{ url: string; cut(): void }> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<net.Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const server = net.createServer(near => {
    const far = net.connect(Number(port), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
      socket.pipe(other);
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    cut();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door does not listen');
  return { url: `http://127.0.0.1:${address.port}`, cut };
}
