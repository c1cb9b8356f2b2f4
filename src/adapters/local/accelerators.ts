import { execFile } from 'node:child_process';
import { hostname } from 'node:os';
import { z } from 'zod';
import type { Accelerator, Log } from '../../core/ports.ts';
import { readJson, writeDurable } from './files.ts';

const query = ['--query-gpu=index,name,memory.total,uuid', '--format=csv,noheader,nounits'];
const timeoutMs = 5_000;
const everyMs = 60_000;

/** A GPU that nvidia-smi showed. */
export interface Gpu {
  index: number;
  model: string;
  memoryMb: number;
  healthy: boolean;
}

const knownSchema = z.array(
  z.object({ index: z.int(), model: z.string(), memoryMb: z.int(), healthy: z.boolean() }),
);

/**
 * What nvidia-smi prints for the query, strictly: `0, NVIDIA H200, 143771, GPU-...`. A GPU with an error in place of a value is there but
 * not healthy; memory that the driver does not tell (`[N/A]`) counts as 0. Other lines are words about GPUs, not GPUs.
 */
export function parseGpus(csv: string): Gpu[] {
  return csv.split('\n').flatMap(line => {
    const [, index, model = '', memory = '', uuid = ''] =
      /^\s*(\d{1,4}), (.+), ([^,]+), ([^,]+?)\s*$/.exec(line) ?? [];
    if (index === undefined) return [];
    const broken = [model, memory, uuid].some(value =>
      /unknown error|ERR!|is lost|requires reset/i.test(value),
    );
    const told = /^\d+$/.test(memory);
    const healthy = !broken && (told || /^\[(?:N\/A|Not Supported)\]$/i.test(memory));
    return [{ index: Number(index), model, memoryMb: told ? Number(memory) : 0, healthy }];
  });
}

/** GPUs once seen stay: one that is missing now, or shows an error, keeps its name and is not healthy. */
export function mergeGpus(known: readonly Gpu[], seen: readonly Gpu[]): Gpu[] {
  const merged = new Map(known.map(gpu => [gpu.index, { ...gpu, healthy: false }]));
  for (const gpu of seen) {
    const before = merged.get(gpu.index);
    merged.set(gpu.index, gpu.healthy || !before ? gpu : before);
  }
  return [...merged.values()].sort((a, b) => a.index - b.index);
}

/**
 * The accelerators of this machine: `slots` CPU slots, and with `auto` the GPUs. `list` reads them again when a minute has passed or after
 * `recheck`, and remembers them in `file`, so that a GPU that disappears over a restart is missed (remove the file when it left for good).
 */
export function machineAccelerators(options: {
  slots: number;
  accelerators: 'auto' | 'none';
  file: string;
  log: Log;
  nvidiaSmi?: string;
  node?: string;
}) {
  const { slots, file, log, nvidiaSmi = 'nvidia-smi', node = hostname() } = options;
  let gpus = knownSchema.safeParse(readJson(file)).data ?? [];
  let readAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<void> {
    readAt = performance.now();
    const seen = await runNvidiaSmi(nvidiaSmi);
    const before = JSON.stringify(gpus);
    gpus = mergeGpus(gpus, seen);
    if (JSON.stringify(gpus) === before) return;
    for (const { index, healthy } of gpus.filter(gpu => !gpu.healthy))
      log.warn({ node, index, healthy }, 'a GPU is missing or shows an error');
    try {
      writeDurable(file, gpus);
    } catch (err) {
      log.warn({ file, err }, 'what is known of the GPUs could not be written down');
    }
  }

  return {
    async list(): Promise<Accelerator[]> {
      if (options.accelerators === 'auto' && performance.now() - readAt >= everyMs) await read();
      const cpus = Array.from({ length: slots }, (_, index) => index);
      return [
        ...(options.accelerators === 'auto'
          ? gpus.map((gpu): Accelerator => ({ node, kind: 'gpu', ...gpu }))
          : []),
        ...cpus.map(
          (index): Accelerator => ({ node, index, kind: 'cpu', model: 'cpu', memoryMb: 0, healthy: true }),
        ),
      ];
    },
    /** Something on a GPU went wrong: the next `list` reads again. */
    recheck(): void {
      readAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/** No nvidia-smi, one that fails and one that hangs show no GPUs; what a failing one printed counts. */
function runNvidiaSmi(program: string): Promise<Gpu[]> {
  return new Promise(resolve => {
    execFile(program, query, { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1 << 20 }, (_, stdout) =>
      resolve(parseGpus(stdout)),
    );
  });
}
