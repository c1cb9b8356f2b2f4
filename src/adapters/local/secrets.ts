import { fault, faultLine, SignalboxError } from '../../core/errors.ts';
import type { Secret } from '../../core/hide-secrets.ts';
import type { RunSpec } from '../../core/run.ts';
import type { Handed } from './plan.ts';

/** The values that this machine holds for runs. */
export interface Secrets {
  /** Where they stand, for people. */
  file: string;
  /** As they are now, by project and name. Throws SECRETS_UNFIT. */
  read(): ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** All that were ever read: also one that was replaced stays out of logs. */
  known(): readonly Secret[];
}

/** What is handed to the supervisor of a run, or why the run cannot start: a secret that it may see is nowhere. */
export function handedFor(
  spec: Pick<RunSpec, 'project' | 'secrets'>,
  secrets: Secrets | null,
): { ok: true; handed: Handed } | { ok: false; message: string } {
  const { project } = spec;
  const missing = (word: string, reason: string, file: string) => {
    const message = faultLine(fault('SECRET_MISSING', { word, project, reason, file }));
    return { ok: false as const, message };
  };
  if (!secrets) {
    const [first] = spec.secrets;
    if (first === undefined) return { ok: true, handed: { environment: {}, hidden: [] } };
    return missing(first, 'Its agent was started without SIGNALBOX_SECRETS.', 'the file that this names');
  }
  try {
    const values = secrets.read().get(project);
    const environment: Record<string, string> = {};
    for (const name of spec.secrets) {
      const value = values?.get(name);
      if (value === undefined) return missing(name, 'Its agent has no value for it.', secrets.file);
      environment[name] = value;
    }
    return { ok: true, handed: { environment, hidden: [...secrets.known()] } };
  } catch (err) {
    if (!(err instanceof SignalboxError)) throw err;
    // A file that is being edited is no reason against a run that needs nothing of it.
    if (spec.secrets.length > 0) return { ok: false, message: faultLine(err.fault) };
    return { ok: true, handed: { environment: {}, hidden: [...secrets.known()] } };
  }
}
