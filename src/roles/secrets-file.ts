import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Secrets } from '../adapters/local/secrets.ts';
import { SignalboxError } from '../core/errors.ts';
import { formsOfValue, type Secret } from '../core/hide-secrets.ts';
import { parseSecrets, type SecretValues } from '../files/secret-values.ts';

const largestFile = 1024 * 1024;

/** Reads the file that SIGNALBOX_SECRETS names. Throws SECRETS_UNFIT where others may read it, or where it cannot be understood. */
export function readSecretsFile(file: string): SecretValues {
  const refuse = (reason: string): never => {
    throw new SignalboxError('SECRETS_UNFIT', { file, reason });
  };
  let handle: number;
  try {
    // What is asked about is what is read, whatever the path leads to a moment later; a pipe must not hold up the start.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (err) {
    return refuse(`It cannot be opened (${err instanceof Error && 'code' in err ? err.code : 'unknown'}).`);
  }
  try {
    const { mode, uid, size } = fstatSync(handle);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) refuse('It is no file.');
    const user = process.getuid?.();
    if (user !== undefined && uid !== user)
      refuse(`It belongs to the user ${uid}, and the agent is ${user}.`);
    if ((mode & 0o7177) !== 0)
      refuse(`Its mode is ${(mode & 0o7777).toString(8).padStart(4, '0')}, which is more than 0600.`);
    if (size > largestFile) refuse(`It has more than ${largestFile} bytes.`);
    return parseSecrets(readFileSync(handle, 'utf8'), file);
  } finally {
    closeSync(handle);
  }
}

/**
 * The secrets of this machine, read anew for every run that starts. `remember` gets each form of each value once. Throws SECRETS_UNFIT
 * at once where the file is not fit.
 */
export function secretsIn(file: string, remember: (forms: string[]) => void): Secrets {
  const known = new Map<string, Secret>();
  const read = () => {
    const values = readSecretsFile(file);
    for (const secrets of values.values())
      for (const [name, value] of secrets) {
        if (known.has(value)) continue;
        known.set(value, { name, value });
        remember(formsOfValue(value));
      }
    return values;
  };
  read();
  return { file, read, known: () => [...known.values()] };
}
