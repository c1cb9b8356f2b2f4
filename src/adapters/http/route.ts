import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { type Actor, tokenActor } from '../../core/actor.ts';
import { type ErrorCode, SignalboxError } from '../../core/errors.ts';
import type { Scope, Token } from '../../core/ports.ts';
import type { ApiPorts } from './deps.ts';
import { parse } from './problem.ts';

/** What a route answers: JSON, or text or bytes as they come. */
export type Answer =
  | { status: number; headers?: Record<string, string>; json?: unknown }
  | {
      status: number;
      headers: Record<string, string> & { 'content-type': string };
      /** Lasts as long as somebody follows a run. */
      live: boolean;
      /** Ends when `signal` is aborted. */
      stream(signal: AbortSignal): AsyncIterable<string | Uint8Array>;
    };

export interface RawInput {
  params: unknown;
  query: unknown;
  body: unknown;
  headers: IncomingHttpHeaders;
  /** Of a route that takes bytes. */
  content?: AsyncIterable<Uint8Array> | undefined;
}

interface Input<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  headers: IncomingHttpHeaders;
  content: AsyncIterable<Uint8Array>;
}

/** Finds out who asks, before anything of the request but its headers is read. Throws `TOKEN_INVALID` or `TOKEN_SCOPE`. */
export interface Gate<C> {
  /** For the document: the scope, or what else is asked for. */
  needs: string;
  admit(headers: IncomingHttpHeaders, ports: ApiPorts): Promise<C>;
}

interface RouteFacts {
  method: 'GET' | 'POST' | 'PUT';
  /** With `:name` for parameters. */
  path: `/v1/${string}`;
  summary: string;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** What the document says of the body, where the command behind the route is the one to refuse it. */
  describedBody?: z.ZodType;
  /** The body may have `NaN` and `Infinity`, as Python's `json` writes them. */
  notFinite?: boolean;
  /** The body may be compressed with gzip; it is held against `limitBytes` as it is unpacked. */
  gzip?: boolean;
  /** Request headers that mean something here, with what they mean. */
  headers?: Record<string, string>;
  /** Bytes of body that are read. */
  limitBytes?: number;
  /** The body is bytes, handed on as they come, however many and however long that takes. */
  takesBytes?: boolean;
  /** By status: a schema for JSON, or the content type of a stream. */
  answers: Record<number, { description: string; schema?: z.ZodType; type?: string }>;
  /** Codes beyond those that every route may answer with. */
  errors: readonly ErrorCode[];
}

/** One definition for serving and for the document. */
export interface Route extends RouteFacts {
  needs: string;
  /** Admits the caller, and only then takes the request. */
  open(headers: IncomingHttpHeaders, ports: ApiPorts): Promise<(raw: RawInput) => Promise<Answer>>;
}

interface RouteParts<C, P, Q, B> extends RouteFacts {
  gate: Gate<C>;
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  handle(input: Input<P, Q, B>, caller: C, ports: ApiPorts): Promise<Answer>;
}

/** Ties a route's `handle` to the types of its own caller, parameters, query and body. */
export function defineRoute<C, P = undefined, Q = undefined, B = undefined>(
  parts: RouteParts<C, P, Q, B>,
): Route {
  const { gate, handle, ...facts } = parts;
  return {
    ...facts,
    needs: gate.needs,
    open: async (headers, ports) => {
      const caller = await gate.admit(headers, ports);
      return async raw => {
        const input = {
          params: read(parts.params, raw.params),
          query: read(parts.query, raw.query),
          body: read(parts.body, raw.body),
          headers: raw.headers,
          content: raw.content ?? nothing(),
        };
        return await handle(input, caller, ports);
      };
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function read<T>(schema: z.ZodType<T> | undefined, value: unknown): T {
  // A route without a schema has `undefined` for its type: there is nothing that it could read.
  return schema ? parse(schema, value) : (undefined as T);
}

/** For everybody. */
export const anyone: Gate<null> = { needs: '', admit: async () => null };

/** For tokens with the scope; `admin` includes what people may do with runs. */
export function withScope(scope: Scope): Gate<Token> {
  return {
    needs: scope,
    admit: async (headers, ports) => {
      const secret = bearer(headers);
      const token = await ports.tokens.find(secret);
      if (!token || token.revokedAt !== null) {
        ports.refusals.unknown(secret, 'http');
        throw new SignalboxError('TOKEN_INVALID');
      }
      const enough: Scope[] = scope === 'agent' ? [scope] : [scope, 'admin'];
      if (!enough.some(one => token.scopes.includes(one))) throw beyond(tokenActor(token), scope, ports);
      return token;
    },
  };
}

/** For the command of one attempt, with the token that it was given. */
export const byAttempt: Gate<{ run: number; attempt: number }> = {
  needs: "the attempt's own token",
  admit: async (headers, ports) => {
    const attempt = await ports.tokens.attemptOf(bearer(headers));
    if (!attempt) throw new SignalboxError('TOKEN_INVALID');
    return attempt;
  },
};

/** The refusal of a token that may not do this, written down. */
export function beyond(actor: Actor, word: string, { refusals }: Pick<ApiPorts, 'refusals'>): SignalboxError {
  refusals.beyond(actor, word, 'http');
  return new SignalboxError('TOKEN_SCOPE', { word });
}

function bearer(headers: IncomingHttpHeaders): string {
  const secret = /^Bearer +([\x21-\x7e]{1,500})$/i.exec(headers.authorization ?? '')?.[1];
  if (secret === undefined) throw new SignalboxError('TOKEN_INVALID');
  return secret;
}
