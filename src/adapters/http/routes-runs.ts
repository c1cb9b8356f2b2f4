import { z } from 'zod';
import { actorKey, tokenActor } from '../../core/actor.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { Dispatched } from '../../core/intent.ts';
import { isEnd, type Run } from '../../core/run.ts';
import { runJson, runJsonSchema } from '../../core/run-json.ts';
import type { ApiPorts } from './deps.ts';
import { idempotencyHeader, intentKey } from './idempotency.ts';
import { type Answer, defineRoute, type Route, withScope } from './route.ts';
import { callIntent, describedRunRequest, runIntent, runRequestSchema, wordsIntent } from './run-request.ts';
import {
  commandAnswerSchema,
  commandRequestSchema,
  eventSchema,
  listQuerySchema,
  logQuerySchema,
  runListSchema,
  runNumberSchema,
} from './schemas.ts';
import { eventStream, logStream } from './streams.ts';

/** Reads the run, or throws `RUN_NOT_FOUND`. */
export async function existingRun(number: number, runs: ApiPorts['runs']): Promise<Run> {
  const run = await runs.get(number);
  if (run) return run;
  throw new SignalboxError('RUN_NOT_FOUND', {
    word: number,
    newest: await runs.newestNumber(),
    example: 'GET /v1/runs',
  });
}

const createRun = defineRoute({
  method: 'POST',
  path: '/v1/runs',
  summary: 'Request a run.',
  gate: withScope('runs:write'),
  headers: idempotencyHeader,
  body: runRequestSchema,
  describedBody: describedRunRequest,
  answers: {
    201: { description: 'The run waits for its accelerators.', schema: runJsonSchema },
    200: {
      description: 'The same request came before; this is its run. With `dryRun`, what would become of it.',
      schema: runJsonSchema,
    },
  },
  errors: [
    'PROJECT_UNKNOWN',
    'VALUE_INVALID',
    'FLAG_UNKNOWN',
    'ARGUMENT_MISSING',
    'PARAMETER_UNKNOWN',
    'REF_UNKNOWN',
    'IDEMPOTENCY_CONFLICT',
  ],
  handle: async ({ body, headers }, token, ports) => {
    const { key, repeated } = await intentKey(headers, token, ['runs', body], ports);
    const reply = replyOf(await ports.dispatch(runIntent(token, key, body)));
    const made = z.object({ number: z.int() }).safeParse(reply.data);
    const location = made.success ? { location: `/v1/runs/${made.data.number}` } : undefined;
    // A dry run makes nothing.
    return { status: repeated || !made.success ? 200 : 201, headers: location, json: reply.data };
  },
});

const listRuns = defineRoute({
  method: 'GET',
  path: '/v1/runs',
  summary: 'The newest runs first.',
  gate: withScope('runs:read'),
  query: listQuerySchema,
  answers: { 200: { description: 'A page of runs.', schema: runListSchema } },
  errors: [],
  handle: async ({ query }, token, { runs }) => {
    const { kind, project, state, mine, limit, before } = query;
    const found = await runs.list({
      kinds: kind && [kind],
      project,
      before,
      limit,
      states: state && [state],
      requesters: mine ? [actorKey(tokenActor(token))] : undefined,
    });
    const last = found.length < limit ? undefined : found.at(-1);
    return { status: 200, json: { runs: found.map(run => runJson(run)), next: last?.number ?? null } };
  },
});

const getRun = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number',
  summary: 'One run with its metrics and its record.',
  gate: withScope('runs:read'),
  params: runNumberSchema,
  answers: { 200: { description: 'The run.', schema: runJsonSchema } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params }, _, { runs, records, clock }) => {
    const run = await existingRun(params.number, runs);
    const [metrics, record] = await Promise.all([runs.metrics(run.number), records.of(run.number, clock())]);
    return { status: 200, json: runJson(run, metrics, record) };
  },
});

