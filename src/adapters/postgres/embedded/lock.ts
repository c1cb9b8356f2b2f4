import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A lock on a file that the kernel gives back when its holder dies, however it dies. Node has no flock; SQLite takes and
 * frees real file locks, between processes and inside one, so an empty SQLite file serves. Nothing is written.
 */
interface FileLock {
  /** Gives the lock back; a second call does nothing. */
  release(): void;
}

const SQLITE_BUSY = 5;
const POLL_MS = 25;

/** Takes the lock now, or answers undefined when somebody holds it in a way that excludes `mode`. */
export function tryLock(file: string, mode: 'shared' | 'exclusive'): FileLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // Without a journal file beside it, which a killed holder would leave behind.
    database.exec('pragma journal_mode = memory');
    if (mode === 'exclusive') database.exec('begin exclusive');
    // Only a read takes the shared lock: `begin` alone takes none.
    else database.exec('begin; select count(*) from sqlite_schema');
  } catch (err) {
    database.close();
    if (isBusy(err)) return undefined;
    throw err;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/**
 * Takes the exclusive lock as soon as it is free. Throws when that takes longer than `patienceMs`, or when `signal` is
 * aborted. With a `signal` the wait does not keep the process alive.
 */
export async function waitForLock(file: string, patienceMs: number, signal?: AbortSignal): Promise<FileLock> {
  const giveUp = performance.now() + patienceMs;
  while (true) {
    const lock = tryLock(file, 'exclusive');
    if (lock) return lock;
    if (performance.now() > giveUp) {
      throw new Error(
        `Another Signalbox process has been starting or stopping the embedded PostgreSQL for ${patienceMs / 1000} s ` +
          `(${file} is locked). Stop that process, or set DATABASE_URL to a PostgreSQL of your own.`,
      );
    }
    await sleep(POLL_MS, undefined, { signal, ref: signal === undefined });
  }
}

function isBusy(err: unknown): boolean {
  return (
    err instanceof Error &&
    'errcode' in err &&
    typeof err.errcode === 'number' &&
    (err.errcode & 0xff) === SQLITE_BUSY
  );
}
