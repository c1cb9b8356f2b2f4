import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { EvaluatedVersion } from '../../core/run.ts';
import { type Service, ServiceError } from './service.ts';

const triesWhenAnswered = 5;

/**
 * Puts the model of a run into `folder`, where it appears whole and as its digest says, or not at all. While Signalbox is away it goes on
 * trying. Throws only when aborted.
 */
export async function fetchModel(
  service: Pick<Service, 'model'>,
  { run, token }: { run: number; token: string },
  { output, sha256, bytes }: Pick<EvaluatedVersion, 'output' | 'sha256' | 'bytes'>,
  folder: string,
  signal: AbortSignal,
): Promise<{ ok: true; path: string } | { ok: false; message: string }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, basename(output));
  // Before a crash; it was compared then.
  if (existsSync(path)) return { ok: true, path };
  const draft = join(folder, '.draft');
  let answered = 0;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2_000)) {
    signal.throwIfAborted();
    try {
      const hash = createHash('sha256');
      let length = 0;
      const body = await service.model(run, token, signal);
      await pipeline(
        Readable.fromWeb(body),
        async function* (pieces: AsyncIterable<Uint8Array>) {
          for await (const piece of pieces) {
            hash.update(piece);
            length += piece.length;
            if (length > bytes) throw new Error(`it is longer than ${bytes} bytes.`);
            yield piece;
          }
        },
        createWriteStream(draft, { mode: 0o600 }),
        { signal },
      );
      const found = `sha256:${hash.digest('hex')}`;
      if (found !== sha256) throw new Error(`its content is ${found}, and ${sha256} was promised.`);
      await rename(draft, path);
      return { ok: true, path };
    } catch (err) {
      await rm(draft, { force: true });
      signal.throwIfAborted();
      const away = err instanceof ServiceError && err.outcome === 'away';
      const reason = err instanceof Error ? err.message.slice(0, 800) : 'an unknown error.';
      if (!away && ++answered >= triesWhenAnswered)
        return { ok: false, message: `The model could not be fetched: ${reason}` };
    }
    await pause(wait, undefined, { signal });
  }
}

/** Below those that systems give to whoever connects, so that none is taken in the moment between. */
const firstPort = 20_000;
const lastPort = 32_000;
const portTries = 100;

/** A port on 127.0.0.1 at which nobody listens now; null: none was found. `random`: from 0 to 1. */
export async function freePort(random: () => number): Promise<number | null> {
  for (let tries = 0; tries < portTries; tries++) {
    const port = firstPort + Math.floor(random() * (lastPort - firstPort));
    if (await isFree(port)) return port;
  }
  return null;
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