const runEvents = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/events',
  summary: 'What happened to a run, and then what happens, until it has ended.',
  gate: withScope('runs:read'),
  params: runNumberSchema,
  headers: { 'Last-Event-ID': 'The last event that was seen; those after it follow.' },
  answers: {
    200: {
      description: 'Server-sent events; the data of each is as in the schema.',
      schema: eventSchema,
      type: 'text/event-stream',
    },
    204: { description: 'The run has ended and nothing more happened: do not come back.' },
  },
  errors: ['RUN_NOT_FOUND', 'BUSY'],
  handle: async ({ params, headers }, _, ports): Promise<Answer> => {
    const after = lastEventId(headers['last-event-id']);
    const run = await existingRun(params.number, ports.runs);
    const first = await ports.runs.events(run.number, after);
    if (isEnd(run.state) && first.length === 0) return { status: 204 };
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
      live: true,
      stream: signal => eventStream(ports.runs, run, first, after, ports.pace, signal),
    };
  },
});

const runLogs = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/logs',
  summary: 'What a run wrote.',
  gate: withScope('runs:read'),
  params: runNumberSchema,
  query: logQuerySchema,
  answers: {
    200: {
      description:
        'The text. `Signalbox-Log-Offset` says where it begins, in bytes: later than asked for where that is no longer kept.',
      type: 'text/plain',
    },
  },
  errors: ['RUN_NOT_FOUND', 'BUSY'],
  handle: async ({ params, query }, _, ports) => {
    const run = await existingRun(params.number, ports.runs);
    const attempt = query.attempt ?? run.attempt;
    const probe = await ports.logs.read(run.number, attempt, query.offset, 1024);
    const offset = probe.dropped ? probe.next - Buffer.byteLength(probe.text) : query.offset;
    const from = { attempt, pinned: query.attempt !== undefined, offset };
    return {
      status: 200,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'signalbox-log-offset': String(offset),
        'signalbox-log-attempt': String(attempt),
        'x-accel-buffering': 'no',
      },
      live: query.follow,
      stream: signal => logStream(ports, run.number, from, query.follow, ports.pace, signal),
    };
  },
});

const cancelRun = defineRoute({
  method: 'POST',
  path: '/v1/runs/:number/cancel',
  summary: 'Stop a run.',
  gate: withScope('runs:write'),
  headers: idempotencyHeader,
  params: runNumberSchema,
  answers: { 200: { description: 'It is stopped, or is being stopped.', schema: runJsonSchema } },
  errors: ['RUN_NOT_FOUND', 'RUN_ALREADY_ENDED', 'IDEMPOTENCY_CONFLICT'],
  handle: async ({ params, headers }, token, ports) => {
    const { key } = await intentKey(headers, token, ['cancel', params.number], ports);
    replyOf(await ports.dispatch(callIntent(token, key, ['train', 'cancel'], { run: params.number })));
    const run = await existingRun(params.number, ports.runs);
    return { status: 200, json: runJson(run, await ports.runs.metrics(run.number)) };
  },
});

const runCommand = defineRoute({
  method: 'POST',
  path: '/v1/commands',
  summary: 'Any command, as it would be typed.',
  gate: withScope('runs:write'),
  headers: idempotencyHeader,
  body: commandRequestSchema,
  answers: { 200: { description: 'The reply, as neutral data.', schema: commandAnswerSchema } },
  errors: ['COMMAND_UNKNOWN', 'COMMAND_UNREADABLE', 'ACCESS_DENIED', 'IDEMPOTENCY_CONFLICT'],
  handle: async ({ body, headers }, token, ports) => {
    const { key } = await intentKey(headers, token, ['commands', body], ports);
    const reply = replyOf(await ports.dispatch(wordsIntent(token, key, body.words)));
    return { status: 200, json: { reply } };
  },
});

export const runRoutes: readonly Route[] = [
  createRun,
  listRuns,
  getRun,
  runEvents,
  runLogs,
  cancelRun,
  runCommand,
];

function replyOf(dispatched: Dispatched) {
  if (dispatched.ok) return dispatched.reply;
  throw new SignalboxError(dispatched.fault);
}

function lastEventId(given: string | string[] | undefined): number {
  if (given === undefined || given === '') return 0;
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given);
  throw new SignalboxError('BODY_INVALID', {
    word: 'Last-Event-ID',
    reason: 'It must be the number of an event.',
  });
}
