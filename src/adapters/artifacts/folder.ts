import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactStore } from '../../core/ports.ts';
import { checked, placeOf } from './checked.ts';

/** What a process that was killed left half written goes after so long. */
const abandonedMs = 24 * 3_600_000;

/** Artifacts in a folder of this machine. A file appears under its digest whole, on disk and compared, or not at all. */
export function folderArtifacts(folder: string): ArtifactStore {
  const incoming = join(folder, 'incoming');
  const pathOf = (sha256: string) => join(folder, placeOf(sha256));

  return {
    async put(content, expected) {
      const path = pathOf(expected.sha256);
      await mkdir(incoming, { recursive: true, mode: 0o700 });
      await removeAbandoned(incoming);
      const draft = join(incoming, randomUUID());
      try {
        const file = await open(draft, 'wx', 0o600);
        try {
          for await (const chunk of checked(content, expected)) await file.appendFile(chunk);
          await file.sync();
        } finally {
          await file.close();
        }
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await rename(draft, path);
      } catch (err) {
        await rm(draft, { force: true });
        throw err;
      }
      for (let at = dirname(path); at.length >= folder.length; at = dirname(at)) await syncFolder(at);
      return { ...expected };
    },
    async open(sha256) {
      const path = pathOf(sha256);
      const found = await stat(path).catch(orNull);
      return found && { bytes: found.size, content: createOnDemand(path) };
    },
    async has(sha256) {
      return (await stat(pathOf(sha256)).catch(orNull)) !== null;
    },
    async remove(sha256) {
      await rm(pathOf(sha256), { force: true });
    },
  };
}

/** Opened when somebody reads it. */
async function* createOnDemand(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: 256 * 1024 });
}

async function removeAbandoned(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    const found = await stat(path).catch(orNull);
    if (found && Date.now() - found.mtimeMs > abandonedMs) await rm(path, { force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

function orNull(err: unknown): null {
  if (err instanceof Error && 'code' in err && (err.code === 'ENOENT' || err.code === 'ENOTDIR')) return null;
  throw err;
}
