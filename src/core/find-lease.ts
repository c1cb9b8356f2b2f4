import type { ErrorDetails } from './errors.ts';
import { type FoundRun, findRun } from './find-run.ts';
import type { RunStore } from './ports.ts';
import { isLease, type Run } from './run.ts';

type Failed = { ok: false; code: 'LEASE_UNKNOWN'; details: ErrorDetails };

/** The lease of that number, or the error that says what it is instead. `meant`: what is said of a run that is none. */
export async function findLease(
  number: number,
  runs: Pick<RunStore, 'get' | 'newestNumber'>,
  meant: string,
): Promise<FoundRun | Failed> {
  const found = await findRun(number, runs);
  if (!found.ok) return { ...found, details: { ...found.details, example: 'gpu' } };
  if (isLease(found.run)) return found;
  return {
    ok: false,
    code: 'LEASE_UNKNOWN',
    details: { number, project: found.run.spec.project, example: `${meant} ${number}` },
  };
}

/** What is answered where an evaluation will not do; null for any other run. */
export function evaluationMeant({ number, spec: { evaluates } }: Pick<Run, 'number' | 'spec'>) {
  if (!evaluates) return null;
  const { model, version, environment, promotion } = evaluates;
  const details = {
    number,
    word: `${model} ${version} for P${promotion}`,
    example: `model promote ${model} ${version} --to ${environment}`,
  };
  return { ok: false as const, code: 'RUN_EVALUATES' as const, details };
}

/** What is answered where only a run that trains will do; null for one. */
export function leaseMeant({ number, spec }: Pick<Run, 'number' | 'spec'>, example: string) {
  if (spec.serves) {
    const { model, version } = spec.serves;
    return {
      ok: false as const,
      code: 'RUN_SERVES' as const,
      details: { number, word: `${model} ${version}` },
    };
  }
  if (!isLease({ spec })) return null;
  return { ok: false as const, code: 'LEASE_MEANT' as const, details: { number, example } };
}
