import { setTimeout as pause } from 'node:timers/promises';
import { isDeclared, mostOutputs, withoutFile } from '../../core/declared-files.ts';
import type { FileDigest, Log } from '../../core/ports.ts';
import { contentOf, digestFiles, FileRefused } from './digest-files.ts';
import { type Service, ServiceError } from './service.ts';

/** How often an answer may be an error before the outputs are given up. */
const triesWhenAnswered = 20;
const tooLarge = 413;

export interface OutputDelivery {
  run: number;
  attempt: number;
  patterns: readonly string[];
  /** The run's output folder. */
  folder: string;
  service: Service;
  log: Log;
  signal: AbortSignal;
}

/**
 * Brings the declared outputs of an attempt to Signalbox; begun again after a crash at any step it sends what is not there yet. Resolves
 * with why they are not all kept, or null. While Signalbox is away it goes on trying. Throws only when aborted.
 */
export async function deliverOutputs(delivery: OutputDelivery): Promise<string | null> {
  const { run, attempt, patterns, folder, signal, log } = delivery;
  const known = new Map<string, FileDigest>();
  const most = { files: mostOutputs, bytes: Number.MAX_SAFE_INTEGER };
  const wanted = (name: string) => isDeclared(patterns, name);
  let answered = 0;
  for (let wait = 200; ; wait = Math.min(wait * 2, 5_000)) {
    signal.throwIfAborted();
    try {
      // What has changed since the last try is digested anew.
      const files = await digestFiles(folder, { wanted, most, known, signal });
      if (files.length > 0) await send(files, delivery);
      const without = withoutFile(patterns, files);
      return without.length === 0
        ? null
        : `It left nothing in $SIGNALBOX_OUTPUT_DIR for the declared ${without.length === 1 ? 'output' : 'outputs'} ${without.join(', ')}.`;
    } catch (err) {
      signal.throwIfAborted();
      if (err instanceof FileRefused) return `Its outputs cannot be kept: ${err.message}`;
      const { outcome, status } = err instanceof ServiceError ? err : { outcome: 'broken', status: null };
      const message = err instanceof Error ? err.message : 'an unknown error.';
      if (outcome !== 'away' && (status === tooLarge || ++answered >= triesWhenAnswered)) {
        log.warn({ run, attempt, err }, 'the outputs of an attempt could not be kept');
        return `Its outputs could not be kept: ${message}`;
      }
      await pause(wait, undefined, { signal });
    }
  }
}

async function send(files: readonly FileDigest[], delivery: OutputDelivery): Promise<void> {
  const { run, attempt, folder, service, signal } = delivery;
  const missing = await service.outputs(run, attempt, files, signal);
  if (missing.length === 0) return;
  for (const sha256 of missing) {
    const file = files.find(one => one.sha256 === sha256);
    if (file) await service.content(run, attempt, file, contentOf(folder, file.name), signal);
  }
  const left = await service.outputs(run, attempt, files, signal);
  if (left.length > 0) throw new ServiceError('Signalbox does not have what was sent.', 'broken', 200);
}
