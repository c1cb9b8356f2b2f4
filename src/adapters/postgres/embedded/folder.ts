import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
} from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Account,
  chooseAccounts,
  chownTree,
  errorCode,
  readTextIfThere,
  runAs,
  type ServerAccounts,
} from './account.ts';
import type { Binaries } from './binaries.ts';

/** Where everything of one embedded PostgreSQL lies, as absolute paths. */
export interface Folder {
  /** `<dataDir>/postgres`, ours; holds the rest. */
  base: string;
  /** The cluster, the server's own. */
  data: string;
  /** The folder of the socket, 0700 and the server's own: whoever reaches it is let in. */
  socket: string;
  log: string;
  /** Held while somebody starts or stops the server. */
  startLock: string;
  /** Held, shared, by every process that uses the server. */
  useLock: string;
  /** Names this cluster in the command line of its server. */
  mark: string;
  accounts: ServerAccounts | undefined;
}

/** The names under which the server itself finds its folders, and the descriptor that must be open as its number 3, if any. */
interface ServerView {
  data: string;
  socket: string;
  descriptor: number | undefined;
  close(): void;
}

export const SOCKET_NAME = '.s.PGSQL.5432';
// sun_path with its closing zero: unix(7) on Linux, 104 on macOS.
const SOCKET_PATH_LIMIT = process.platform === 'linux' ? 107 : 103;
const DESCRIPTOR_BASE = '/proc/self/fd/3';

/** Makes the folders, as far as they are missing, and chooses the accounts. Throws when they belong to somebody else. */
export function openFolder(dataDir: string): Folder {
  mkdirSync(dataDir, { recursive: true });
  const base = path.join(realpathSync(dataDir), 'postgres');
  const made = mkdirSync(base, { recursive: true }) !== undefined;
  const data = path.join(base, 'data');
  const own = process.getuid?.() ?? 0;
  const baseOwner = ownedBy(own, base);
  const dataOwner = ownedBy(own, data);
  // The server must pass through, and needs no more than that.
  if (made || own === 0) chmodSync(base, own === 0 ? 0o711 : 0o700);
  const mark = `signalbox-${createHash('sha256').update(base).digest('hex').slice(0, 12)}`;
  const accounts = chooseAccounts(dataOwner ?? baseOwner);
  const files = {
    log: path.join(base, 'postgres.log'),
    startLock: path.join(base, 'start.lock'),
    useLock: path.join(base, 'use.lock'),
  };
  for (const file of Object.values(files)) makeFile(file, own === 0 ? baseOwner : undefined);
  return {
    ...files,
    base,
    data,
    socket: makeSocketFolder(base, mark, accounts?.server),
    mark,
    accounts,
  };
}

/** Given to the folder's owner, so that root may start Signalbox once without locking its user out. */
function makeFile(file: string, owner: Account | undefined): void {
  const { O_CREAT, O_RDWR, O_NOFOLLOW } = constants;
  const descriptor = openSync(file, O_CREAT | O_RDWR | O_NOFOLLOW, 0o600);
  if (owner) fchownSync(descriptor, owner.uid, owner.gid);
  closeSync(descriptor);
}

/** The owner of `folder`. Throws when that is somebody other than `own`, and `own` is not root. */
function ownedBy(own: number, folder: string): Account | undefined {
  const owner = ownerOf(folder);
  if (own === 0 || !owner || owner.uid === own) return owner;
  throw new Error(
    `${folder} belongs to user ${owner.uid}, and this process is user ${own}. Start Signalbox as that user or as root, or set ` +
      'SIGNALBOX_DATA to another folder, or DATABASE_URL to a PostgreSQL of your own.',
  );
}

function ownerOf(folder: string): Account | undefined {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat && { uid: stat.uid, gid: stat.gid };
}

