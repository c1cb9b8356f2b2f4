import { z } from 'zod';
import {
  type AgentLogRequest,
  type AgentMetricsRequest,
  type AgentRecordRequest,
  type AgentSyncRequest,
  type AgentSyncResponse,
  agentLogResponse,
  agentOutputsResponse,
  agentSyncResponse,
} from '../../core/agent-protocol.ts';
import type { FileDigest } from '../../core/ports.ts';

/** `away`: it may answer later. `refused`: it will not, whatever it is asked again (4xx). `broken`: it failed with this request. */
export class ServiceError extends Error {
  readonly outcome: 'away' | 'refused' | 'broken';
  readonly status: number | null;
  constructor(
    message: string,
    outcome: ServiceError['outcome'],
    status: number | null,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ServiceError';
    this.outcome = outcome;
    this.status = status;
  }
}

const problem = z.object({ detail: z.string().optional(), title: z.string().optional() });
const timeoutMs = 15_000;
/** Outputs are answered after a look at the store for each of them. */
const outputsMs = 60_000;
/** Longest silence while content is taken. */
const stallMs = 120_000;

export interface Service {
  sync(request: AgentSyncRequest): Promise<AgentSyncResponse>;
  /** Answers the bytes that Signalbox has now. */
  appendLog(run: number, attempt: number, chunk: AgentLogRequest): Promise<number>;
  /** Says what an attempt stands on. */
  record(run: number, attempt: number, said: AgentRecordRequest): Promise<void>;
  /** Names an attempt's outputs; answers the digests of those that are to be sent before they are kept. */
  outputs(run: number, attempt: number, files: readonly FileDigest[], signal: AbortSignal): Promise<string[]>;
  content(
    run: number,
    attempt: number,
    file: FileDigest,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Adds what a run wrote into its metrics file. */
  addMetrics(run: number, attempt: number, metrics: AgentMetricsRequest): Promise<void>;
  /** The tar stream of what the attempt runs, asked for with the attempt's own token. */
  source(run: number, token: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** Signalbox over HTTP. All functions throw `ServiceError`. */
export function serviceAt(url: string, token: string, signal: AbortSignal): Service {
  const base = url.replace(/\/+$/, '');

  const about = (run: number, attempt: number) => `/v1/agent/runs/${run}/attempts/${attempt}`;

  async function send(path: string, body: unknown, longestMs = timeoutMs, stop = signal): Promise<Response> {
    return await ask(`${base}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, stop, AbortSignal.timeout(longestMs)]),
    });
  }

  async function post(path: string, body: unknown, longestMs = timeoutMs, stop = signal): Promise<unknown> {
    const response = await send(path, body, longestMs, stop);
    try {
      return await response.json();
    } catch (err) {
      throw new ServiceError('Signalbox did not answer in JSON.', 'away', response.status, { cause: err });
    }
  }

  return {
    sync: async request => understood(agentSyncResponse, await post('/v1/agent/sync', request)),
    appendLog: async (run, attempt, chunk) => {
      const answer = await post(`${about(run, attempt)}/log`, chunk);
      return understood(agentLogResponse, answer).size;
    },
    record: async (run, attempt, said) => {
      await send(`${about(run, attempt)}/record`, said);
    },
    outputs: async (run, attempt, files, stop) => {
      const answer = await post(`${about(run, attempt)}/outputs`, { files }, outputsMs, stop);
      return understood(agentOutputsResponse, answer).missing;
    },
    content: async (run, attempt, { sha256, bytes }, content, stop) => {
      const stalled = new AbortController();
      const timer = setTimeout(() => stalled.abort(), stallMs);
      const moving = async function* () {
        for await (const piece of content) {
          timer.refresh();
          yield piece;
        }
      };
      try {
        await ask(`${base}${about(run, attempt)}/contents/${sha256}?bytes=${bytes}`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
          body: ReadableStream.from(moving()),
          duplex: 'half',
          signal: AbortSignal.any([signal, stop, stalled.signal]),
        });
      } finally {
        clearTimeout(timer);
      }
    },
    addMetrics: async (run, attempt, metrics) => {
      await post(`/v1/agent/runs/${run}/attempts/${attempt}/metrics`, metrics);
    },
    source: async (run, attemptToken, stop) => {
      const headers = { authorization: `Bearer ${attemptToken}` };
      const response = await ask(`${base}/v1/runs/${run}/source`, { headers, signal: stop });
      if (!response.body) throw new ServiceError('Signalbox sent no source.', 'broken', response.status);
      return response.body;
    },
  };
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, redirect: 'error' });
  } catch (err) {
    throw new ServiceError('Signalbox does not answer.', 'away', null, { cause: err });
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => '');
  const outcome = outcomeOf(response.status);
  throw new ServiceError(saidIn(text) ?? `Signalbox answered ${response.status}.`, outcome, response.status);
}

function outcomeOf(status: number): ServiceError['outcome'] {
  if (status === 408 || status === 429 || (status >= 502 && status <= 504)) return 'away';
  return status < 500 ? 'refused' : 'broken';
}

/** What a problem document (RFC 9457) says. */
function saidIn(text: string): string | null {
  try {
    const { detail, title } = problem.parse(JSON.parse(text));
    return (detail ?? title)?.slice(0, 500) ?? null;
  } catch {
    return null;
  }
}

function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw new ServiceError('Signalbox answered what this agent does not understand.', 'broken', 200, {
    cause: result.error,
  });
}
