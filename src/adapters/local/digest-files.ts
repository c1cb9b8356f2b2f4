import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, opendir, readlink, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { isFileName } from '../../core/declared-files.ts';
import { cleanLine } from '../../core/format.ts';
import type { FileDigest } from '../../core/ports.ts';
import { hasCode } from './files.ts';

const pieceBytes = 1024 * 1024;
/** How often a file is read again that changed meanwhile. */
const reads = 3;

/** A file that cannot be digested, and why, in one sentence for people. */
export class FileRefused extends Error {}

export interface Look {
  /** Which files, by their names below the folder. */
  wanted(name: string): boolean;
  most: { files: number; bytes: number };
  /** What was digested before; a file that looks as it did then is not read again. */
  known?: Map<string, FileDigest>;
  signal: AbortSignal;
}

/**
 * The digests of all wanted files below a folder, by name. Links are followed as long as they stay inside. Throws `FileRefused` for a link
 * that leads out, what is no file, a name that cannot be kept, a file that goes on changing, and too much.
 */
export async function digestFiles(folder: string, look: Look): Promise<FileDigest[]> {
  const root = await realpath(folder);
  const names: string[] = [];
  for await (const name of namesIn(root, '')) {
    look.signal.throwIfAborted();
    if (look.wanted(name)) names.push(name);
    if (names.length > look.most.files)
      throw new FileRefused(`There are more than ${look.most.files} of them.`);
  }
  const found: FileDigest[] = [];
  let bytes = 0;
  for (const name of names) {
    const one = await digestOf(root, name, look);
    if (!one) continue;
    bytes += one.bytes;
    if (bytes > look.most.bytes)
      throw new FileRefused(`They hold more than ${Math.floor(look.most.bytes / 1024 ** 3)} GiB together.`);
    found.push(one);
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** All that is no folder; what is behind a link to a folder has names of its own. */
async function* namesIn(root: string, below: string): AsyncGenerator<string> {
  for await (const entry of await opendir(join(root, below))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* namesIn(root, name);
    else yield name;
  }
}

/** Null: it is a link to a folder. */
async function digestOf(root: string, name: string, { known, signal }: Look): Promise<FileDigest | null> {
  if (!isFileName(name)) throw new FileRefused(`The name of ${shown(name)} cannot be kept.`);
  for (let tries = 1; ; tries++) {
    const file = await openInside(root, name);
    if (!file) return null;
    try {
      const before = await looksOf(file);
      const key = `${before} ${name}`;
      const same = known?.get(key);
      if (same) return same;
      const { sha256, bytes } = await readWhole(file, signal);
      if (before === (await looksOf(file))) {
        const digest = { name, sha256, bytes };
        known?.set(key, digest);
        return digest;
      }
    } finally {
      await file.close();
    }
    if (tries === reads) throw new FileRefused(`${shown(name)} changes while it is read.`);
  }
}

async function looksOf(file: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** To the end that it has now: one that grows as fast as it is read has none. */
async function readWhole(file: FileHandle, signal: AbortSignal): Promise<{ sha256: string; bytes: number }> {
  const { size } = await file.stat();
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size + 1));
  let bytes = 0;
  while (bytes <= size) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(piece, 0, piece.length, bytes);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    bytes += bytesRead;
  }
  return { sha256: `sha256:${hash.digest('hex')}`, bytes };
}

/** The content of a file below a folder, in pieces. Throws `FileRefused`. */
export async function* contentOf(folder: string, name: string): AsyncGenerator<Uint8Array> {
  const file = await openInside(await realpath(folder), name);
  if (!file) throw new FileRefused(`${shown(name)} is no file.`);
  yield* file.createReadStream({ highWaterMark: pieceBytes });
}

/**
 * Whoever reads here may be root, and whoever wrote the folder is not: what a link leads to is opened by its true name, and what was opened
 * is held against the folder again.
 */
async function openInside(root: string, name: string): Promise<FileHandle | null> {
  const isInside = (path: string) => path.startsWith(root + sep);
  const leadsOut = () => new FileRefused(`${shown(name)} is a link that leads out of its folder.`);
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let file: FileHandle;
  try {
    const path = await realpath(join(root, name));
    if (!isInside(path)) throw leadsOut();
    // A pipe that nobody writes to must not hold anybody.
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (err) {
    if (hasCode(err, 'ENOENT') || hasCode(err, 'ELOOP'))
      throw new FileRefused(`${shown(name)} leads nowhere.`);
    if (hasCode(err, 'ENXIO')) throw new FileRefused(`${shown(name)} is no file.`);
    if (hasCode(err, 'EACCES')) throw new FileRefused(`${shown(name)} may not be read.`);
    throw err;
  }
  try {
    if (process.platform === 'linux' && !isInside(await readlink(`/proc/self/fd/${file.fd}`)))
      throw leadsOut();
    const about = await file.stat();
    if (about.isFile()) return file;
    if (!about.isDirectory()) throw new FileRefused(`${shown(name)} is no file.`);
  } catch (err) {
    await file.close();
    throw err;
  }
  await file.close();
  return null;
}

function shown(name: string): string {
  return cleanLine(name, 100);
}
