import { type Gpu, gpuAt, isPlainIndex } from './merge-gpus.ts';

/** What a command may see of the machine's accelerators, as variables of its environment; null where one that it was given is not there. */
export type VisibleDevices = Record<string, string> | null;

/**
 * CUDA_VISIBLE_DEVICES takes the indices of nvidia-smi, and UUIDs where GPUs are cut into slices. ROCR_VISIBLE_DEVICES takes UUIDs, and
 * HIP_VISIBLE_DEVICES counts in what ROCR_VISIBLE_DEVICES has left
 * (https://rocm.docs.amd.com/en/latest/conceptual/gpu-isolation.html). What is not given is empty, so that nothing of it is seen.
 */
export function visibleDevices(
  gpus: readonly Gpu[],
  { kind, indices }: { kind: 'gpu' | 'cpu'; indices: readonly number[] },
): VisibleDevices {
  const cut = gpus.some(gpu => gpu.part !== undefined && !gpu.gone);
  const cuda: string[] = [];
  const rocr: string[] = [];
  for (const index of kind === 'gpu' ? indices : []) {
    const gpu = gpuAt(gpus, index);
    if (!gpu && !isPlainIndex(index)) return null;
    if (gpu?.resource === 'amd.com/gpu') rocr.push(gpu.device ?? String(index));
    else if (gpu?.part !== undefined || cut) cuda.push(gpu?.device ?? String(index));
    else cuda.push(String(index));
  }
  return {
    // Else CUDA counts the fastest first, and an index is not the one that nvidia-smi shows.
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    CUDA_VISIBLE_DEVICES: cuda.join(','),
    ROCR_VISIBLE_DEVICES: rocr.join(','),
    HIP_VISIBLE_DEVICES: rocr.map((_, index) => index).join(','),
  };
}
