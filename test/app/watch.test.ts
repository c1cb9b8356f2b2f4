import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { syncAgent } from '../../src/app/watch.ts';
import type { AgentSyncRequest } from '../../src/core/agent-protocol.ts';
import type { RunChange } from '../../src/core/run.ts';
import { later, noon } from '../support/live-run.ts';

type Report = AgentSyncRequest['reports'][number];

/** When something began or ended by what a machine reports at noon. */
async function heard(report: Partial<Report>): Promise<Date | undefined> {
  const changes: RunChange[] = [];
  const ports = {
    agents: { seen: async () => {}, take: async () => {}, assignments: async () => [] },
    runs: {
      get: async () => null,
      async change(_: number, change: RunChange) {
        changes.push(change);
        return { ok: false, code: 'stale' } as const;
      },
    },
    records: { hasOutputs: async () => true },
    tokens: { forAttempt: async () => '' },
    environments: async () => [],
    log: { debug() {}, info() {}, warn() {}, error() {} },
  };
  const rest = { run: 1, attempt: 1, state: 'running', startedAt: null, exit: null, reason: null } as const;
  await syncAgent('lab', { pool: 'lab', accelerators: [], reports: [{ ...rest, ...report }] }, ports, noon);
  const [change] = changes;
  if (change?.type === 'running') return change.at;
  return change?.type === 'exited' ? change.exit.at : undefined;
}

function exited(at: Date): Partial<Report> {
  const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at };
  return { state: 'exited', exit };
}

const rows: { name: string; report: Partial<Report>; expected: Date }[] = [
  { name: 'a beginning is when the machine says', report: { startedAt: later(-1) }, expected: later(-1) },
  { name: 'a beginning by a clock that is ahead is now', report: { startedAt: later(60) }, expected: noon },
  { name: 'a beginning without a time is now', report: {}, expected: noon },
  { name: 'an end is when the machine says', report: exited(later(-600)), expected: later(-600) },
  { name: 'an end by a clock that is ahead is now', report: exited(later(60)), expected: noon },
];

describe('what a machine reports', () => {
  for (const { name, report, expected } of rows)
    test(name, async () => assert.deepEqual(await heard(report), expected));
});
