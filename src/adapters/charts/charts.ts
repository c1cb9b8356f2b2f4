import { Worker } from 'node:worker_threads';
import type { Chart } from '../../core/chart.ts';
import type { PictureLook, PicturePort } from '../../core/ports.ts';

export interface DrawRequest extends PictureLook {
  id: number;
  chart: Chart;
}
export type DrawAnswer = { id: number; bytes: Uint8Array } | { id: number; error: string };

interface ChartPictureOptions {
  /** More are refused while so many wait. */
  mostWaiting?: number;
  /** After which a picture is given up, and the thread with it. */
  timeoutMs?: number;
  /** After which a thread without work ends, and gives back its memory (some 70 MB). */
  idleMs?: number;
}

interface Waiting {
  done(bytes: Uint8Array): void;
  failed(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * Pictures of charts, drawn by Vega and resvg in a thread of their own, which is there only while there is something to draw: a process that
 * draws nothing has loaded nothing.
 */
export function chartPictures({
  mostWaiting = 16,
  timeoutMs = 10_000,
  idleMs = 30_000,
}: ChartPictureOptions = {}): PicturePort & { close(): Promise<void> } {
  const waiting = new Map<number, Waiting>();
  let thread: Worker | null = null;
  let idle: NodeJS.Timeout | undefined;
  let ids = 0;
  let isClosed = false;

  function started(): Worker {
    if (thread) return thread;
    const own = new Worker(new URL('./drawing-thread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    own.on('message', (answer: DrawAnswer) => {
      const one = take(answer.id);
      if (!one) return;
      if ('bytes' in answer) one.done(answer.bytes);
      else one.failed(new Error(`the chart cannot be drawn: ${answer.error}`));
    });
    own.on('error', err => stop(own, err));
    own.on('exit', () => stop(own, new Error('the thread that draws has ended')));
    // It keeps no process alive.
    own.unref();
    thread = own;
    return own;
  }

  function take(id: number): Waiting | undefined {
    const one = waiting.get(id);
    if (!one) return undefined;
    waiting.delete(id);
    clearTimeout(one.timer);
    if (waiting.size === 0 && thread) {
      const own = thread;
      idle = setTimeout(() => stop(own, new Error('idle')), idleMs).unref();
    }
    return one;
  }

  /** Whatever waits for this thread fails; the next picture gets another. */
  function stop(own: Worker, why: Error): void {
    if (thread !== own) return;
    thread = null;
    clearTimeout(idle);
    void own.terminate();
    for (const id of waiting.keys()) take(id)?.failed(why);
  }

  return {
    async draw(chart, look) {
      if (isClosed || waiting.size >= mostWaiting) return null;
      clearTimeout(idle);
      const own = started();
      const id = ids++;
      return await new Promise<Uint8Array>((done, failed) => {
        const timer = setTimeout(() => stop(own, new Error('the chart took too long to draw')), timeoutMs);
        waiting.set(id, { done, failed, timer });
        own.postMessage({ id, chart, ...look } satisfies DrawRequest);
      });
    },
    async close() {
      isClosed = true;
      const own = thread;
      if (own) stop(own, new Error('closed'));
      await own?.terminate();
    },
  };
}
