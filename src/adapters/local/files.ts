import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Replaces a file so that after a crash at any instant it is there whole, as before or as after; only its owner may read it. */
export function writeDurable(path: string, content: unknown): void {
  const draft = writeDraft(path, content);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** Makes a file, whole, unless it is there already; whether this call made it. Of several processes exactly one is told yes. */
export function createOnce(path: string, content: unknown): boolean {
  const draft = writeDraft(path, content);
  try {
    linkSync(draft, path);
  } catch (err) {
    if (hasCode(err, 'EEXIST')) return false;
    throw err;
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(dirname(path));
  return true;
}

/** The parsed content; null when there is no such file, or when it is not JSON (a crash of the machine can leave that). */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (err) {
    if (err instanceof SyntaxError || hasCode(err, 'ENOENT') || hasCode(err, 'ENOTDIR')) return null;
    throw err;
  }
}

/** Whether an error of the system has this code, such as `ENOENT`. */
export function hasCode(err: unknown, code: string): boolean {
  return err instanceof Error && 'code' in err && err.code === code;
}

function writeDraft(path: string, content: unknown): string {
  const draft = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(file, JSON.stringify(content));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
