import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FileDigest, MachineFacts, RunRecord } from '../../src/core/ports.ts';
import { plain } from '../../src/core/reply.ts';
import { formatBytes, recordBlocks, recordJson, recordJsonSchema } from '../../src/core/run-record.ts';
import { later, liveRun, noon } from '../support/live-run.ts';

const file = (name: string, bytes = 12): FileDigest => ({ name, bytes, sha256: `sha256:${'ab'.repeat(32)}` });
const machine: MachineFacts = {
  node: 'lab-1',
  system: 'Linux 6.1 x64',
  cpus: 8,
  memoryMb: 64_000,
  accelerators: [{ model: 'NVIDIA H200', count: 2 }],
  driver: '550.54.15',
  python: '3.11.2',
  locks: [file('requirements.txt')],
  environment: `sha256:${'cd'.repeat(32)}`,
};
const nothing: RunRecord = {
  artifacts: [],
  inputs: [],
  machine: null,
  held: { acceleratorHours: 0, cost: 0 },
};
const all: RunRecord = {
  artifacts: [{ attempt: 1, ...file('model.json') }],
  inputs: [file('data/a.csv')],
  machine,
  held: { acceleratorHours: 2.5, cost: 7.5 },
};
const run = liveRun(
  { state: 'succeeded', startedAt: noon, endedAt: later(3_600) },
  { parameters: { Seed: 7 } },
);

function shown(record: RunRecord, of = run): string[] {
  return recordBlocks(of, record, 'USD').flatMap(block =>
    block.kind === 'fields' ? block.rows.map(({ label, value }) => `${label}: ${plain(value)}`) : [],
  );
}

describe('the record of a run', () => {
  test('for programs, all that is known', () => {
    const json = recordJsonSchema.strict().parse(recordJson(run, all));
    assert.deepEqual([json.seed, json.seconds, json.acceleratorHours, json.cost], [7, 3_600, 2.5, 7.5]);
    assert.equal(json.environment?.sha256, machine.environment);
    assert.deepEqual(json.machine?.accelerators, machine.accelerators);
  });

  test('for programs, of a run of which nothing is known yet', () => {
    const json = recordJsonSchema.strict().parse(recordJson(liveRun(), nothing));
    assert.deepEqual([json.seed, json.seconds, json.environment, json.machine], [null, null, null, null]);
  });

  test('for people', () => {
    const sha = 'sha256:abababababab';
    assert.deepEqual(shown(all), [
      `Commit: ${run.spec.sha}`,
      'Seed: 7',
      `Inputs: data/a.csv\u00a0${sha}`,
      'Environment: Python 3.11.2, requirements.txt sha256:cdcdcdcdcdcd',
      'Machine: lab-1: 2 × NVIDIA H200, driver 550.54.15, Linux 6.1 x64',
      'Held: 2.5 accelerator-hours (2 h 30 min of one), for 7.50 USD',
      `Artifacts: model.json\u00a0${sha}`,
    ]);
  });

  test('nothing where nothing is known, or of a lease', () => {
    assert.deepEqual(recordBlocks(run, nothing, 'USD'), []);
    assert.deepEqual(recordBlocks(liveRun({}, { kind: 'lease' }), all, 'USD'), []);
  });

  test('many files are counted, and a hostile name is one clean line', () => {
    const inputs = [file('a\u202e\u001b[31mb.csv'), ...Array.from({ length: 9 }, (_, i) => file(`${i}.csv`))];
    const line = shown({ ...all, inputs }).find(one => one.startsWith('Inputs')) ?? '';
    assert.match(line, /^Inputs: ab\.csv\u00a0sha256:\w+, 0\.csv.* and 5 more$/);
  });

  const sizes: [number, string][] = [
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [2_148, '2.15 kB'],
    [340_000_000, '340 MB'],
    [1_500_000_000, '1.5 GB'],
    [4e15, '4000 TB'],
  ];
  for (const [bytes, text] of sizes) test(text, () => assert.equal(formatBytes(bytes), text));
});
