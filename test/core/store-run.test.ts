import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SignalboxError } from '../../src/core/errors.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import type { RunSpec } from '../../src/core/run.ts';
import { confined } from '../../src/core/store-run.ts';
import { spec } from '../support/run.ts';

const policy: Policy = policySchema.parse({
  pools: { lab: {}, sandbox: { isolated: true }, cloud: { isolated: true, backup: true } },
  teams: { research: {} },
  projects: {
    digits: { team: 'research', source: '/digits', command: ['x'] },
    known: { team: 'research', source: '/known', command: ['x'], trusted: true },
  },
});

describe('where a run of a pull request may go', () => {
  const all = ['lab', 'sandbox', 'cloud'];
  const rows: { name: string; wanted: Partial<RunSpec>; goes: string[] | null }[] = [
    { name: 'the isolated pools', wanted: { pool: 'lab', pools: all }, goes: ['sandbox', 'cloud'] },
    { name: 'one that it names', wanted: { pool: 'cloud', pools: ['cloud'] }, goes: ['cloud'] },
    { name: 'not one that is open', wanted: { pool: 'lab', pools: ['lab'] }, goes: null },
    { name: 'not one that is gone', wanted: { pool: 'old', pools: ['old'] }, goes: null },
    {
      name: 'not one from the prototype',
      wanted: { pool: 'constructor', pools: ['constructor'] },
      goes: null,
    },
    { name: 'without a choice, the one', wanted: { pool: 'sandbox' }, goes: ['sandbox'] },
    {
      name: 'anywhere, of a trusted project',
      wanted: { project: 'known', pool: 'lab', pools: all },
      goes: all,
    },
    {
      name: 'not anywhere, of a project that is gone',
      wanted: { project: 'old', pool: 'lab', pools: ['lab'] },
      goes: null,
    },
    { name: 'anywhere, after a merge', wanted: { trigger: 'merge', pool: 'lab', pools: all }, goes: all },
    { name: 'anywhere, by a command', wanted: { trigger: 'command', pool: 'lab', pools: all }, goes: all },
  ];
  for (const { name, wanted, goes } of rows)
    test(name, () => {
      const run = spec({ trigger: 'pull-request', ...wanted });
      if (goes === null) {
        const isRefused = (err: unknown) =>
          err instanceof SignalboxError && err.fault.code === 'POOL_NOT_ISOLATED';
        return assert.throws(() => confined(run, policy), isRefused);
      }
      const found = confined(run, policy);
      assert.deepEqual(found.pools, goes);
      assert.equal(found.pool, goes[0]);
    });
});
