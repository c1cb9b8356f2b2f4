import type { ErrorDetails } from './errors.ts';
import type { RunStore } from './ports.ts';
import type { Run } from './run.ts';

export type FoundRun = { ok: true; run: Run } | { ok: false; code: 'RUN_NOT_FOUND'; details: ErrorDetails };

/** The run of that number, or the error that says which numbers there are. */
export async function findRun(
  number: number,
  runs: Pick<RunStore, 'get' | 'newestNumber'>,
): Promise<FoundRun> {
  const run = await runs.get(number);
  if (run) return { ok: true, run };
  const newest = await runs.newestNumber();
  return { ok: false, code: 'RUN_NOT_FOUND', details: { word: number, newest, example: 'train list' } };
}
