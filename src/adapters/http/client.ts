import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { SignalboxError } from '../../core/errors.ts';
import type { Reply } from '../../core/reply.ts';
import { isEnd } from '../../core/run.ts';
import { type RunJson, runJsonSchema } from '../../core/run-json.ts';
import { problemSchema } from './problem.ts';
import { commandAnswerSchema, eventSchema } from './schemas.ts';

export type EventJson = z.infer<typeof eventSchema>;

export interface ApiClient {
  /** Runs a command line. With a `key`, unique per wish, a repeat is harmless. */
  command(words: string, key?: string): Promise<Reply>;
  run(number: number): Promise<RunJson>;
  /** Hands on what a run wrote and writes, over all its attempts, until it has ended. Goes on where it was when the connection breaks. */
  followLogs(number: number, onText: (text: string) => void, signal?: AbortSignal): Promise<void>;
  /** The same for what happens to it. */
  followEvents(number: number, onEvent: (event: EventJson) => void, signal?: AbortSignal): Promise<void>;
}

interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Failures in a row after which a follower gives up. */
const mostFailures = 30;

/**
 * Speaks with a Signalbox. Throws `SignalboxError` with what it refused, and `SERVICE_UNREACHABLE` where nothing answers that could be one.
 * `pauseMs` is how long followers wait before they look again.
 */
export function apiClient({ url, token, pauseMs = 1_000 }: ApiClientOptions): ApiClient {
  const base = url.replace(/\/+$/, '');

  function unreachable(reason: string, cause: unknown): SignalboxError {
    return new SignalboxError('SERVICE_UNREACHABLE', { word: base, reason }, { cause });
  }

  async function ask(path: string, { body, headers, signal }: Ask = {}): Promise<Response> {
    const request = {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    };
    const response = await fetch(`${base}${path}`, request).catch((err: unknown) => {
      throw unreachable(reasonOf(err), err);
    });
    if (response.ok) return response;
    const said = problemSchema.safeParse(await response.json().catch(() => null));
    if (!said.success)
      throw unreachable(`It answered ${response.status}, and not as Signalbox does.`, said.error);
    const { code, status, title, detail, todo, example } = said.data;
    throw new SignalboxError({ code, status, what: title, why: detail, todo, example });
  }

  async function read<T>(schema: z.ZodType<T>, response: Response): Promise<T> {
    const said = schema.safeParse(await response.json().catch(() => null));
    if (!said.success)
      throw unreachable('It answered in a way that this version does not understand.', said.error);
    return said.data;
  }

  const run = async (number: number) => read(runJsonSchema, await ask(`/v1/runs/${number}`));

  /** Repeats `once` until it says that it is done. Where the run cannot even be asked for, that is the answer. */
  async function persist(
    number: number,
    once: () => Promise<boolean>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await run(number);
    let failures = 0;
    while (!signal?.aborted) {
      try {
        if (await once()) return;
        failures = 0;
      } catch (err) {
        if (signal?.aborted) return;
        failures += 1;
        if (failures > mostFailures || !mayPass(err)) throw err;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  return {
    run,
    command: async (words, key) => {
      const headers = key === undefined ? undefined : { 'idempotency-key': key };
      const response = await ask('/v1/commands', { body: { words }, headers });
      return (await read(commandAnswerSchema, response)).reply;
    },
    followLogs: (number, onText, signal) => {
      let at = { attempt: 0, bytes: 0, decoder: new TextDecoder() };
      return persist(
        number,
        async () => {
          const before = await run(number);
          if (before.attempt > at.attempt)
            at = { attempt: before.attempt, bytes: 0, decoder: new TextDecoder() };
          if (at.attempt > 0) {
            const query = `attempt=${at.attempt}&offset=${at.bytes}&follow=true`;
            const response = await ask(`/v1/runs/${number}/logs?${query}`, { signal });
            // Where the log was cut, it begins later than asked for.
            at.bytes = Number(response.headers.get('signalbox-log-offset') ?? at.bytes);
            for await (const bytes of response.body ?? []) {
              at.bytes += bytes.length;
              onText(at.decoder.decode(bytes, { stream: true }));
            }
          }
          const after = await run(number);
          return isEnd(after.state) && after.attempt === at.attempt;
        },
        signal,
      );
    },
    followEvents: (number, onEvent, signal) => {
      let seen = 0;
      return persist(
        number,
        async () => {
          const headers = { 'last-event-id': String(seen) };
          const response = await ask(`/v1/runs/${number}/events`, { headers, signal });
          if (response.status === 204) return true;
          for await (const data of eventData(response.body ?? [])) {
            const event = eventSchema.safeParse(data);
            // A newer service may know more kinds of events.
            if (!event.success) continue;
            seen = event.data.seq;
            onEvent(event.data);
            if (isEnd(event.data.to)) return true;
          }
          return false;
        },
        signal,
      );
    },
  };
}

interface ApiClientOptions {
  url: string;
  token: string;
  pauseMs?: number;
}

/** The data of server-sent events, as JSON: https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as Signalbox uses it. */
async function* eventData(body: AsyncIterable<Uint8Array> | Uint8Array[]): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const data = message.split('\n').find(line => line.startsWith('data: '));
      if (data !== undefined) yield JSON.parse(data.slice('data: '.length));
    }
  }
}

/** Whether the next try may go better: nobody was there, the connection broke, or the service has trouble of its own. */
function mayPass(err: unknown): boolean {
  return err instanceof SignalboxError ? err.fault.status >= 500 : err instanceof TypeError;
}

function reasonOf(err: unknown): string {
  const cause = err instanceof Error ? err.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ECONNREFUSED') return 'Nothing listens there.';
  if (code === 'ENOTFOUND') return 'There is no such host.';
  if (code === 'ERR_INVALID_URL') return 'It is no address.';
  return typeof code === 'string' ? `The connection failed (${code}).` : 'The connection failed.';
}
