import type { Exit } from '../../core/run.ts';
import type { End } from './control.ts';

/** What PyTorch, JAX, TensorFlow and Python itself print. */
const outOfMemory =
  /CUDA out of memory|\bMemoryError\b|OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|RESOURCE_EXHAUSTED: Out of memory/;
const gpuTrouble =
  /CUDA error|cudaError|CUDA_ERROR_|NVML|\bXid\b|\bNCCL\b.*error|uncorrectable ECC|GPU is lost/i;

/** The end of an attempt as Signalbox is told: a failure for want of memory is named, which the exit code alone does not say. */
export function exitOf(end: End, lines: string[]): Exit {
  const { code, signal, stopped, at } = end;
  const word = lines.findLast(line => outOfMemory.test(line));
  if (end.failure || stopped || code === 0 || word === undefined)
    return { code, signal, stopped, failure: end.failure, lines, at };
  const message = `It ran out of memory: ${word.trim().slice(0, 300)}`;
  return { code, signal, stopped, failure: { class: 'out-of-memory', message }, lines, at };
}

/** Whether an end may mean that something is wrong with a GPU. */
export function blamesGpu({ signal, stopped, lines }: Exit): boolean {
  return (signal !== null && stopped === null) || lines.some(line => gpuTrouble.test(line));
}
