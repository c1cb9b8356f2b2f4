import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { machineAccelerators } from '../../../src/adapters/local/accelerators.ts';
import { type NvidiaGpu, parseGpus, parseSlices } from '../../../src/adapters/local/nvidia.ts';
import { amdList, amdStatic, cutList, rocmSmi } from './shown.ts';

const root = mkdtempSync(join(tmpdir(), 'signalbox-gpus-'));
after(() => rmSync(root, { recursive: true, force: true }));
let files = 0;

const gpu = (index: number, more: Partial<NvidiaGpu> = {}): NvidiaGpu => ({
  index,
  device: 'GPU-1',
  model: 'NVIDIA H200',
  memoryMb: 143_771,
  healthy: true,
  mig: false,
  ...more,
});

describe('what nvidia-smi prints', () => {
  const rows: [name: string, csv: string, gpus: NvidiaGpu[]][] = [
    ['one GPU', '0, NVIDIA H200, 143771, GPU-1\n', [gpu(0)]],
    [
      'two',
      '0, NVIDIA H200, 143771, GPU-1\n1, NVIDIA H200, 143771, GPU-2\n',
      [gpu(0), gpu(1, { device: 'GPU-2' })],
    ],
    ['a comma in a name', '0, Brand, new, 10, GPU-1', [gpu(0, { model: 'Brand, new', memoryMb: 10 })]],
    ['an unknown error', '0, NVIDIA H200, [Unknown Error], GPU-1', [gpu(0, { memoryMb: 0, healthy: false })]],
    ['ERR!', '0, ERR!, 143771, GPU-1', [gpu(0, { model: 'ERR!', healthy: false })]],
    [
      'lost',
      '0, [GPU is lost], [GPU is lost], [GPU is lost]',
      [gpu(0, { device: null, model: '[GPU is lost]', memoryMb: 0, healthy: false })],
    ],
    [
      'memory that is not told',
      '0, NVIDIA GB10, [N/A], GPU-1',
      [gpu(0, { model: 'NVIDIA GB10', memoryMb: 0 })],
    ],
    ['memory that is nonsense', '0, NVIDIA H200, many, GPU-1', [gpu(0, { memoryMb: 0, healthy: false })]],
    ['whole, as it says', '0, NVIDIA H200, 143771, GPU-1, Disabled\n', [gpu(0)]],
    ['to be cut', '0, NVIDIA H200, 143771, GPU-1, Enabled\n', [gpu(0, { mig: true })]],
    ['one that cannot be cut', '0, NVIDIA H200, 143771, GPU-1, [N/A]\n', [gpu(0)]],
    [
      'a comma in a name, with a mode',
      '0, Brand, new, 10, GPU-1, Disabled',
      [gpu(0, { model: 'Brand, new', memoryMb: 10 })],
    ],
    [
      'lost, with a mode',
      '0, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]',
      [gpu(0, { device: null, model: '[GPU is lost]', memoryMb: 0, healthy: false })],
    ],
    ['a mode that is not known', 'Field "mig.mode.current" is not a valid field to query.\n', []],
    ['no devices', 'No devices were found\n', []],
    ['words about a GPU', 'Unable to determine the device handle for GPU 0000:3B:00.0: Unknown Error\n', []],
    ['no index', 'x, NVIDIA H200, 143771, GPU-1', []],
    ['a negative index', '-1, NVIDIA H200, 143771, GPU-1', []],
    ['a column less', '0, NVIDIA H200, 143771', []],
    ['nothing', '', []],
  ];
  for (const [name, csv, gpus] of rows) test(name, () => assert.deepEqual(parseGpus(csv), gpus));
});

