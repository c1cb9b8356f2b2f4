import { SignalboxError } from '../core/errors.ts';
import {
  type ArtifactStore,
  ContentMismatch,
  type FileDigest,
  type Log,
  type RecordStore,
} from '../core/ports.ts';

export interface ArtifactPorts {
  records: Pick<RecordStore, 'expect' | 'stored' | 'keep' | 'takeUnused' | 'removed'>;
  artifacts: ArtifactStore;
  /** Bytes that the outputs of one run may hold together. */
  mostBytes: number;
}

/** Questions to the store at a time. */
const atOnce = 8;
/** Contents that one look removes. */
const removedAtOnce = 200;

/**
 * Keeps the outputs of an attempt, all or none, and answers the contents that are to be sent first. May be asked again at any time. Throws
 * `OUTPUTS_TOO_LARGE`, `ARTIFACTS_UNAVAILABLE`.
 */
export async function keepOutputs(
  run: number,
  attempt: number,
  files: readonly FileDigest[],
  { records, artifacts, mostBytes }: ArtifactPorts,
): Promise<string[]> {
  tooLarge(
    run,
    files.reduce((sum, file) => sum + file.bytes, 0),
    mostBytes,
  );
  // 1. From here on the contents stay, until all of them are there.
  const missing = new Set(await records.expect(files));
  // 2. Whether the store still has what it had: somebody may have emptied it.
  const known = [...new Set(files.map(file => file.sha256))].filter(sha256 => !missing.has(sha256));
  for (let i = 0; i < known.length; i += atOnce) {
    const some = known.slice(i, i + atOnce);
    const there = await Promise.all(some.map(sha256 => artifacts.has(sha256)));
    for (const [j, sha256] of some.entries()) if (!there[j]) missing.add(sha256);
  }
  if (missing.size > 0) return [...missing];
  // 3. All at once.
  return await records.keep(run, attempt, files);
}

/** Puts one content into the store. Throws `CONTENT_REFUSED`, `OUTPUTS_TOO_LARGE`, `ARTIFACTS_UNAVAILABLE`. */
export async function takeContent(
  run: number,
  announced: { sha256: string; bytes: number },
  content: AsyncIterable<Uint8Array>,
  { records, artifacts, mostBytes }: ArtifactPorts,
): Promise<void> {
  tooLarge(run, announced.bytes, mostBytes);
  // Something may be left of it when this process is killed: known to the sweep before.
  await records.expect([{ name: '', ...announced }]);
  try {
    await artifacts.put(content, announced);
  } catch (err) {
    if (!(err instanceof ContentMismatch)) throw err;
    throw new SignalboxError('CONTENT_REFUSED', { reason: err.message }, { cause: err });
  }
  if (await records.stored(announced)) return;
  throw new SignalboxError('ARTIFACTS_UNAVAILABLE', {
    reason: 'The same content is being removed just now.',
  });
}

/** Removes content that nothing refers to. What fails is tried again an hour later. Answers how much went. */
export async function removeUnused(
  { records, artifacts }: Pick<ArtifactPorts, 'records' | 'artifacts'>,
  log: Log,
): Promise<number> {
  let gone = 0;
  for (const sha256 of await records.takeUnused(removedAtOnce)) {
    try {
      await artifacts.remove(sha256);
      await records.removed(sha256);
      gone++;
    } catch (err) {
      log.warn({ sha256, err }, 'content that nothing refers to could not be removed');
    }
  }
  return gone;
}

function tooLarge(run: number, bytes: number, mostBytes: number): void {
  if (bytes <= mostBytes) return;
  const limit = inMegabytes(mostBytes);
  throw new SignalboxError('OUTPUTS_TOO_LARGE', { run, word: inMegabytes(bytes), limit });
}

function inMegabytes(bytes: number): number {
  return Math.ceil(bytes / 1_000_000);
}
