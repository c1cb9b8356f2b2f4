import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { SignalboxError } from '../core/errors.ts';

const reasons: Record<string, string> = {
  EACCES: 'This user may not read and write there.',
  EPERM: 'This user may not read and write there.',
  EEXIST: 'It is a file.',
  ENOTDIR: 'Something above it is a file.',
  EROFS: 'It is read-only.',
  ENOSPC: 'The disk is full.',
};

/** Makes the data folder where it is missing. Throws DATA_UNUSABLE. */
export async function prepareDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? String(err.code) : '';
    const reason = reasons[code] ?? `The system says ${code || String(err)}.`;
    throw new SignalboxError('DATA_UNUSABLE', { file: folder, reason }, { cause: err });
  }
}
