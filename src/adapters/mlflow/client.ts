import type { z } from 'zod';
import { mlflowAddress, mlflowTags } from '../../core/mlflow.ts';
import { MlflowError, type MlflowPort, type MlflowRun } from '../../core/ports.ts';
import {
  errorAnswer,
  experimentsAnswer,
  historyAnswer,
  mlflowRunOf,
  runAnswer,
  runsAnswer,
} from './answers.ts';

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
const experimentsPerPage = 1_000;
const mostPages = 20;

/** The part of MLflow's REST API that Signalbox uses. It tries nothing again by itself. */
export function mlflowClient({
  trackingUri,
  authorization,
  timeoutMs = usualTimeoutMs,
}: MlflowClientOptions): MlflowPort & { check(): Promise<void> } {
  async function ask<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    { query, body }: { query?: Record<string, string>; body?: unknown },
  ): Promise<z.infer<Schema> | null> {
    const address = new URL(`${trackingUri}/api/2.0/mlflow/${path}`);
    for (const [name, value] of Object.entries(query ?? {})) address.searchParams.set(name, value);
    const answer = await send(address, body);
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

  async function send(address: URL, body: unknown): Promise<Answer> {
    try {
      const answer = await fetch(address, {
        method: body === undefined ? 'GET' : 'POST',
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

  return {
    async find(key, most) {
      const found: MlflowRun[] = [];
      let token: string | null = null;
      for (let page = 0; page < mostPages; page++) {
        const wanted: object = {
          max_results: experimentsPerPage,
          ...(token === null ? {} : { page_token: token }),
        };
        const listed: z.infer<typeof experimentsAnswer> | null = await ask(
          experimentsAnswer,
          'experiments/search',
          { body: wanted },
        );
        const ids = listed?.experiments.map(one => one.experiment_id) ?? [];
        // Without experiments nothing is searched.
        const body = {
          experiment_ids: ids,
          filter: `tags.\`${mlflowTags.key}\` = '${key}'`,
          max_results: most,
          order_by: ['attributes.start_time ASC'],
        };
        const answer = ids.length === 0 ? null : await ask(runsAnswer, 'runs/search', { body });
        found.push(...(answer?.runs ?? []).flatMap(run => mlflowRunOf(run) ?? []));
        token = listed?.next_page_token ?? null;
        if (token === null) break;
      }
      return found.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, most);
    },
    async get(id) {
      const answer = await ask(runAnswer, 'runs/get', { query: { run_id: id } });
      return answer && mlflowRunOf(answer.run);
    },
    async history(id, name, token, most) {
      const query = {
        run_id: id,
        metric_key: name,
        max_results: String(most),
        ...(token === null ? {} : { page_token: token }),
      };
      const answer = await ask(historyAnswer, 'metrics/get-history', { query });
      if (!answer) return { points: [], next: null };
      const points = answer.metrics.map(({ value, timestamp, step }) => ({ value, timestamp, step }));
      return { points, next: answer.next_page_token };
    },
    address: run => mlflowAddress(trackingUri, run),
    async check() {
      const answer = await ask(experimentsAnswer, 'experiments/search', { body: { max_results: 1 } });
      if (!answer) throw new MlflowError('experiments/search: it knows no such thing', 'odd');
    },
  };
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
