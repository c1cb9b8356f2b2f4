import { hostname } from 'node:os';
import type { Accelerator, Log } from '../../core/ports.ts';
import { readAmd } from './amd.ts';
import { readJson, writeDurable } from './files.ts';
import { gpuAt, gpusSchema, mergeGpus } from './merge-gpus.ts';
import { readNvidia } from './nvidia.ts';
import { type VisibleDevices, visibleDevices } from './visible-devices.ts';

const everyMs = 60_000;

export interface Offers {
  /** CPU slots. */
  slots: number;
  accelerators: 'auto' | 'none';
}

/** What shows the GPUs of a machine. */
export interface Programs {
  nvidiaSmi?: string;
  amdSmi?: string;
  rocmSmi?: string;
}

/**
 * The accelerators of this machine: CPU slots, and with `auto` the GPUs and slices of GPUs. `list` reads them again when a minute
 * has passed or after `recheck`, and remembers them in `file`, so that a GPU that disappears over a restart is missed (remove the file when
 * it left for good).
 */
export function machineAccelerators(
  options: Programs & {
    offers(): Offers;
    file: string;
    log: Log;
    node?: string;
  },
) {
  const { offers, file, log, node = hostname() } = options;
  const { nvidiaSmi = 'nvidia-smi', amdSmi = 'amd-smi', rocmSmi = 'rocm-smi' } = options;
  let gpus = gpusSchema.safeParse(readJson(file)).data ?? [];
  let readAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<void> {
    readAt = performance.now();
    const [nvidia, amd] = await Promise.all([readNvidia(nvidiaSmi), readAmd({ amdSmi, rocmSmi })]);
    const before = JSON.stringify(gpus);
    gpus = mergeGpus(gpus, { ...nvidia, amd });
    if (JSON.stringify(gpus) === before) return;
    for (const { index, healthy } of gpus.filter(gpu => !gpu.healthy && !gpu.gone))
      log.warn({ node, index, healthy }, 'a GPU is missing or shows an error');
    try {
      writeDurable(file, gpus);
    } catch (err) {
      log.warn({ file, err }, 'what is known of the GPUs could not be written down');
    }
  }

  return {
    async list(): Promise<Accelerator[]> {
      const { slots, accelerators } = offers();
      if (accelerators === 'auto' && performance.now() - readAt >= everyMs) await read();
      const shown = accelerators === 'auto' ? gpus.filter(gpu => !gpu.gone) : [];
      return [
        ...shown.map(({ part: _, gone: __, ...gpu }): Accelerator => ({ node, kind: 'gpu', ...gpu })),
        ...Array.from({ length: slots }, (_, index) => slotAt(node, index)),
      ];
    },
    /** Something on a GPU went wrong: the next `list` reads again. */
    recheck(): void {
      readAt = Number.NEGATIVE_INFINITY;
    },
    /** What these are. */
    given({ kind, indices }: { kind: 'gpu' | 'cpu'; indices: readonly number[] }): {
      model: string;
      resource: string;
    }[] {
      return (kind === 'gpu' ? indices : []).flatMap(index => gpuAt(gpus, index) ?? []);
    },
    visible(given: { kind: 'gpu' | 'cpu'; indices: readonly number[] }): VisibleDevices {
      return visibleDevices(gpus, given);
    },
  };
}

function slotAt(node: string, index: number): Accelerator {
  return {
    node,
    kind: 'cpu',
    index,
    resource: 'cpu',
    device: null,
    model: 'cpu',
    memoryMb: 0,
    healthy: true,
  };
}
