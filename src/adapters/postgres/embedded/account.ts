import { spawn } from 'node:child_process';
import { lchownSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A user and group id to run as. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * Who the server is: `server` runs it and owns its files, `init` creates them, since initdb (unlike the server) insists on
 * a name for its uid. Undefined when this process is no superuser: then it runs the server as itself.
 */
export interface ServerAccounts {
  server: Account;
  init: Account;
}

// Outside of the ranges for people, packages and systemd's dynamic users, and below 65536, so that it exists in a container
// with its own user namespace too (https://systemd.io/UIDS-GIDS).
const PRIVATE_UID = 60_717;

/**
 * Chooses the accounts. PostgreSQL refuses to run as root, so root needs another uid: the one that already owns the folder, else a
 * `postgres` user, else a uid of its own that no account has. Throws when the machine has no account but root.
 */
export function chooseAccounts(
  owner: Account | undefined,
  passwd = readPasswd(),
): ServerAccounts | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const taken = new Set([...passwd.values()].map(account => account.uid));
  const server = owner && owner.uid !== 0 ? owner : passwd.get('postgres');
  if (server && taken.has(server.uid)) return { server, init: server };
  const named = passwd.get('nobody') ?? [...passwd.values()].find(account => account.uid > 0);
  if (!named) {
    throw new Error(
      'PostgreSQL refuses to run as root, and this machine has no other account to create its data with. Start Signalbox ' +
        'as another user, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  if (server) return { server, init: named };
  let uid = PRIVATE_UID;
  while (taken.has(uid)) uid += 1;
  return { server: { uid, gid: uid }, init: named };
}

/** Accounts by name, from a file in the format of passwd(5); empty when there is none. */
export function readPasswd(file = '/etc/passwd'): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of readTextIfThere(file)?.split('\n') ?? []) {
    const [name, , uid, gid] = line.split(':');
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) continue;
    accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

/** Gives a folder and everything in it to `account`, following no links. */
export function chownTree(folder: string, account: Account): void {
  lchownSync(folder, account.uid, account.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const child = path.join(folder, entry.name);
    if (entry.isDirectory()) chownTree(child, account);
    else lchownSync(child, account.uid, account.gid);
  }
}

/** The content of a text file, or undefined when it does not exist. */
export function readTextIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (err) {
    if (errorCode(err) === 'ENOENT') return undefined;
    throw err;
  }
}

/** The `code` of a system or database error. */
export function errorCode(err: unknown): string | undefined {
  return err instanceof Error && 'code' in err && typeof err.code === 'string' ? err.code : undefined;
}

/**
 * The environment of the server and its tools: none of ours, so that a PGDATA, PGPORT or PGOPTIONS, or a secret, of this
 * process never reaches them.
 */
export const cleanEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Runs a program to its end as `account` (undefined: as this process). Answers its exit status and what it printed. */
export function runAs(
  account: Account | undefined,
  file: string,
  args: string[],
  folder?: number,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...account,
      cwd: '/',
      env: cleanEnvironment,
      stdio: ['ignore', 'pipe', 'pipe', folder ?? 'ignore'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', status => resolve({ status: status ?? -1, output }));
  });
}
