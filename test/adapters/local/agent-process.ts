import { runAgent } from '../../../src/adapters/local/agent.ts';

/** An agent as a process of its own, for tests that kill it. Its settings are JSON in the first argument. */
const settings = JSON.parse(process.argv[2] ?? '{}');
const quiet = () => {};
await runAgent({
  ...settings,
  offers: () => ({ slots: 2, accelerators: 'none' }),
  log: { debug: quiet, info: quiet, warn: quiet, error: (fields, message) => console.error(message, fields) },
  intervalMs: 40,
  signal: new AbortController().signal,
});
