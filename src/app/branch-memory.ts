import type { SourcePort } from '../core/ports.ts';

type Branches = Pick<SourcePort, 'isOnBranch'>;

const most = 1_000;
/** What is in no branch now may be merged into it. */
const noForMs = 10 * 60_000;

/**
 * The same answers, without asking Git for each edit of a message: once in a branch, a commit stays there; a no counts for some minutes, and
 * so does that its repository could not be asked.
 */
export function rememberedBranches({ isOnBranch }: Branches, clock: () => Date): Branches {
  const known = new Map<string, { answer: Promise<boolean>; until: number }>();
  return {
    isOnBranch(source, sha, branch) {
      const key = JSON.stringify([source, sha, branch]);
      const now = clock().getTime();
      const before = known.get(key);
      if (before && before.until > now) return before.answer;
      known.delete(key);
      const entry = { answer: isOnBranch(source, sha, branch), until: now + noForMs };
      known.set(key, entry);
      const [oldest] = known.keys();
      if (known.size > most && oldest !== undefined) known.delete(oldest);
      entry.answer.then(
        answer => {
          if (answer) entry.until = Number.POSITIVE_INFINITY;
        },
        () => {},
      );
      return entry.answer;
    },
  };
}
