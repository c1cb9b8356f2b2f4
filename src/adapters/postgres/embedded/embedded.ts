import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { errorCode } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { ensureCluster, type Folder, openFolder } from './folder.ts';
import { tryLock, waitForLock } from './lock.ts';
import {
  clearRemains,
  findPostmaster,
  isRunning,
  type Launched,
  launch,
  readPid,
  rotateLog,
  stopPostmaster,
} from './postmaster.ts';

export interface EmbeddedPostgres {
  /** Connection string over the unix socket, database `signalbox`. The same for as long as the data folder stays in its place. */
  url: string;
  /** 'started': this call started the server; 'adopted': a server that already ran on this folder was found and is used. */
  how: 'started' | 'adopted';
  /** pid of the server (the postmaster). Changes when it had to be restarted. */
  pid(): number;
  /**
   * Stops the server (fast shutdown) when no other process uses it, else leaves it to them: the last one out turns off the light.
   * A process that was killed counts as out. May be called again.
   */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** The data folder of Signalbox, e.g. `.signalbox`; everything lies in its `postgres/`. */
  dataDir: string;
  log: (message: string, fields?: Record<string, unknown>) => void;
  /** PostgreSQL settings over the defaults. They count for the call that starts the server. */
  settings?: Record<string, string>;
}

interface Context {
  folder: Folder;
  binaries: Binaries;
  options: EmbeddedOptions;
}

type Answer = 'up' | 'starting' | 'down';

// A recovery after a crash may take minutes.
const PATIENCE_MS = 600_000;
const SILENCE_MS = 60_000;
const LEFTOVERS_MS = 20_000;
const CONNECT_MS = 5_000;
const GOODBYES_MS = 1_000;
const WATCH_MS = 200;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5_000;
const STEADY_MS = 60_000;

/**
 * Starts the private PostgreSQL of a data folder, or finds the one that runs there, and keeps it running until `stop()`: should
 * it disappear, it is started again under the same `url`. It outlives a killed process, and the next start adopts it.
 *
 * Throws, saying what to do, when it cannot run here: no binary for this platform, a folder of another user or version, no room.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const folder = openFolder(options.dataDir);
  const binaries = await findBinaries(folder.accounts);
  const context = { folder, binaries, options };

  const starting = await waitForLock(folder.startLock, PATIENCE_MS);
  try {
    const cluster = await ensureCluster(folder, binaries);
    const server = await ensureServer(context);
    if (server.how === 'started')
      options.log('embedded PostgreSQL started', { pid: server.pid, data: folder.data, cluster });
    // Free for sharing: it is taken alone only by a stop, which holds the start lock.
    const use = tryLock(folder.useLock, 'shared');
    const watch = new AbortController();
    const state = { pid: server.pid };
    const watching = keepRunning(context, state, watch.signal).catch(err =>
      options.log('embedded PostgreSQL is no longer watched', { err }),
    );
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      watch.abort();
      await watching;
      // The folder was removed under the server: nobody else can find it any more.
      if (!existsSync(folder.startLock)) return await stopPostmaster(folder, state.pid);
      const stopping = await waitForLock(folder.startLock, PATIENCE_MS);
      try {
        use?.release();
        const alone = tryLock(folder.useLock, 'exclusive');
        if (!alone) return;
        try {
          await goodbyes(folder);
          await stopPostmaster(folder, findPostmaster(folder));
        } finally {
          alone.release();
        }
      } finally {
        stopping.release();
      }
    };
    return {
      url: urlOf(folder, 'signalbox'),
      how: server.how,
      pid: () => state.pid,
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } finally {
    starting.release();
  }
}

/** Restarts the server when it is gone, until `signal`; it keeps no process alive. */
async function keepRunning(context: Context, state: { pid: number }, signal: AbortSignal): Promise<void> {
  const { folder, options } = context;
  let delay = RESTART_MIN_MS;
  let restartedAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    await pause(WATCH_MS, signal);
    if (signal.aborted) return;
    if (isRunning(state.pid, folder)) {
      if (performance.now() - restartedAt > STEADY_MS) delay = RESTART_MIN_MS;
      rotateLog(folder);
      continue;
    }
    try {
      const lock = await waitForLock(folder.startLock, PATIENCE_MS, signal);
      try {
        const server = await ensureServer(context, signal);
        if (server.how === 'started')
          options.log('embedded PostgreSQL was gone and is started again', {
            was: state.pid,
            pid: server.pid,
          });
        state.pid = server.pid;
      } finally {
        lock.release();
      }
    } catch (err) {
      if (signal.aborted) return;
      options.log('embedded PostgreSQL is gone and does not start', { err, retryInMs: delay });
    }
    restartedAt = performance.now();
    await pause(delay, signal);
    delay = Math.min(delay * 2, RESTART_MAX_MS);
  }
}

