import { glob } from 'node:fs/promises';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

/** Folders of `test/` whose tests need no server and end in seconds: part of `npm run check`. A test holds them to that. */
export const quick = ['commands', 'config', 'core', 'policy', 'webhooks'] as const;

/** Folders of `test/` that need more than a fresh machine has; each runs only when it is asked for with `--suite`. */
export const special = ['bench', 'cluster', 'gpu', 'mlflow', 's3'] as const;

/** Test files under the given folders of `test/` (all but the special ones when none are given), relative to the root, sorted. */
export async function testFiles(folders: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob('test/**/*.test.ts', { cwd: root })) found.push(file);
  const wanted = (folder: string) =>
    folders.length > 0 ? folders.includes(folder) : !(special as readonly string[]).includes(folder);
  return found.filter(file => wanted(file.split(path.sep)[1] ?? '')).sort();
}