describe('what nvidia-smi -L prints', () => {
  const slice = (device: string, profile = '1g.5gb') => ({ device, profile, of: 'NVIDIA A100-SXM4-40GB' });
  const head = 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-838f60d9-651f-9166-ea42-f9da674a6947)\n';
  const rows: [name: string, text: string, slices: [number, unknown[]][]][] = [
    [
      'slices of one GPU, and a whole one',
      cutList,
      [
        [
          0,
          [
            slice('MIG-ffda444c-c706-57c6-98c9-67c441a0b109'),
            slice('MIG-fe9bc608-60f5-5479-8cc4-1827021d27a9'),
          ],
        ],
        [1, []],
      ],
    ],
    [
      'profiles with media engines, or with a part of the cores',
      `${head}  MIG 1g.5gb+me   Device  0: (UUID: MIG-1)\n  MIG 1c.3g.20gb  Device 12: (UUID: MIG-2)\n`,
      [[0, [slice('MIG-1', '1g.5gb+me'), slice('MIG-2', '1c.3g.20gb')]]],
    ],
    [
      'the UUIDs of older drivers',
      `${head}  MIG 1g.5gb Device 0: (UUID: MIG-GPU-838f60d9-651f-9166-ea42-f9da674a6947/7/0)`,
      [[0, [slice('MIG-GPU-838f60d9-651f-9166-ea42-f9da674a6947/7/0')]]],
    ],
    ['a slice of no GPU', '  MIG 1g.5gb     Device  0: (UUID: MIG-1)\n', []],
    ['a slice after words', `${head}Unable to go on\n  MIG 1g.5gb     Device  0: (UUID: MIG-1)\n`, [[0, []]]],
    ['a slice without a UUID', `${head}  MIG 1g.5gb     Device  0: (UUID: )\n`, [[0, []]]],
    ['a UUID that would end the variable', `${head}  MIG 1g.5gb     Device  0: (UUID: MIG-1,0)\n`, [[0, []]]],
    ['a size without a unit', `${head}  MIG 1g.5     Device  0: (UUID: MIG-1)\n`, [[0, []]]],
    ['nothing', 'No devices found.\n', []],
  ];
  for (const [name, text, slices] of rows) test(name, () => assert.deepEqual([...parseSlices(text)], slices));
});

