import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** A holder that lives touches its lock; one that was not touched for so long belongs to nobody. */
const staleMs = 6_000;
const touchMs = 1_000;
const patienceMs = 150_000;

/** Runs `work` while no other process does under the same lock file. Throws when others hold it for more than two minutes. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mine = `${process.pid}.${process.hrtime.bigint()}`;
  const giveUpAt = performance.now() + patienceMs;
  while (!(await taken(path, mine))) {
    if (performance.now() > giveUpAt) throw new Error(`${path} is held by another process`);
    await pause(50 + Math.floor(Number(process.hrtime.bigint() % 50n)));
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, touchMs);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true });
  }
}

async function taken(path: string, mine: string): Promise<boolean> {
  try {
    await writeFile(path, mine, { flag: 'wx' });
    return true;
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EEXIST')) throw err;
  }
  const touched = await stat(path).then(
    found => found.mtimeMs,
    () => Date.now(),
  );
  if (Date.now() - touched > staleMs) await rm(path, { force: true });
  return false;
}
