import { z } from 'zod';
import type { AmdGpu } from './amd.ts';
import { type NvidiaGpu, type NvidiaSlice, sliceMemoryMb, sliceResource } from './nvidia.ts';

/**
 * One space of indices for all accelerators of a machine. GPUs of NVIDIA have the index that nvidia-smi shows; those of AMD, and slices
 * (100 for each GPU), have ranges of their own, in which each device keeps its index for as long as it is remembered.
 */
const amdFrom = 1_000;
const slicesFrom = 20_000;
const slicesPerGpu = 100;

const gpuSchema = z.object({
  index: z.int(),
  // A file from before there were others has GPUs of NVIDIA.
  resource: z.string().default('nvidia.com/gpu'),
  device: z.string().nullable().default(null),
  model: z.string(),
  memoryMb: z.int(),
  healthy: z.boolean(),
  /** For a slice: the index of its GPU. */
  part: z.int().optional(),
  /** A slice that was removed on purpose, and has its index when it is made again. */
  gone: z.literal(true).optional(),
});
export type Gpu = z.infer<typeof gpuSchema>;
export const gpusSchema = z.array(gpuSchema);

export interface Seen {
  gpus: readonly NvidiaGpu[];
  slices: ReadonlyMap<number, readonly NvidiaSlice[]>;
  amd: readonly AmdGpu[];
}

/** Accelerators once seen stay: one that is missing now, or shows an error, keeps its name and is not healthy. */
export function mergeGpus(known: readonly Gpu[], seen: Seen): Gpu[] {
  return [...wholes(known, seen), ...amd(known, seen.amd), ...slices(known, seen)].sort(
    (a, b) => a.index - b.index,
  );
}

/** What `index` is on this machine; undefined: nothing that is known. */
export function gpuAt(gpus: readonly Gpu[], index: number): Gpu | undefined {
  return gpus.find(gpu => gpu.index === index && !gpu.gone);
}

/** Whether an index that nothing is known of can only be one of nvidia-smi. */
export function isPlainIndex(index: number): boolean {
  return index < amdFrom;
}

function byIndex(known: readonly Gpu[], seen: readonly Gpu[]): Gpu[] {
  const merged = new Map(known.map(gpu => [gpu.index, { ...gpu, healthy: false }]));
  for (const gpu of seen) {
    const before = merged.get(gpu.index);
    merged.set(gpu.index, gpu.healthy || !before ? gpu : before);
  }
  return [...merged.values()];
}

function wholes(known: readonly Gpu[], { gpus, slices }: Seen): Gpu[] {
  const cut = new Set<number>();
  for (const { index, mig, healthy } of gpus) {
    // An error may hide the mode of one that was cut before.
    const wasCut = known.some(gpu => gpu.part === index && !gpu.gone);
    if (mig || (slices.get(index) ?? []).length > 0 || (!healthy && wasCut)) cut.add(index);
  }
  return byIndex(
    known.filter(gpu => gpu.resource === 'nvidia.com/gpu'),
    gpus.map(({ mig: _, ...gpu }) => ({ ...gpu, resource: 'nvidia.com/gpu' })),
  ).filter(gpu => !cut.has(gpu.index));
}

function slices(known: readonly Gpu[], seen: Seen): Gpu[] {
  const merged = known.flatMap(gpu => {
    if (gpu.part === undefined || isListed(gpu, seen)) return [];
    const of = seen.gpus.find(one => one.index === gpu.part);
    // Its GPU is well and is not cut like this any more.
    const removed = gpu.gone || (of?.healthy === true && seen.slices.has(gpu.part));
    return [{ ...gpu, healthy: false, ...(removed ? { gone: true as const } : {}) }];
  });
  for (const [part, listed] of seen.slices) {
    const healthy = seen.gpus.find(one => one.index === part)?.healthy ?? true;
    const had = new Map(known.filter(gpu => gpu.part === part).map(gpu => [gpu.device, gpu.index]));
    const taken = new Set(had.values());
    for (const { device, profile, of } of listed) {
      const index = had.get(device) ?? freeIndex(part, taken, merged);
      taken.add(index);
      merged.push({
        index,
        resource: sliceResource(profile),
        device,
        model: `${of} MIG ${profile}`,
        memoryMb: sliceMemoryMb(profile),
        healthy,
        part,
      });
    }
  }
  return merged;
}

function isListed({ part, device }: Gpu, { slices }: Seen): boolean {
  return (slices.get(part ?? -1) ?? []).some(slice => slice.device === device);
}

/** The lowest in the range of this GPU that no device ever had; when there is none, that of a device that is gone. */
function freeIndex(part: number, taken: Set<number>, merged: Gpu[]): number {
  const first = slicesFrom + part * slicesPerGpu;
  for (let index = first; index < first + slicesPerGpu; index++) if (!taken.has(index)) return index;
  const forgotten = merged.findIndex(gpu => gpu.part === part && gpu.gone);
  const [old] = forgotten < 0 ? [] : merged.splice(forgotten, 1);
  // More than a hundred slices of one GPU: no hardware has them.
  return old?.index ?? Math.max(...taken) + 1;
}

function amd(known: readonly Gpu[], seen: readonly AmdGpu[]): Gpu[] {
  const before = known.filter(gpu => gpu.resource === 'amd.com/gpu');
  const had = new Map(before.map(gpu => [gpu.device, gpu.index]));
  const taken = new Set(had.values());
  const found = seen.map(({ number, device, ...gpu }): Gpu => {
    let index = had.get(device) ?? amdFrom + number;
    if (!had.has(device)) while (taken.has(index)) index++;
    taken.add(index);
    return { ...gpu, index, device, resource: 'amd.com/gpu' };
  });
  return byIndex(before, found);
}
