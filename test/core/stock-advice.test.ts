import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policySchema } from '../../src/core/policy.ts';
import type { Accelerator, PoolState } from '../../src/core/ports.ts';
import { stockAdvice } from '../../src/core/stock-advice.ts';
import { noon } from '../support/live-run.ts';

const policy = (nodes: Record<string, Record<string, number>> | undefined, quotas: number[]) =>
  policySchema.parse({
    flavors: { a100: { resource: 'nvidia.com/gpu', model: 'A100' } },
    pools: { lab: { flavors: ['a100'], nodes } },
    teams: Object.fromEntries(
      quotas.map((quota, index) => [`team-${index}`, { queue: { quotas: { a100: { quota } } } }]),
    ),
  });
const lab = (
  count: number,
  changes: Partial<Accelerator> = {},
  state: Partial<PoolState> = {},
): PoolState => ({
  ...{ name: 'lab', seenAt: noon, reachable: true },
  accelerators: Array.from({ length: count }, (_, index) => ({
    ...{ node: 'lab-1', index, kind: 'gpu', resource: 'nvidia.com/gpu', device: null },
    ...{ model: 'NVIDIA A100', memoryMb: 0, healthy: true },
    ...changes,
  })),
  ...state,
});
const eight = { 'lab-1': { a100: 8 } };

describe('more than there is', () => {
  const rows: [name: string, policy: ReturnType<typeof policy>, states: PoolState[], says: string[]][] = [
    ['as many as the file says', policy(eight, []), [lab(8)], []],
    ['more than it says', policy(eight, []), [lab(9)], []],
    ['fewer', policy(eight, []), [lab(6)], ['lab-1 of lab reports 6 of 8 a100']],
    ['not healthy', policy(eight, []), [lab(8, { healthy: false })], ['lab-1 of lab reports 0 of 8 a100']],
    ['another machine', policy(eight, []), [lab(8, { node: 'lab-2' })], ['lab-1 of lab reports 0 of 8 a100']],
    [
      'another model',
      policy(eight, []),
      [lab(8, { model: 'NVIDIA A10' })],
      ['lab-1 of lab reports 0 of 8 a100'],
    ],
    ['a pool that never spoke', policy(eight, []), [], ['lab-1 of lab reports 0 of 8 a100']],
    ['quotas for all of it', policy(eight, [4, 4]), [lab(8)], []],
    [
      'quotas for more',
      policy(eight, [4, 5]),
      [lab(12)],
      ['teams have quotas for 9 a100, and the pools have 8'],
    ],
    ['quotas where no nodes are named', policy(undefined, [4, 4]), [lab(8)], []],
    [
      'quotas for more than is reported',
      policy(undefined, [4, 5]),
      [lab(8)],
      ['teams have quotas for 9 a100, and the pools have 8'],
    ],
    ['quotas for what nobody knows yet', policy(undefined, [4]), [], []],
    [
      'quotas for what the file says, of a pool that never spoke',
      policy(eight, [8]),
      [lab(0, {}, { seenAt: null })],
      ['lab-1 of lab reports 0 of 8 a100'],
    ],
  ];
  for (const [name, file, states, says] of rows)
    test(name, () => assert.deepEqual(stockAdvice(file, states), says));
});
