import type { ArtifactStore, ContentExaminer } from '../../core/ports.ts';
import { checked } from './checked.ts';

/** Reads a content to its end, and keeps its first bytes. */
export function contentExaminer(artifacts: Pick<ArtifactStore, 'open'>): ContentExaminer {
  return async ({ sha256, bytes }, most) => {
    const found = await artifacts.open(sha256);
    if (!found) return null;
    const kept: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of checked(found.content, { sha256, bytes })) {
      if (size < most) kept.push(chunk.subarray(0, most - size));
      size += chunk.length;
    }
    return Buffer.concat(kept);
  };
}
