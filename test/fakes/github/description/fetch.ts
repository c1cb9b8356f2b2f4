import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../../../scripts/suites.ts';

const run = promisify(execFile);

/** GitHub's own description of its API, as its maintainers of Octokit publish it. 29 MB: fetched when it is wanted, and no dependency. */
const packed = '@octokit/openapi@23.0.2';
const member = 'package/generated/api.github.com.json';
const cache = path.join(root, '.cache', 'github-openapi');
const kept = path.join(cache, '23.0.2.json');
const failed = path.join(cache, 'failed');
/** So long nobody tries again where it could not be had. */
const pauseMs = 600_000;

/** The text of the description, or in one line why there is none. */
export async function fetchDescription(): Promise<{ text: string } | { missing: string }> {
  const known = await readFile(kept, 'utf8').catch(() => null);
  if (known !== null) return { text: known };
  const tried = await stat(failed).catch(() => null);
  if (tried && Date.now() - tried.mtimeMs < pauseMs)
    return { missing: `${packed} could not be fetched a few minutes ago` };
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, 'fetch-'));
  try {
    const { stdout } = await run(
      'npm',
      [
        'pack',
        packed,
        '--silent',
        '--fetch-retries=0',
        '--fetch-timeout=30000',
        '--pack-destination',
        folder,
      ],
      { cwd: folder, timeout: 120_000 },
    );
    await run('tar', ['-xzf', stdout.trim().split('\n').at(-1) ?? '', member], { cwd: folder });
    const text = lean(await readFile(path.join(folder, member), 'utf8'));
    const fresh = path.join(folder, 'lean.json');
    await writeFile(fresh, text);
    await rename(fresh, kept);
    return { text };
  } catch (error) {
    await writeFile(failed, String(error));
    return { missing: `${packed} cannot be fetched with npm` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Without its prose and examples: a quarter is left. A property that is named so is no text, and stays. */
function lean(text: string): string {
  const prose = new Set(['description', 'summary', 'title', 'example', 'operationId']);
  return JSON.stringify(
    JSON.parse(text, (key, value: unknown) => {
      if (prose.has(key) && typeof value !== 'object') return undefined;
      return key === 'examples' ? undefined : value;
    }),
  );
}
