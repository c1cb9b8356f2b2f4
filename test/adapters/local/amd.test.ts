import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AmdGpu, parseAmdSmi, parseRocmSmi } from '../../../src/adapters/local/amd.ts';
import { amdList, amdStatic, rocmSmi } from './shown.ts';

const mi300 = (number: number, device: string, more: Partial<AmdGpu> = {}): AmdGpu => ({
  ...{ number, device, model: 'AMD Instinct MI300X', memoryMb: 196_592, healthy: true },
  ...more,
});
const first = 'GPU-6f1f0a2b3c4d5e6f';
const second = 'GPU-00a1b2c3d4e5f607';
const said = JSON.parse(amdStatic).gpu_data;
const told = (changes: (gpu: typeof said) => unknown) => JSON.stringify(changes(structuredClone(said)));
const bare = (gpu: number, more: Record<string, unknown> = {}) => ({
  gpu,
  asic: { market_name: 'X' },
  ...more,
});

describe('what amd-smi prints', () => {
  const rows: [name: string, list: string, details: string, gpus: AmdGpu[]][] = [
    ['two', amdList, amdStatic, [mi300(0, first), mi300(1, second)]],
    ['a plain list, as before ROCm 7', amdList, JSON.stringify(said), [mi300(0, first), mi300(1, second)]],
    [
      'a warning before it',
      `WARNING: user is missing groups: video\n${amdList}`,
      amdStatic,
      [mi300(0, first), mi300(1, second)],
    ],
    ['without the list', '', amdStatic, [mi300(0, first), mi300(1, second)]],
    [
      'listed, with nothing said of it',
      amdList,
      told(gpus => gpus.slice(0, 1)),
      [mi300(0, first), mi300(1, '0', { model: 'AMD GPU', memoryMb: 0, healthy: false })],
    ],
    [
      'without a serial, by its place among the nodes',
      amdList,
      told(([a, b]) => [{ ...a, asic: { ...a.asic, asic_serial: 'N/A' } }, b]),
      [mi300(0, '1'), mi300(1, second)],
    ],
    [
      'partitions that share a serial',
      amdList,
      told(([a, b]) => [a, { ...b, asic: a.asic }]),
      [mi300(0, '1'), mi300(1, '0')],
    ],
    [
      'a serial of zeros',
      '',
      told(([a]) => [{ ...a, asic: { ...a.asic, asic_serial: '0x0' } }]),
      [mi300(0, '0')],
    ],
    [
      'a serial that would end the variable',
      '',
      told(([a]) => [{ ...a, asic: { ...a.asic, asic_serial: '0x1,0' } }]),
      [mi300(0, '0')],
    ],
    [
      'memory as words',
      '',
      JSON.stringify([bare(0, { vram: { size: '64 GB' } })]),
      [mi300(0, '0', { model: 'X', memoryMb: 65_536 })],
    ],
    [
      'memory that is not told',
      '',
      JSON.stringify([bare(0, { vram: { size: 'N/A' } })]),
      [mi300(0, '0', { model: 'X', memoryMb: 0 })],
    ],
    [
      'memory in a unit that is not known',
      '',
      JSON.stringify([bare(0, { vram: { size: { value: 1, unit: 'acre' } } })]),
      [mi300(0, '0', { model: 'X', memoryMb: 0 })],
    ],
    [
      'a name that is not told',
      '',
      JSON.stringify([{ gpu: 0, asic: { market_name: 'N/A' } }]),
      [mi300(0, '0', { model: 'AMD GPU', memoryMb: 0 })],
    ],
    ['no number', '', JSON.stringify([{ asic: { market_name: 'X' } }]), []],
    ['a negative number', '', JSON.stringify([bare(-1)]), []],
    ['half of it', amdList.slice(0, -3), amdStatic.slice(0, -3), []],
    ['words', 'ERROR: Unable to detect any GPU devices', 'AMDSMI_STATUS_NO_DRV', []],
    ['an empty list', '[]', '{"gpu_data": []}', []],
  ];
  for (const [name, list, details, gpus] of rows)
    test(name, () => assert.deepEqual(parseAmdSmi(list, details), gpus));
});

describe('what rocm-smi prints', () => {
  const mi210 = (number: number, device: string, more: Partial<AmdGpu> = {}): AmdGpu => ({
    ...{ number, device, model: 'AMD Instinct MI210', memoryMb: 65_520, healthy: true },
    ...more,
  });
  const rows: [name: string, text: string, gpus: AmdGpu[]][] = [
    ['two', rocmSmi, [mi210(0, 'GPU-7d1aa4c0e3a25f11'), mi210(1, 'GPU-2c9bb0f5c8e3d1a7')]],
    [
      'fields as they were called before',
      '{"card0": {"Card series": "AMD INSTINCT MI250 (MCM) OAM AC MBA", "Unique ID": "N/A"}}',
      [mi210(0, '0', { model: 'AMD INSTINCT MI250 (MCM) OAM AC MBA', memoryMb: 0 })],
    ],
    ['only the system', '{"system": {"Driver version": "6.2.4"}}', []],
    ['a card that is no object', '{"card0": "N/A"}', []],
    ['another key', '{"cardX": {}, "mycard0": {}}', []],
    ['words', 'ERROR:root:Driver not initialized (amdgpu not found in modules)', []],
  ];
  for (const [name, text, gpus] of rows) test(name, () => assert.deepEqual(parseRocmSmi(text), gpus));
});
