import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentSyncRequest, metricsRequest } from '../../src/core/agent-protocol.ts';
import { sortPoints } from '../../src/core/metric-points.ts';

/** Made here, so that none of them stands in the repository. */
const token = (start: string) => start + 'abcdefghij0123456789'.repeat(2);

describe('what a command posts as a metric', () => {
  const rows: [name: string, metric: string, taken: boolean][] = [
    ['a word', 'loss', true],
    ['a path', 'val/layer.0/grad-norm', true],
    ['a hundred signs', 'x'.repeat(100), true],
    ['more', 'x'.repeat(101), false],
    ['words', 'val loss @ 5 (top 1)', true],
    ['two blanks', 'val  loss', false],
    ['what turns the text around', 'a\u202eb', false],
    ['letters of any script', '損失', true],
    ['what stands in an address', 'user:word@host', false],
    ['what stands in base64', 'aGVsbG8+d29ybGQ=', false],
    ['a line end', 'loss\n', false],
    ['a digit first', '0loss', true],
    ['a sign first', '-loss', false],
    ['a token of GitHub', token('ghp_'), false],
    ['one within a path', `keys/${token('ghp_')}`, false],
    ['a token of Slack', token('xoxb-1-'), false],
    ['a token of Signalbox', token('sbx_'), false],
    ['its beginning alone', 'sbx_loss', true],
    ['a value of no known shape, which only the agent could know', 'hunter2hunter2', true],
  ];
  for (const [name, metric, taken] of rows)
    test(`${name}: ${taken ? 'taken' : 'refused'}`, () => {
      const { points } = metricsRequest.parse({ points: [{ name: metric, step: 1, value: 0.5 }] });
      assert.deepEqual(
        sortPoints(points).refused.map(point => point.why),
        taken ? [] : ['name'],
      );
    });

  test('only numbers are values', () => {
    for (const value of ['0.5', null, Number.NaN, Number.POSITIVE_INFINITY]) {
      const { points } = metricsRequest.parse({ points: [{ name: 'loss', step: 1, value }] });
      assert.equal(sortPoints(points).refused[0]?.why, 'value');
    }
  });
});

describe('what an agent says of its accelerators', () => {
  const gpu = { node: 'n', index: 0, kind: 'gpu', model: 'NVIDIA H200', memoryMb: 1, healthy: true };
  const rows: [name: string, said: Record<string, unknown>, known: unknown[] | null][] = [
    ['a GPU, from before there were others', gpu, ['nvidia.com/gpu', null]],
    ['a slot, from then', { ...gpu, kind: 'cpu' }, ['cpu', null]],
    ['a GPU of AMD', { ...gpu, resource: 'amd.com/gpu', device: 'GPU-1' }, ['amd.com/gpu', 'GPU-1']],
    ['one without a device', { ...gpu, resource: 'cpu', device: null }, ['cpu', null]],
    ['a resource that is no word', { ...gpu, resource: 1 }, null],
    ['a device as long as a log', { ...gpu, device: 'x'.repeat(201) }, null],
  ];
  for (const [name, said, known] of rows)
    test(name, () => {
      const parsed = agentSyncRequest.safeParse({ pool: 'p', accelerators: [said], reports: [] });
      const [one] = parsed.data?.accelerators ?? [];
      assert.deepEqual(one ? [one.resource, one.device] : null, known);
    });
});
