import { agentOutputsRequest, agentOutputsResponse, agentRecordRequest } from '../../core/agent-protocol.ts';
import { SignalboxError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { defineRoute, type Route, withScope } from './route.ts';
import { agentLimitBytes, attemptOfAgent } from './routes-machines.ts';
import { existingRun } from './routes-runs.ts';
import {
  artifactListSchema,
  artifactSchema,
  attemptSchema,
  contentQuerySchema,
  contentSchema,
  runNumberSchema,
} from './schemas.ts';

const listArtifacts = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/artifacts',
  summary: 'The outputs of a run that are kept.',
  gate: withScope('runs:read'),
  params: runNumberSchema,
  answers: { 200: { description: 'By name.', schema: artifactListSchema } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params }, _, { runs, records }) => {
    const { number } = await existingRun(params.number, runs);
    const artifacts = (await records.artifacts(number)).map(one => ({
      ...one,
      path: `/v1/runs/${number}/artifacts/${encodeURIComponent(one.name)}`,
    }));
    return { status: 200, json: { run: number, artifacts } };
  },
});

const getArtifact = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/artifacts/:name',
  summary: 'The content of one of them. Slashes in its name are written as %2F.',
  gate: withScope('runs:read'),
  params: artifactSchema,
  answers: { 200: { description: 'The content.', type: 'application/octet-stream' } },
  errors: ['RUN_NOT_FOUND', 'ARTIFACT_UNKNOWN', 'ARTIFACT_GONE', 'ARTIFACTS_UNAVAILABLE'],
  handle: async ({ params: { number, name } }, _, { runs, records, artifacts }) => {
    await existingRun(number, runs);
    const kept = await records.artifacts(number);
    const found = kept.find(one => one.name === name);
    if (!found) {
      const allowed = kept.map(one => one.name);
      const details = { allowed, nearest: nearest(name, allowed), example: `train artifacts ${number}` };
      throw new SignalboxError('ARTIFACT_UNKNOWN', { run: number, word: name, ...details });
    }
    const opened = await artifacts.open(found.sha256);
    if (!opened) throw new SignalboxError('ARTIFACT_GONE', { word: name, reason: `It was ${found.sha256}.` });
    const digest = Buffer.from(found.sha256.replace('sha256:', ''), 'hex').toString('base64');
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(opened.bytes),
        'content-disposition': disposition(name),
        etag: `"${found.sha256}"`,
        // RFC 9530.
        'repr-digest': `sha-256=:${digest}:`,
      },
      live: false,
      stream: () => opened.content,
    };
  },
});

const addRecord = defineRoute({
  method: 'POST',
  path: '/v1/agent/runs/:run/attempts/:attempt/record',
  summary: 'An agent says what an attempt stands on, before its command starts.',
  gate: withScope('agent'),
  params: attemptSchema,
  body: agentRecordRequest,
  limitBytes: agentLimitBytes,
  answers: { 204: { description: 'It is stored.' } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params, body }, token, ports) => {
    await attemptOfAgent(params, token, ports);
    await ports.records.began(params.run, params.attempt, body);
    return { status: 204 };
  },
});

const addOutputs = defineRoute({
  method: 'POST',
  path: '/v1/agent/runs/:run/attempts/:attempt/outputs',
  summary: 'An agent names the outputs of an attempt, to be kept all at once.',
  gate: withScope('agent'),
  params: attemptSchema,
  body: agentOutputsRequest,
  limitBytes: agentLimitBytes,
  answers: {
    200: {
      description: 'Contents that are to be sent before; where there are none, all is kept.',
      schema: agentOutputsResponse,
    },
  },
  errors: ['RUN_NOT_FOUND', 'OUTPUTS_TOO_LARGE', 'ARTIFACTS_UNAVAILABLE'],
  handle: async ({ params, body }, token, ports) => {
    await attemptOfAgent(params, token, ports);
    const missing = await ports.keepOutputs(params.run, params.attempt, body.files);
    return { status: 200, json: { missing } };
  },
});

const putContent = defineRoute({
  method: 'PUT',
  path: '/v1/agent/runs/:run/attempts/:attempt/contents/:sha256',
  summary: 'An agent sends one content, which is kept where it is exactly what its digest says.',
  gate: withScope('agent'),
  params: contentSchema,
  query: contentQuerySchema,
  takesBytes: true,
  answers: { 204: { description: 'It is in the store.' } },
  errors: ['RUN_NOT_FOUND', 'OUTPUTS_TOO_LARGE', 'CONTENT_REFUSED', 'ARTIFACTS_UNAVAILABLE'],
  handle: async ({ params, query, content }, token, ports) => {
    await attemptOfAgent(params, token, ports);
    await ports.takeContent(params.run, { sha256: params.sha256, bytes: query.bytes }, content);
    return { status: 204 };
  },
});

export const artifactRoutes: readonly Route[] = [
  listArtifacts,
  getArtifact,
  addRecord,
  addOutputs,
  putContent,
];

/** To be saved under the last part of its name (RFC 6266). */
function disposition(name: string): string {
  const last = name.split('/').at(-1) ?? name;
  const plain = last.replace(/[^\w.+-]/g, '_');
  const encoded = encodeURIComponent(last).replace(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
