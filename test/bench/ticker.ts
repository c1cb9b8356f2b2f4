import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';

/**
 * Says `0`, `1`, ... at a constant rate. On a thread of its own that waits on a futex: the event loop's timers know whole milliseconds only, which
 * is half the time between two requests.
 */
const schema = z.object({ startAtNs: z.bigint(), everyNs: z.bigint(), count: z.number() });
const { startAtNs, everyNs, count } = schema.parse(workerData);
const nothing = new Int32Array(new SharedArrayBuffer(4));

for (let i = 0; i < count; i += 1) {
  const due = startAtNs + BigInt(i) * everyNs;
  const waitMs = Number(due - process.hrtime.bigint()) / 1e6;
  if (waitMs > 0) Atomics.wait(nothing, 0, 0, waitMs);
  parentPort?.postMessage(i);
}