/** Finds the server or starts it, and waits until it answers. Call it with the start lock held. */
async function ensureServer(
  context: Context,
  signal?: AbortSignal,
): Promise<{ pid: number; how: EmbeddedPostgres['how'] }> {
  const { folder, binaries, options } = context;
  const giveUp = performance.now() + LEFTOVERS_MS;
  for (let delay = RESTART_MIN_MS; ; delay *= 2) {
    // The socket is asked too: in another container with the same folder, the server's pid means nothing here.
    if (findPostmaster(folder) !== undefined || (await ask(folder)) !== 'down') {
      if (await becomesReady(folder, () => findPostmaster(folder) === undefined, signal)) {
        return { pid: readPid(folder) ?? -1, how: 'adopted' };
      }
    }
    clearRemains(folder);
    const launched = await launch(folder, binaries.postgres, options.settings ?? {});
    if (await becomesReady(folder, launched.ended, signal)) return { pid: launched.pid, how: 'started' };
    if (!isTemporary(launched) || performance.now() > giveUp) throw didNotStart(folder, launched);
    await pause(delay, signal);
  }
}

/** Waits until the server answers (true) or is over (false). Throws when it does neither. */
async function becomesReady(folder: Folder, isOver: () => boolean, signal?: AbortSignal): Promise<boolean> {
  let giveUp = performance.now() + SILENCE_MS;
  for (let delay = 10; ; delay = Math.min(delay * 1.5, 250)) {
    // Looked at before asking, so that an answer which comes just before the end is not lost.
    const over = isOver();
    const answer = await ask(folder);
    if (answer === 'up') return true;
    // Over and yet starting: somebody else's server, out of our sight.
    if (over && answer === 'down') return false;
    signal?.throwIfAborted();
    if (answer === 'starting') giveUp = performance.now() + PATIENCE_MS;
    if (performance.now() > giveUp) {
      throw new Error(
        `The embedded PostgreSQL runs but does not answer. Its log is ${folder.log}; DATABASE_URL names another.`,
      );
    }
    await pause(delay, signal);
  }
}

/** Connects once; makes the database when it is missing. Errors that waiting does not mend are thrown. */
async function ask(folder: Folder, database = 'signalbox'): Promise<Answer> {
  const client = new Client({
    connectionString: urlOf(folder, database),
    connectionTimeoutMillis: CONNECT_MS,
  });
  // Ends of a connection that nobody waits for come as events, and unheard ones would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(database === 'signalbox' ? 'select 1' : 'create database signalbox');
    return 'up';
  } catch (err) {
    switch (errorCode(err)) {
      case '3D000':
        return database === 'signalbox' ? await ask(folder, 'postgres') : 'down';
      case '42P04': // Another process made it first,
      case '23505': // or at the same moment.
      case '53300': // Every connection is taken: it runs.
        return 'up';
      case '57P03':
        return 'starting';
      case 'EACCES':
      case '28000':
        throw err;
      default:
        return 'down';
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Waits until the last connections are closed: a pool says that it is while they still are closing, and the end of the server would reach
 * them as an error that nobody hears.
 */
async function goodbyes(folder: Folder): Promise<void> {
  const client = new Client({
    connectionString: urlOf(folder, 'postgres'),
    connectionTimeoutMillis: GOODBYES_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const others = `select 1 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`;
    for (const giveUp = performance.now() + GOODBYES_MS; performance.now() < giveUp; await pause(10)) {
      if ((await client.query(others)).rowCount === 0) return;
    }
  } catch {
    // A server that does not answer has nobody to say goodbye to.
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** libpq and node-postgres both read this form. */
function urlOf(folder: Folder, database: string): string {
  return `postgresql://signalbox@/${database}?host=${encodeURIComponent(folder.socket)}`;
}

/** The children of a killed server need a moment to notice; until then they hold the data. */
function isTemporary(launched: Launched): boolean {
  return /shared memory block|lock file .* already exists|could not (bind|create)/.test(launched.logged());
}

function didNotStart(folder: Folder, launched: Launched): Error {
  return new Error(
    `The embedded PostgreSQL does not start: ${launched.logged().trim()}. Its log is ${folder.log}. Mend what it says, or set ` +
      'DATABASE_URL to a PostgreSQL of your own.',
  );
}

/** With a `signal` the pause keeps no process alive, and ends early when it is aborted. */
async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: signal === undefined }).catch(err => {
    if (!signal?.aborted) throw err;
  });
}
