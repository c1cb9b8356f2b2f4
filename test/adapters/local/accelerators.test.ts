import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  type Gpu,
  machineAccelerators,
  mergeGpus,
  parseGpus,
} from '../../../src/adapters/local/accelerators.ts';

const root = mkdtempSync(join(tmpdir(), 'signalbox-gpus-'));
after(() => rmSync(root, { recursive: true, force: true }));
let files = 0;

const gpu = (index: number, more: Partial<Gpu> = {}): Gpu => ({
  index,
  model: 'NVIDIA H200',
  memoryMb: 143_771,
  healthy: true,
  ...more,
});

describe('what nvidia-smi prints', () => {
  const rows: [name: string, csv: string, gpus: Gpu[]][] = [
    ['one GPU', '0, NVIDIA H200, 143771, GPU-1\n', [gpu(0)]],
    ['two', '0, NVIDIA H200, 143771, GPU-1\n1, NVIDIA H200, 143771, GPU-2\n', [gpu(0), gpu(1)]],
    ['a comma in a name', '0, Brand, new, 10, GPU-1', [gpu(0, { model: 'Brand, new', memoryMb: 10 })]],
    ['an unknown error', '0, NVIDIA H200, [Unknown Error], GPU-1', [gpu(0, { memoryMb: 0, healthy: false })]],
    ['ERR!', '0, ERR!, 143771, GPU-1', [gpu(0, { model: 'ERR!', healthy: false })]],
    [
      'lost',
      '0, [GPU is lost], [GPU is lost], [GPU is lost]',
      [gpu(0, { model: '[GPU is lost]', memoryMb: 0, healthy: false })],
    ],
    [
      'memory that is not told',
      '0, NVIDIA GB10, [N/A], GPU-1',
      [gpu(0, { model: 'NVIDIA GB10', memoryMb: 0 })],
    ],
    ['memory that is nonsense', '0, NVIDIA H200, many, GPU-1', [gpu(0, { memoryMb: 0, healthy: false })]],
    ['no devices', 'No devices were found\n', []],
    ['words about a GPU', 'Unable to determine the device handle for GPU 0000:3B:00.0: Unknown Error\n', []],
    ['no index', 'x, NVIDIA H200, 143771, GPU-1', []],
    ['a negative index', '-1, NVIDIA H200, 143771, GPU-1', []],
    ['a column less', '0, NVIDIA H200, 143771', []],
    ['nothing', '', []],
  ];
  for (const [name, csv, gpus] of rows) test(name, () => assert.deepEqual(parseGpus(csv), gpus));
});

describe('GPUs once seen', () => {
  const rows: [name: string, known: Gpu[], seen: Gpu[], merged: Gpu[]][] = [
    ['are added', [], [gpu(0)], [gpu(0)]],
    ['that are missing are not healthy', [gpu(0), gpu(1)], [gpu(1)], [gpu(0, { healthy: false }), gpu(1)]],
    [
      'that show an error keep their name',
      [gpu(0)],
      [gpu(0, { model: 'ERR!', healthy: false })],
      [gpu(0, { healthy: false })],
    ],
    ['that come back are healthy', [gpu(0, { healthy: false })], [gpu(0)], [gpu(0)]],
    [
      'that were replaced have the new name',
      [gpu(0)],
      [gpu(0, { model: 'NVIDIA B200' })],
      [gpu(0, { model: 'NVIDIA B200' })],
    ],
  ];
  for (const [name, known, seen, merged] of rows)
    test(name, () => assert.deepEqual(mergeGpus(known, seen), merged));
});

describe('the accelerators of a machine', () => {
  function machine(script: string | null, more: { accelerators?: 'auto' | 'none'; file?: string } = {}) {
    const nvidiaSmi = join(root, `nvidia-smi-${files++}`);
    const setScript = (text: string) => {
      writeFileSync(nvidiaSmi, `#!/bin/sh\n${text}\n`);
      chmodSync(nvidiaSmi, 0o755);
    };
    if (script !== null) setScript(script);
    const quiet = () => {};
    const file = more.file ?? join(root, `known-${files}.json`);
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const options = { slots: 1, accelerators: more.accelerators ?? ('auto' as const), file, log, nvidiaSmi };
    return { ...machineAccelerators({ ...options, node: 'here' }), setScript, file };
  }
  const shown = async (list: ReturnType<typeof machine>['list']) =>
    (await list()).map(a => `${a.kind} ${a.index} ${a.healthy ? 'healthy' : 'broken'}`);

  test('GPUs and slots', async () => {
    const { list } = machine('echo "0, NVIDIA H200, 143771, GPU-1"');
    assert.deepEqual(await list(), [
      { node: 'here', kind: 'gpu', ...gpu(0) },
      { node: 'here', kind: 'cpu', index: 0, model: 'cpu', memoryMb: 0, healthy: true },
    ]);
  });

  test('no nvidia-smi, and GPUs that are to be left alone', async () => {
    assert.deepEqual(await shown(machine(null).list), ['cpu 0 healthy']);
    const alone = machine('echo "0, NVIDIA H200, 143771, GPU-1"', { accelerators: 'none' });
    assert.deepEqual(await shown(alone.list), ['cpu 0 healthy']);
  });

  test('read again when something went wrong, not each time', async () => {
    const { list, recheck, setScript } = machine('echo "0, NVIDIA H200, 143771, GPU-1"');
    assert.deepEqual(await shown(list), ['gpu 0 healthy', 'cpu 0 healthy']);
    setScript('echo "No devices were found"; exit 6');
    assert.deepEqual(await shown(list), ['gpu 0 healthy', 'cpu 0 healthy']);
    recheck();
    assert.deepEqual(await shown(list), ['gpu 0 broken', 'cpu 0 healthy']);
  });

  test('a GPU that goes over a restart is missed', async () => {
    const before = machine('echo "0, NVIDIA H200, 143771, GPU-1"');
    await before.list();
    const { list } = machine('exit 9', { file: before.file });
    assert.deepEqual(await shown(list), ['gpu 0 broken', 'cpu 0 healthy']);
  });
});
