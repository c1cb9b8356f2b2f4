import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { SourceError } from './bare.ts';

const leftOut = new Set(['.git', 'node_modules', '__pycache__', '.signalbox']);
/** A folder that is copied for each change must not be one with data sets in it. */
const mostBytes = 1 << 30;

interface Entry {
  /** With `/`, from the folder on. */
  path: string;
  kind: 'file' | 'program' | 'link';
}

/**
 * Keeps a copy of a folder that is not in Git, under `sha256:<hex>` of its sorted paths, modes and contents: what is archived later is what
 * was there now. Leaves out `.git`, `node_modules`, `__pycache__`. Throws SourceError when it is larger than 1 GiB.
 */
export async function snapshotFolder(folder: string, snapshots: string): Promise<string> {
  const first = await digestOf(folder, await entriesOf(folder));
  if (await isThere(snapshotPath(snapshots, first))) return first;
  await mkdir(snapshots, { recursive: true });
  const draft = await mkdtemp(join(snapshots, 'draft-'));
  try {
    await copyEntries(folder, await entriesOf(folder), draft);
    // The folder may have changed meanwhile: the copy is named for what is in the copy.
    const digest = await digestOf(draft, await entriesOf(draft));
    const target = snapshotPath(snapshots, digest);
    await rename(draft, target).catch(async err => {
      if (!(await isThere(target))) throw err;
    });
    return digest;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Where the copy with this digest lies. */
export function snapshotPath(snapshots: string, digest: string): string {
  return join(snapshots, digest.replace('sha256:', ''));
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  const walk = async (inside: string): Promise<void> => {
    for (const entry of await readdir(inside, { withFileTypes: true })) {
      if (leftOut.has(entry.name)) continue;
      const path = join(inside, entry.name);
      const shown = relative(folder, path).split(sep).join('/');
      if (entry.isDirectory()) await walk(path);
      else if (entry.isSymbolicLink()) entries.push({ path: shown, kind: 'link' });
      else if (entry.isFile()) {
        const { size, mode } = await lstat(path);
        bytes += size;
        if (bytes > mostBytes)
          throw new SourceError(
            'The folder holds more than 1 GiB: put the code into Git, or the data somewhere else.',
          );
        entries.push({ path: shown, kind: mode & 0o100 ? 'program' : 'file' });
      }
    }
  };
  await walk(folder);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function digestOf(folder: string, entries: Entry[]): Promise<string> {
  const whole = createHash('sha256');
  for (const { path, kind } of entries) {
    const content = createHash('sha256');
    if (kind === 'link') content.update(await readlink(join(folder, path)));
    else for await (const chunk of createReadStream(join(folder, path))) content.update(chunk);
    whole.update(`${kind}\0${path}\0${content.digest('hex')}\n`);
  }
  return `sha256:${whole.digest('hex')}`;
}

async function copyEntries(folder: string, entries: Entry[], target: string): Promise<void> {
  for (const { path, kind } of entries) {
    const [from, to] = [join(folder, path), join(target, path)];
    await mkdir(dirname(to), { recursive: true });
    if (kind === 'link') await symlink(await readlink(from), to);
    else {
      await copyFile(from, to);
      await chmod(to, kind === 'program' ? 0o755 : 0o644);
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
