import { tokenActor } from '../../core/actor.ts';
import {
  agentLogRequest,
  agentLogResponse,
  agentMetricsRequest,
  agentSyncRequest,
  agentSyncResponse,
  describedMetricsRequest,
  metricsRequest,
  metricsResponse,
  unpackPoints,
} from '../../core/agent-protocol.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { Token } from '../../core/ports.ts';
import { isOnMachine, type Run } from '../../core/run.ts';
import type { ApiPorts } from './deps.ts';
import { beyond, byAttempt, defineRoute, type Route, withScope } from './route.ts';
import { existingRun } from './routes-runs.ts';
import { attemptSchema, runNumberSchema } from './schemas.ts';

/** An agent's reports and logs are longer than what people send. */
export const agentLimitBytes = 2 * 1024 * 1024;
/** As many points as one request may have, with long names. */
const metricsLimitBytes = 2 * 1024 * 1024;

const syncAgent = defineRoute({
  method: 'POST',
  path: '/v1/agent/sync',
  summary: 'An agent says all that it knows, and hears all that belongs on its pool.',
  gate: withScope('agent'),
  body: agentSyncRequest,
  limitBytes: agentLimitBytes,
  answers: { 200: { description: 'What belongs there now.', schema: agentSyncResponse } },
  errors: [],
  handle: async ({ body }, token, ports) => {
    ownPool(token, body.pool, ports);
    return { status: 200, json: await ports.agentSync(body.pool, body, ports.clock()) };
  },
});

const appendLog = defineRoute({
  method: 'POST',
  path: '/v1/agent/runs/:run/attempts/:attempt/log',
  summary: "An agent adds to an attempt's log, with the metrics found in it.",
  gate: withScope('agent'),
  params: attemptSchema,
  body: agentLogRequest,
  limitBytes: agentLimitBytes,
  answers: { 200: { description: 'What is known of the log now.', schema: agentLogResponse } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params, body }, token, ports) => {
    await attemptOfAgent(params, token, ports);
    const size = await ports.logs.append(
      params.run,
      params.attempt,
      body.offset,
      body.text,
      unpackPoints(body),
    );
    return { status: 200, json: { size } };
  },
});

const appendMetrics = defineRoute({
  method: 'POST',
  path: '/v1/agent/runs/:run/attempts/:attempt/metrics',
  summary: 'An agent adds what a run wrote into its metrics file.',
  gate: withScope('agent'),
  params: attemptSchema,
  body: agentMetricsRequest,
  limitBytes: agentLimitBytes,
  answers: { 200: { description: 'They are stored.', schema: metricsResponse } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params, body }, token, ports) => {
    await attemptOfAgent(params, token, ports);
    const unread = body.unread ? [{ why: 'line' as const, name: '', step: 0 }] : [];
    const points = unpackPoints(body);
    const taken = await ports.runs.addPoints(params.run, params.attempt, points, unread, ports.clock());
    return { status: 200, json: taken };
  },
});

const addMetrics = defineRoute({
  method: 'POST',
  path: '/v1/runs/:number/metrics',
  summary:
    'A command reports its metrics, in any order and again without harm. Points that do not fit are left out, and named in the answer.',
  gate: byAttempt,
  params: runNumberSchema,
  body: metricsRequest,
  describedBody: describedMetricsRequest,
  notFinite: true,
  gzip: true,
  limitBytes: metricsLimitBytes,
  answers: { 200: { description: 'They are stored.', schema: metricsResponse } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params, body }, by, ports) => {
    await ownRun(by, params.number, ports);
    const taken = await ports.runs.addPoints(params.number, by.attempt, body.points, [], ports.clock());
    return { status: 200, json: taken };
  },
});

const getSource = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/source',
  summary: 'The source that an attempt runs, at its commit.',
  gate: byAttempt,
  params: runNumberSchema,
  answers: { 200: { description: 'A tar archive.', type: 'application/x-tar' } },
  errors: ['RUN_NOT_FOUND', 'SOURCE_UNAVAILABLE'],
  handle: async ({ params }, attempt, ports) => {
    const { spec } = await ownRun(attempt, params.number, ports);
    // An agent from before there were leases asks for the source of one.
    const archive =
      spec.kind === 'lease' ? emptyArchive() : await ports.source.archive(spec.source, spec.sha);
    return {
      status: 200,
      headers: { 'content-type': 'application/x-tar' },
      live: false,
      stream: () => archive,
    };
  },
});

const getModel = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/model',
  summary: 'The model that an attempt serves or evaluates.',
  gate: byAttempt,
  params: runNumberSchema,
  answers: { 200: { description: 'Its content.', type: 'application/octet-stream' } },
  errors: ['RUN_NOT_FOUND', 'ARTIFACT_GONE', 'ARTIFACTS_UNAVAILABLE'],
  handle: async ({ params }, attempt, ports) => {
    const { serves, evaluates } = (await ownRun(attempt, params.number, ports)).spec;
    const model = serves ?? evaluates;
    const opened = model && (await ports.artifacts.open(model.sha256));
    if (!opened) {
      const reason = model ? `It was ${model.sha256}.` : 'The run serves and evaluates nothing.';
      throw new SignalboxError('ARTIFACT_GONE', { word: model?.output ?? 'model', reason });
    }
    return {
      status: 200,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(opened.bytes) },
      live: false,
      stream: () => opened.content,
    };
  },
});

export const machineRoutes: readonly Route[] = [
  syncAgent,
  appendLog,
  appendMetrics,
  addMetrics,
  getSource,
  getModel,
];

/** Two blocks of zeros end every archive (pax(1), ustar Interchange Format); here nothing is before them. */
async function* emptyArchive(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1_024);
}

/** A later attempt may be on another pool: what is said of one is said by the machine that had it. Throws RUN_NOT_FOUND, TOKEN_SCOPE. */
export async function attemptOfAgent(
  { run, attempt }: { run: number; attempt: number },
  token: Token,
  ports: Pick<ApiPorts, 'logs' | 'refusals'>,
): Promise<void> {
  const pool = await ports.logs.poolOf(run, attempt);
  if (pool === null) throw new SignalboxError('RUN_NOT_FOUND', { word: `${run} (attempt ${attempt})` });
  ownPool(token, pool, ports);
}

function ownPool(token: Token, pool: string, ports: Pick<ApiPorts, 'refusals'>): void {
  if (token.pool !== null && token.pool !== pool) throw beyond(tokenActor(token), `agent of ${pool}`, ports);
}

/** The run of an attempt's token, while that attempt is the one on the machine. */
async function ownRun(
  by: { run: number; attempt: number },
  number: number,
  ports: Pick<ApiPorts, 'runs' | 'refusals'>,
): Promise<Run> {
  if (by.run !== number) {
    const actor = { kind: 'run', id: String(by.run), name: `run #${by.run}` } as const;
    throw beyond(actor, `run ${number}`, ports);
  }
  const run = await existingRun(number, ports.runs);
  if (run.attempt !== by.attempt || !isOnMachine(run.state)) throw new SignalboxError('TOKEN_INVALID');
  return run;
}
