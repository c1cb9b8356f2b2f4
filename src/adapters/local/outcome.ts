import type { Exit } from '../../core/run.ts';
import type { End } from './control.ts';

const gpuTrouble =
  /CUDA error|cudaError|CUDA_ERROR_|NVML|\bXid\b|\bNCCL\b.*error|uncorrectable ECC|GPU is lost/i;

/** The end of an attempt as Signalbox is told, which reads in the log why it failed. */
export function exitOf({ code, signal, stopped, failure, at }: End, lines: string[]): Exit {
  return { code, signal, stopped, failure, lines, at };
}

/** Whether an end may mean that something is wrong with a GPU. */
export function blamesGpu({ signal, stopped, lines }: Exit): boolean {
  return (signal !== null && stopped === null) || lines.some(line => gpuTrouble.test(line));
}
