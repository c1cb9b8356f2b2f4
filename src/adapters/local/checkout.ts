import { spawn } from 'node:child_process';
import { lchownSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readlink, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { hasCode } from './files.ts';
import { type Service, ServiceError } from './service.ts';

/** Tries where Signalbox answered, but with an error or half a source. */
const triesWhenAnswered = 5;
/** Two blocks of zeros end every archive (pax(1), ustar Interchange Format). */
const archiveEnd = Buffer.alloc(1_024);

export type Checkout = { ok: true; notes: string[] } | { ok: false; message: string };

/**
 * Puts the source of a run into `target`, which appears whole or not at all. While Signalbox is away it goes on trying; what Signalbox
 * refuses is a failure. `notes` name what was left out. Throws only when aborted.
 */
export async function checkOut(
  service: Service,
  run: number,
  token: string,
  target: string,
  signal: AbortSignal,
): Promise<Checkout> {
  let answered = 0;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2_000)) {
    signal.throwIfAborted();
    const draft = await mkdtemp(join(dirname(target), 'checkout-'));
    try {
      const body = await service.source(run, token, signal);
      await unpack(body, draft, signal);
      const notes = await leaveOutEscapes(draft);
      // The archive may have said otherwise of its own folder.
      await chmod(draft, 0o700);
      await rename(draft, target);
      return { ok: true, notes };
    } catch (err) {
      await rm(draft, { recursive: true, force: true });
      signal.throwIfAborted();
      const away = err instanceof ServiceError && err.outcome === 'away';
      if (!away && ++answered >= triesWhenAnswered)
        return { ok: false, message: `The source could not be fetched: ${reasonOf(err)}` };
    }
    await pause(wait, undefined, { signal });
  }
}

/** GNU tar and bsdtar refuse absolute names, `..` and writing through links when they unpack. */
async function unpack(body: ReadableStream<Uint8Array>, folder: string, signal: AbortSignal): Promise<void> {
  const options = ['-x', '--no-same-owner', '--no-same-permissions', '-C', folder, '-f', '-'];
  const tar = spawn('tar', options, { stdio: ['pipe', 'ignore', 'pipe'], signal });
  let complaint = '';
  tar.stderr.on('data', (bytes: Buffer) => {
    complaint = (complaint + bytes.toString('utf8')).slice(0, 300);
  });
  const ended = new Promise<number | null>((done, fail) => {
    tar.once('error', fail);
    tar.once('close', done);
  });
  let last = Buffer.alloc(0);
  async function* watched(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      last = Buffer.concat([last, chunk]).subarray(-archiveEnd.length);
      yield chunk;
    }
  }
  const feeding = pipeline(Readable.fromWeb(body), watched, tar.stdin);
  const [fed, code] = await Promise.allSettled([feeding, ended]);
  if (code.status === 'rejected') throw code.reason;
  // A tar that stops reading breaks the pipe: its own words say why.
  if (code.value !== 0)
    throw new Error(`tar could not unpack it (${complaint.trim().split('\n')[0] || `exit ${code.value}`}).`);
  // One that has seen the end of the archive may leave what fills up the last record.
  if (fed.status === 'rejected' && !hasCode(fed.reason, 'EPIPE'))
    throw new Error('it broke off.', { cause: fed.reason });
  // tar takes half an archive for a whole one where it breaks off between two files.
  if (fed.status === 'fulfilled' && !last.equals(archiveEnd)) throw new Error('it broke off.');
}

/** Takes out links that lead out of the folder and what is no file at all, and says so. */
async function leaveOutEscapes(folder: string): Promise<string[]> {
  const notes: string[] = [];
  const root = await realpath(folder);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const shown = path.slice(root.length + 1);
    if (entry.isSymbolicLink()) {
      const leadsTo = await readlink(path);
      // A link may lead through others; one that leads nowhere is judged by its words.
      const end = await realpath(path).catch(() => resolve(dirname(path), leadsTo));
      if (end === root || end.startsWith(root + sep)) continue;
      notes.push(`[signalbox] left out ${shown}: it is a link out of the folder, to ${leadsTo}`);
    } else notes.push(`[signalbox] left out ${shown}: it is no file`);
    await rm(path);
  }
  return notes.slice(0, 50);
}

/** Makes a folder for the command's own use; its owner is the user of the run. */
export async function makeOwnFolder(path: string, user: { uid: number; gid: number } | null): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user) lchownSync(path, user.uid, user.gid);
}

/** Gives a folder and all in it to a user; links themselves, never what they lead to. */
export async function giveAway(root: string, user: { uid: number; gid: number }): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true }))
    lchownSync(join(entry.parentPath, entry.name), user.uid, user.gid);
  lchownSync(root, user.uid, user.gid);
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function reasonOf(err: unknown): string {
  return err instanceof Error ? err.message.slice(0, 800) : 'an unknown error.';
}
