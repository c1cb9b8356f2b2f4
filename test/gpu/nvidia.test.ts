import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { machineAccelerators } from '../../src/adapters/local/accelerators.ts';
import type { Accelerator } from '../../src/core/ports.ts';
import { openWorkbench, type Workbench } from '../adapters/local/workbench.ts';

const shown = spawnSync('nvidia-smi', ['--query-gpu=index,memory.total', '--format=csv,noheader,nounits'], {
  encoding: 'utf8',
});
const skip = shown.status === 0 ? false : 'this machine has no working nvidia-smi';

describe('a machine with NVIDIA GPUs', () => {
  let bench: Workbench | null = null;
  let gpus: Accelerator[] = [];
  before(async () => {
    if (skip) return;
    bench = await openWorkbench();
    const quiet = () => {};
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const file = join(bench.root, 'known.json');
    const all = await machineAccelerators({
      offers: () => ({ slots: 0, accelerators: 'auto' }),
      file,
      log,
    }).list();
    gpus = all.filter(one => one.kind === 'gpu');
  });
  after(() => bench?.close());

  test('every GPU that nvidia-smi shows is known, healthy, with its memory', { skip }, () => {
    const rows = shown.stdout.trim().split('\n');
    assert.deepEqual(
      gpus.map(gpu => [gpu.index, gpu.healthy]),
      rows.map(row => [Number(row.split(',')[0]), true]),
    );
    for (const gpu of gpus) assert.match(gpu.model, /\w/);
  });

  const probe = [
    'import ctypes',
    'cuda = ctypes.CDLL("libcuda.so.1")',
    'count = ctypes.c_int(0)',
    'result = cuda.cuInit(0)',
    'cuda.cuDeviceGetCount(ctypes.byref(count))',
    'print(count.value if result == 0 else 0)',
  ].join('\n');

  test('a run on a GPU sees the one that it was given; a CPU run sees none', { skip }, async () => {
    assert.ok(bench);
    bench.startAgent({ offers: () => ({ slots: 2, accelerators: 'auto' }) });
    const index = gpus.at(-1)?.index ?? 0;
    const command = ['/bin/sh', '-c', 'echo "[$CUDA_VISIBLE_DEVICES]"; exec python3 -c "$0"', probe];
    const path = process.env.PATH ?? '';
    const environment = { PATH: path };
    const onGpu = bench.assign({ command, environment }, { kind: 'gpu', indices: [index] });
    const onCpu = bench.assign({ command, environment }, { kind: 'cpu', indices: [0] });
    await Promise.all([bench.end(onGpu), bench.end(onCpu)]);
    assert.equal(bench.logs.get(onGpu), `[${index}]\n1\n`);
    assert.equal(bench.logs.get(onCpu), '[]\n0\n');
  });
});
