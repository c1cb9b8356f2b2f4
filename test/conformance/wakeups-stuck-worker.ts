// Takes one wake-up, says so, and never ends with it. Started by the suite, to be killed.
import type { QueueConnection } from '../../src/adapters/bullmq/connection.ts';
import { createWakeWorker } from '../../src/adapters/bullmq/wake-worker.ts';

const connection: QueueConnection = JSON.parse(process.argv[2] ?? '');
const say = () => undefined;
createWakeWorker(
  connection,
  subject => {
    process.stdout.write(`${subject}\n`);
    return new Promise(() => undefined);
  },
  { concurrency: 1, log: { debug: say, info: say, warn: say, error: say } },
);
