import { show } from './show.ts';

const columns = 'index,name,memory.total,uuid';
const format = '--format=csv,noheader,nounits';

/** A GPU that nvidia-smi showed. */
export interface NvidiaGpu {
  index: number;
  /** Its UUID. */
  device: string | null;
  model: string;
  memoryMb: number;
  healthy: boolean;
  /** It is cut into slices, or is about to be: by itself it serves nobody. */
  mig: boolean;
}

export interface NvidiaSlice {
  /** UUID. */
  device: string;
  /** `1g.10gb`, `1g.10gb+me`, `1c.3g.20gb`. */
  profile: string;
  /** Name of the GPU that it is a part of. */
  of: string;
}

/**
 * What nvidia-smi prints for the query, strictly: `0, NVIDIA H200, 143771, GPU-..., Disabled`, the last only where the driver knows it. A
 * GPU with an error in place of a value is there but not healthy; memory that the driver does not tell (`[N/A]`) counts as 0. Other lines
 * are words about GPUs, not GPUs.
 */
export function parseGpus(csv: string): NvidiaGpu[] {
  return csv.split('\n').flatMap(line => {
    const [, index, model = '', memory = '', uuid = '', mode = ''] =
      /^\s*(\d{1,4}), (.+), ([^,]+), (GPU-[^,]+|\[[^,]+\]|ERR!), (Enabled|Disabled|\[[^,]+\]|ERR!)\s*$/.exec(
        line,
      ) ??
      /^\s*(\d{1,4}), (.+), ([^,]+), ([^,]+?)\s*$/.exec(line) ??
      [];
    if (index === undefined) return [];
    const broken = [model, memory, uuid].some(value =>
      /unknown error|ERR!|is lost|requires reset/i.test(value),
    );
    const told = /^\d+$/.test(memory);
    const healthy = !broken && (told || /^\[(?:N\/A|Not Supported)\]$/i.test(memory));
    return [
      {
        index: Number(index),
        device: /^GPU-[\w-]+$/.test(uuid) ? uuid : null,
        model,
        memoryMb: told ? Number(memory) : 0,
        healthy,
        mig: mode === 'Enabled',
      },
    ];
  });
}

/** The slices of each GPU that `nvidia-smi -L` lists, by the GPU's index; a GPU that is whole has none. */
export function parseSlices(list: string): Map<number, NvidiaSlice[]> {
  const gpus = new Map<number, NvidiaSlice[]>();
  let gpu: { of: string; slices: NvidiaSlice[] } | null = null;
  for (const line of list.split('\n')) {
    if (!/^\s/.test(line)) {
      const [, index, of] = /^GPU (\d{1,4}): (.+) \(UUID: GPU-[\w-]+\)\s*$/.exec(line) ?? [];
      gpu = of === undefined ? null : { of, slices: [] };
      if (gpu) gpus.set(Number(index), gpu.slices);
      continue;
    }
    const [, profile, device] =
      /^\s+MIG (\d[\w.+]*gb[\w.+]*)\s+Device\s+\d+: \(UUID: (MIG-[\w/-]+)\)\s*$/.exec(line) ?? [];
    if (gpu && profile !== undefined && device !== undefined)
      gpu.slices.push({ device, profile, of: gpu.of });
  }
  return gpus;
}

/** As Kubernetes names slices of this profile. */
export function sliceResource(profile: string): string {
  return `nvidia.com/mig-${profile.replaceAll('+', '.')}`;
}

export function sliceMemoryMb(profile: string): number {
  return Number(/(\d+)gb/.exec(profile)?.[1] ?? 0) * 1024;
}

/** No nvidia-smi, one that fails and one that hangs show no GPUs; what a failing one printed counts. */
export async function readNvidia(
  program: string,
): Promise<{ gpus: NvidiaGpu[]; slices: Map<number, NvidiaSlice[]> }> {
  const [first, list] = await Promise.all([
    show(program, [`--query-gpu=${columns},mig.mode.current`, format]),
    show(program, ['-L']),
  ]);
  const gpus = parseGpus(first.text);
  const slices = parseSlices(list.text);
  if (gpus.length > 0 || first.hung) return { gpus, slices };
  // A driver from before there were slices refuses a query for them.
  const plain = await show(program, [`--query-gpu=${columns}`, format]);
  return { gpus: parseGpus(plain.text), slices };
}