function makeSocketFolder(base: string, mark: string, account: Account | undefined): string {
  let folder = path.join(base, 'run');
  if (Buffer.byteLength(path.join(folder, SOCKET_NAME)) > SOCKET_PATH_LIMIT) {
    // Not TMPDIR first: every process that uses this data must come to the same place, whatever its session is.
    folder = path.join(lstatSync('/tmp', { throwIfNoEntry: false }) ? '/tmp' : tmpdir(), mark);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  const owners = [process.getuid?.(), account?.uid];
  if (!stat.isDirectory() || !owners.includes(stat.uid)) {
    throw new Error(
      `${folder} belongs to somebody else. Remove it, or set SIGNALBOX_DATA to a folder with a shorter path.`,
    );
  }
  if ((stat.mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
  if (account) giveTo(folder, account);
  return folder;
}

function giveTo(folder: string, account: Account): void {
  try {
    chownSync(folder, account.uid, account.gid);
  } catch (err) {
    if (errorCode(err) !== 'EPERM' && errorCode(err) !== 'EINVAL') throw err;
    throw new Error(
      `PostgreSQL refuses to run as root, and this process may not give ${folder} to user ${account.uid}. Start Signalbox as ` +
        'another user, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: err },
    );
  }
}

/**
 * How `account` names the folders. When a parent is closed to it (`/root`), it gets a descriptor of ours instead of the path:
 * Linux lets a process go on from a folder that it holds open without asking about the parents again. So the data stays where it
 * was asked for. Close the view once the server runs.
 */
export async function viewOf(folder: Folder, account: Account | undefined): Promise<ServerView> {
  const direct = { data: folder.data, socket: folder.socket, descriptor: undefined, close: () => undefined };
  if (!account) return direct;
  const { status } = await runAs(account, '/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder.base]);
  if (status === 0) return direct;
  if (process.platform !== 'linux') {
    throw new Error(
      `PostgreSQL refuses to run as root, and user ${account.uid} cannot reach ${folder.base}. Set SIGNALBOX_DATA to a folder ` +
        'that others may pass through, or DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  const descriptor = openSync(folder.base, 'r');
  const rebase = (file: string) =>
    file.startsWith(`${folder.base}/`) ? path.join(DESCRIPTOR_BASE, path.relative(folder.base, file)) : file;
  return {
    data: rebase(folder.data),
    socket: rebase(folder.socket),
    descriptor,
    close: () => closeSync(descriptor),
  };
}

/**
 * Makes the cluster when there is none yet: in a folder beside it that is renamed when it is whole, so that an interrupted
 * attempt is never taken for a cluster. Call it with the start lock held. Throws when what is there cannot be used.
 */
export async function ensureCluster(folder: Folder, binaries: Binaries): Promise<'made' | 'present'> {
  const version = readTextIfThere(path.join(folder.data, 'PG_VERSION'))?.trim();
  if (version !== undefined) {
    if (Number(version) !== binaries.major) {
      throw new Error(
        `${folder.data} was made by PostgreSQL ${version}, and this Signalbox brings ${binaries.major}. Start the Signalbox that ` +
          'made it and dump the database, or set SIGNALBOX_DATA to another folder.',
      );
    }
    // Restored from a backup, for example; the server refuses a folder that others may look into.
    if ((lstatSync(folder.data).mode & 0o077) !== 0) chmodSync(folder.data, 0o700);
    if (folder.accounts && ownerOf(folder.data)?.uid === 0) chownTree(folder.data, folder.accounts.server);
    return 'present';
  }
  if (lstatSync(folder.data, { throwIfNoEntry: false }) && readdirSync(folder.data).length > 0) {
    throw new Error(
      `${folder.data} holds something that is not a PostgreSQL cluster. Move it away, or set SIGNALBOX_DATA.`,
    );
  }
  for (const left of readdirSync(folder.base).filter(name => name.startsWith('data.tmp'))) {
    await rm(path.join(folder.base, left), { recursive: true, force: true, maxRetries: 5 });
  }
  // A name of its own: the initdb of a killed predecessor may still be at work in the other.
  const scratch = `${folder.data}.tmp-${randomBytes(4).toString('hex')}`;
  mkdirSync(scratch, { mode: 0o700 });
  if (folder.accounts) giveTo(scratch, folder.accounts.init);
  await runInitdb({ ...folder, data: scratch }, binaries);
  if (folder.accounts && folder.accounts.server.uid !== folder.accounts.init.uid)
    chownTree(scratch, folder.accounts.server);
  await rename(scratch, folder.data);
  syncFolder(folder.base);
  return 'made';
}

async function runInitdb(folder: Folder, binaries: Binaries): Promise<void> {
  const view = await viewOf(folder, folder.accounts?.init);
  try {
    const args = [
      '-D',
      view.data,
      '--username=signalbox',
      '--encoding=UTF8',
      '--data-checksums',
      '--no-instructions',
    ];
    // The same order and case rules on every machine, whatever locales it has.
    args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
    // Who reaches the socket's folder is let in; nobody comes over TCP, not even if somebody turned it on.
    args.push('--auth-local=trust', '--auth-host=reject');
    const { status, output } = await runAs(folder.accounts?.init, binaries.initdb, args, view.descriptor);
    if (status === 0) return;
    if (output.includes('could not look up effective user ID')) {
      throw new Error(
        `PostgreSQL makes no data for a user without a name, and user ${process.getuid?.()} has none. Add a line for it to ` +
          '/etc/passwd, start Signalbox as another user or as root, or set DATABASE_URL to a PostgreSQL of your own.',
      );
    }
    throw new Error(
      `The embedded PostgreSQL could not make its data folder (initdb ended with ${status}): ${output.trim().slice(-2000)}. Set ` +
        'SIGNALBOX_DATA to a folder on a local disk with room, or DATABASE_URL to a PostgreSQL of your own.',
    );
  } finally {
    view.close();
  }
}

/** A rename lasts through a power cut only when the folder itself is synced. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
