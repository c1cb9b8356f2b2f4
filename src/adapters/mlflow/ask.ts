import type { z } from 'zod';
import { MlflowError } from '../../core/ports.ts';
import { errorAnswer } from './answers.ts';

export interface MlflowClientOptions {
  /** Without a slash at its end. */
  trackingUri: string;
  /** The value of the header `authorization`; null: none is sent. */
  authorization: string | null;
  timeoutMs?: number;
}

const usualTimeoutMs = 10_000;
/** A server without pages sends whole histories. */
const mostBytes = 64 * 1024 * 1024;

/** One request; null: what was asked for is not there. Throws `MlflowError`. */
export type MlflowAsk = <Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  request: { query?: Record<string, string>; body?: unknown; method?: 'DELETE' },
) => Promise<z.infer<Schema> | null>;

/** Asks a server, and tries nothing again by itself. */
export function mlflowAsk({
  trackingUri,
  authorization,
  timeoutMs = usualTimeoutMs,
}: MlflowClientOptions): MlflowAsk {
  async function ask<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    { query, body, method }: { query?: Record<string, string>; body?: unknown; method?: 'DELETE' },
  ): Promise<z.infer<Schema> | null> {
    const address = new URL(`${trackingUri}/api/2.0/mlflow/${path}`);
    for (const [name, value] of Object.entries(query ?? {})) address.searchParams.set(name, value);
    const answer = await send(address, body, method);
    const text = answer.ok ? answer.text : '';
    if (!answer.ok && isMissing(answer)) return null;
    if (!answer.ok) throw problemOf(path, answer);
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    // The schema's issues name fields, never values.
    const [issue] = parsed.error.issues;
    throw new MlflowError(
      `${path}: its answer is not MLflow's (${issue?.path.join('.') || 'no JSON'})`,
      'odd',
    );
  }

  async function send(address: URL, body: unknown, method?: 'DELETE'): Promise<Answer> {
    try {
      const answer = await fetch(address, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          accept: 'application/json',
          ...(authorization === null ? {} : { authorization }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // Credentials go where they were meant to, and nowhere else.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { ok: answer.ok, status: answer.status, text: await textOf(answer) };
    } catch (err) {
      if (err instanceof MlflowError) throw err;
      throw new MlflowError('it does not answer', 'away', { cause: err });
    }
  }

  return ask;
}

interface Answer {
  ok: boolean;
  status: number;
  text: string;
}

/** What was asked for is not there. */
function isMissing({ status, text }: Answer): boolean {
  return status === 404 && errorAnswer.safeParse(jsonOf(text)).data?.error_code === 'RESOURCE_DOES_NOT_EXIST';
}

function problemOf(path: string, { status, text }: Answer): MlflowError {
  const said = errorAnswer.safeParse(jsonOf(text)).data;
  const words = said ? `: ${said.error_code} ${said.message.slice(0, 200)}` : '';
  const message = `${path}: it answers ${status}${words}`;
  if (status === 401 || status === 403) return new MlflowError(message, 'refused');
  return new MlflowError(message, status === 429 || status >= 500 ? 'away' : 'odd');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Throws `MlflowError` for more than anybody would log. */
async function textOf(answer: Response): Promise<string> {
  if (!answer.body) return '';
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body) {
    size += part.length;
    if (size > mostBytes) throw new MlflowError('its answer is too large', 'odd');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