describe('the accelerators of a machine', () => {
  /** Stand-ins for the programs: each a script, or absent. */
  function machine(
    scripts: { nvidia?: string; amd?: string; rocm?: string },
    more: { accelerators?: 'auto' | 'none'; file?: string } = {},
  ) {
    const folder = join(root, `${files++}`);
    const setScript = (name: string, text: string | undefined) => {
      if (text === undefined) return;
      writeFileSync(`${folder}-${name}`, `#!/bin/sh\n${text}\n`);
      chmodSync(`${folder}-${name}`, 0o755);
    };
    for (const [name, text] of Object.entries(scripts)) setScript(name, text);
    const quiet = () => {};
    const file = more.file ?? `${folder}-known.json`;
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const programs = {
      nvidiaSmi: `${folder}-nvidia`,
      amdSmi: `${folder}-amd`,
      rocmSmi: `${folder}-rocm`,
    };
    const offers = { slots: 1, accelerators: more.accelerators ?? ('auto' as 'auto' | 'none') };
    const made = machineAccelerators({ offers: () => offers, file, log, ...programs, node: 'here' });
    return { ...made, setScript, file, offers };
  }
  type Machine = ReturnType<typeof machine>;
  const shown = async ({ list }: Machine) =>
    (await list()).map(a => `${a.resource} ${a.index} ${a.healthy ? 'healthy' : 'broken'}`);
  const again = async (one: Machine) => {
    one.recheck();
    return await shown(one);
  };
  const one = 'echo "0, NVIDIA H200, 143771, GPU-1"';
  /** nvidia-smi, with what it answers to the query and to -L. */
  const smi = (query: string, list: string) =>
    `if [ "$1" = -L ]; then cat <<'END'\n${list}\nEND\nelse cat <<'END'\n${query}\nEND\nfi`;
  const says = (text: string) => `cat <<'END'\n${text}\nEND`;
  const amd = (list: string, details: string) =>
    `if [ "$1" = list ]; then ${says(list)}\nelse ${says(details)}\nfi`;
  const cut = smi(
    '0, NVIDIA A100-SXM4-40GB, 40960, GPU-838f60d9, Enabled\n1, NVIDIA A100-SXM4-40GB, 40960, GPU-c92e2d5d, Disabled',
    cutList,
  );
  const whole = smi(
    '0, NVIDIA A100-SXM4-40GB, 40960, GPU-838f60d9, Disabled\n1, NVIDIA A100-SXM4-40GB, 40960, GPU-c92e2d5d, Disabled',
    cutList.replaceAll(/^ .*\n/gm, ''),
  );

  test('GPUs and slots', async () => {
    const { list } = machine({ nvidia: one });
    assert.deepEqual(await list(), [
      {
        ...{ node: 'here', kind: 'gpu', index: 0, resource: 'nvidia.com/gpu', device: 'GPU-1' },
        ...{ model: 'NVIDIA H200', memoryMb: 143_771, healthy: true },
      },
      {
        ...{ node: 'here', kind: 'cpu', index: 0, resource: 'cpu', device: null },
        ...{ model: 'cpu', memoryMb: 0, healthy: true },
      },
    ]);
  });

  test('a driver that knows of no slices is asked again without them', async () => {
    const nvidia = `case "$1" in *mig*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2;; -L) exit 2;; esac\n${one}`;
    assert.deepEqual(await shown(machine({ nvidia })), ['nvidia.com/gpu 0 healthy', 'cpu 0 healthy']);
  });

  test('no programs, and GPUs that are to be left alone', async () => {
    assert.deepEqual(await shown(machine({})), ['cpu 0 healthy']);
    assert.deepEqual(await shown(machine({ nvidia: one }, { accelerators: 'none' })), ['cpu 0 healthy']);
  });

  test('what is given out changes while it goes on', async () => {
    const here = machine({ nvidia: one });
    assert.deepEqual(await shown(here), ['nvidia.com/gpu 0 healthy', 'cpu 0 healthy']);
    Object.assign(here.offers, { slots: 2, accelerators: 'none' });
    assert.deepEqual(await shown(here), ['cpu 0 healthy', 'cpu 1 healthy']);
    Object.assign(here.offers, { slots: 0, accelerators: 'auto' });
    assert.deepEqual(await shown(here), ['nvidia.com/gpu 0 healthy']);
  });

  test('read again when something went wrong, not each time', async () => {
    const here = machine({ nvidia: one });
    assert.deepEqual(await shown(here), ['nvidia.com/gpu 0 healthy', 'cpu 0 healthy']);
    here.setScript('nvidia', 'echo "No devices were found"; exit 6');
    assert.deepEqual(await shown(here), ['nvidia.com/gpu 0 healthy', 'cpu 0 healthy']);
    assert.deepEqual(await again(here), ['nvidia.com/gpu 0 broken', 'cpu 0 healthy']);
  });

  test('a GPU that shows an error keeps its name; one that was replaced has the new one', async () => {
    const here = machine({ nvidia: one });
    await here.list();
    here.setScript('nvidia', 'echo "0, ERR!, 143771, GPU-1"');
    assert.deepEqual(await again(here), ['nvidia.com/gpu 0 broken', 'cpu 0 healthy']);
    assert.equal((await here.list())[0]?.model, 'NVIDIA H200');
    here.setScript('nvidia', 'echo "0, NVIDIA B200, 183359, GPU-2"');
    assert.deepEqual(await again(here), ['nvidia.com/gpu 0 healthy', 'cpu 0 healthy']);
    assert.equal((await here.list())[0]?.model, 'NVIDIA B200');
  });

  test('a GPU that goes over a restart is missed, also one from before there were others', async () => {
    const before = machine({ nvidia: one });
    await before.list();
    const { file } = before;
    assert.deepEqual(await shown(machine({ nvidia: 'exit 9' }, { file })), [
      'nvidia.com/gpu 0 broken',
      'cpu 0 healthy',
    ]);
    writeFileSync(file, '[{"index":0,"model":"NVIDIA H200","memoryMb":143771,"healthy":true}]');
    assert.deepEqual(await shown(machine({ nvidia: 'exit 9' }, { file })), [
      'nvidia.com/gpu 0 broken',
      'cpu 0 healthy',
    ]);
  });

  test('slices are given out in place of their GPU, and whole GPUs beside them by UUID', async () => {
    const here = machine({ nvidia: cut });
    assert.deepEqual(await shown(here), [
      'nvidia.com/gpu 1 healthy',
      'nvidia.com/mig-1g.5gb 20000 healthy',
      'nvidia.com/mig-1g.5gb 20001 healthy',
      'cpu 0 healthy',
    ]);
    assert.deepEqual((await here.list())[1], {
      ...{ node: 'here', kind: 'gpu', index: 20_000, resource: 'nvidia.com/mig-1g.5gb' },
      device: 'MIG-ffda444c-c706-57c6-98c9-67c441a0b109',
      ...{ model: 'NVIDIA A100-SXM4-40GB MIG 1g.5gb', memoryMb: 5_120, healthy: true },
    });
    const cuda = (indices: number[]) => here.visible({ kind: 'gpu', indices })?.CUDA_VISIBLE_DEVICES;
    assert.equal(cuda([20_001]), 'MIG-fe9bc608-60f5-5479-8cc4-1827021d27a9');
    assert.equal(cuda([1]), 'GPU-c92e2d5d');
    assert.equal(here.visible({ kind: 'gpu', indices: [20_002] }), null);
    assert.equal(here.visible({ kind: 'cpu', indices: [0] })?.CUDA_VISIBLE_DEVICES, '');
  });

  test('a GPU that is to be cut and has no slices yet serves nobody', async () => {
    const nvidia = smi('0, NVIDIA H200, 143771, GPU-1, Enabled', 'GPU 0: NVIDIA H200 (UUID: GPU-1)');
    assert.deepEqual(await shown(machine({ nvidia })), ['cpu 0 healthy']);
  });

  test('a slice that was removed is gone, and has its index when it is made again, over restarts too', async () => {
    const here = machine({ nvidia: cut });
    await here.list();
    const third = '  MIG 2g.10gb     Device  0: (UUID: MIG-3)\n';
    here.setScript(
      'nvidia',
      smi(
        '0, NVIDIA A100-SXM4-40GB, 40960, GPU-838f60d9, Enabled',
        cutList.replace(/^ .*\n/m, third).replace(/^GPU 1.*\n/m, ''),
      ),
    );
    assert.deepEqual(await again(here), [
      'nvidia.com/gpu 1 broken',
      'nvidia.com/mig-1g.5gb 20001 healthy',
      'nvidia.com/mig-2g.10gb 20002 healthy',
      'cpu 0 healthy',
    ]);
    const next = machine({ nvidia: whole }, { file: here.file });
    assert.deepEqual(await shown(next), [
      'nvidia.com/gpu 0 healthy',
      'nvidia.com/gpu 1 healthy',
      'cpu 0 healthy',
    ]);
    assert.equal(next.visible({ kind: 'gpu', indices: [1, 0] })?.CUDA_VISIBLE_DEVICES, '1,0');
    assert.equal(next.visible({ kind: 'gpu', indices: [20_001] }), null);
    next.setScript('nvidia', cut);
    assert.deepEqual(await again(next), [
      'nvidia.com/gpu 1 healthy',
      'nvidia.com/mig-1g.5gb 20000 healthy',
      'nvidia.com/mig-1g.5gb 20001 healthy',
      'cpu 0 healthy',
    ]);
  });

  test('slices of a GPU that is lost are missed, and it does not come in their place', async () => {
    const here = machine({ nvidia: cut });
    await here.list();
    const lost = '[GPU is lost]';
    here.setScript(
      'nvidia',
      smi(`0, ${lost}, ${lost}, ${lost}, ${lost}`, 'Unable to determine the device handle'),
    );
    assert.deepEqual(await again(here), [
      'nvidia.com/gpu 1 broken',
      'nvidia.com/mig-1g.5gb 20000 broken',
      'nvidia.com/mig-1g.5gb 20001 broken',
      'cpu 0 healthy',
    ]);
  });

  test('GPUs of AMD beside one of NVIDIA, by the UUIDs that their runtime takes', async () => {
    const here = machine({ nvidia: one, amd: amd(amdList, amdStatic) });
    assert.deepEqual(await shown(here), [
      'nvidia.com/gpu 0 healthy',
      'amd.com/gpu 1000 healthy',
      'amd.com/gpu 1001 healthy',
      'cpu 0 healthy',
    ]);
    assert.deepEqual((await here.list())[1], {
      ...{ node: 'here', kind: 'gpu', index: 1_000, resource: 'amd.com/gpu', device: 'GPU-6f1f0a2b3c4d5e6f' },
      ...{ model: 'AMD Instinct MI300X', memoryMb: 196_592, healthy: true },
    });
    const order = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
    assert.deepEqual(here.visible({ kind: 'gpu', indices: [1_001, 1_000] }), {
      ...order,
      CUDA_VISIBLE_DEVICES: '',
      ROCR_VISIBLE_DEVICES: 'GPU-00a1b2c3d4e5f607,GPU-6f1f0a2b3c4d5e6f',
      HIP_VISIBLE_DEVICES: '0,1',
    });
    assert.deepEqual(here.visible({ kind: 'gpu', indices: [0] }), {
      ...order,
      CUDA_VISIBLE_DEVICES: '0',
      ROCR_VISIBLE_DEVICES: '',
      HIP_VISIBLE_DEVICES: '',
    });
  });

  test('a GPU of AMD keeps its index when another goes before it, and is missed when it goes', async () => {
    const here = machine({ amd: amd(amdList, amdStatic) });
    await here.list();
    const only = JSON.parse(amdStatic).gpu_data[1];
    here.setScript('amd', amd('[{"gpu": 0, "node_id": 2}]', JSON.stringify([{ ...only, gpu: 0 }])));
    assert.deepEqual(await again(here), [
      'amd.com/gpu 1000 broken',
      'amd.com/gpu 1001 healthy',
      'cpu 0 healthy',
    ]);
  });

  test('rocm-smi where there is no amd-smi, and not where there is one', async () => {
    const rocm = says(rocmSmi);
    const here = machine({ rocm });
    assert.deepEqual(await shown(here), [
      'amd.com/gpu 1000 healthy',
      'amd.com/gpu 1001 healthy',
      'cpu 0 healthy',
    ]);
    const both = machine({
      rocm,
      amd: amd('[{"gpu": 0, "node_id": 2}]', JSON.stringify([{ gpu: 0, asic: {} }])),
    });
    assert.deepEqual(await shown(both), ['amd.com/gpu 1000 healthy', 'cpu 0 healthy']);
  });
});
