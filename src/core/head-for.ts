/** A push to the head of a pull request, as a delivery told it. `at` is GitHub's clock. */
export interface HeadPush {
  at: Date;
  /** What the head was before; null: the pull request was opened with it. */
  before: string | null;
  after: string;
  /** Whether it left out what was there before; null: nobody said. */
  forced: boolean | null;
  /** Nobody told of it: Signalbox looked, and this was the head at that time. It was pushed then or before; `before` is null. */
  sight?: boolean;
}

/** Why it cannot be said which commit somebody saw, as a closed set. */
export const headDoubts = ['unseen', 'gap', 'close', 'forced'] as const;
export type HeadDoubt = (typeof headDoubts)[number];

/** `confirm`: the commit that is the head now, for the one who asked to look at and say. */
export type HeadDecision = { ok: true; sha: string } | { ok: false; why: HeadDoubt; confirm: string };

/**
 * A push so long before a comment may not have been on the screen of whoever wrote it, and one so long after may have been made before it
 * was sent: times are whole seconds of two machines.
 */
const marginMs = 60_000;
/** What is told of its opening may be this much later than it was. */
const openingMs = 5_000;

/**
 * The head that somebody saw who commented: a comment carries no commit, and the dates in commits are whatever their author wants. It is
 * told by the pushes that were seen, `head` being what GitHub says it is now and `openedAt` when the pull request was opened first; null:
 * that is not known. Where they leave a doubt, nobody guesses.
 */
export function headFor(
  head: string,
  commentAt: Date,
  pushes: readonly HeadPush[],
  openedAt: Date | null = null,
): HeadDecision {
  const doubt = (why: HeadDoubt): HeadDecision => ({ ok: false, why, confirm: head });
  const chain = inOrder(pushes);
  const after = chain.filter(push => push.at > commentAt);
  const seen = chain.findLast(push => push.at <= commentAt);
  if (!seen) return doubt('unseen');
  if (chain.some(push => !isOpening(push, openedAt) && isWithin(marginMs, push.at, commentAt)))
    return doubt('close');
  if (after.some(push => push.forced)) return doubt('forced');
  // From what was there then, push by push, to what is there now: none was missed.
  let now = seen.after;
  for (const push of after) {
    if (push.before !== now) return doubt('gap');
    now = push.after;
  }
  return now === head ? { ok: true, sha: seen.after } : doubt('gap');
}

/** Before it there was nothing that somebody could have seen instead. */
function isOpening({ before, at, sight = false }: HeadPush, openedAt: Date | null): boolean {
  return before === null && !sight && openedAt !== null && isWithin(openingMs, at, openedAt);
}

function isWithin(ms: number, one: Date, other: Date): boolean {
  return Math.abs(one.getTime() - other.getTime()) <= ms;
}

/** By time, each once: two deliveries tell of one push, at times that may differ. Of two in one second, the one that leads to the other is first. */
function inOrder(pushes: readonly HeadPush[]): HeadPush[] {
  const known: HeadPush[] = [];
  for (const push of pushes.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
    const other = known.findIndex(
      ({ before, after, at, sight = false }) =>
        before === push.before &&
        after === push.after &&
        sight === (push.sight ?? false) &&
        push.at.getTime() - at.getTime() <= marginMs,
    );
    const first = known[other];
    if (first) known[other] = { ...first, forced: first.forced ?? push.forced };
    else known.push(push);
  }
  known.sort(
    (a, b) => a.at.getTime() - b.at.getTime() || Number(a.before === b.after) - Number(b.before === a.after),
  );
  // That a head was still there says nothing of a push.
  return known.filter((push, i) => !push.sight || push.after !== known[i - 1]?.after);
}

/**
 * What to make of a head that was found by looking, `known` being the last that is known of it. `new`: it was pushed, and nobody told. `unsure`:
 * what is known came so shortly before that GitHub may have shown what was there until then.
 */
export function sightOf(
  head: string,
  at: Date,
  known: Pick<HeadPush, 'after' | 'at'> | null,
): 'known' | 'new' | 'unsure' {
  if (known?.after === head) return 'known';
  return known && at.getTime() - known.at.getTime() <= marginMs ? 'unsure' : 'new';
}

/** What `train approve` was given: a run's number, or the commit of a pull request. */
export type Approved =
  | { kind: 'run'; run: number }
  | { kind: 'commit'; sha: string }
  /** `short`: fewer than 7 digits of a commit. `either`: a number that may be a commit too. `neither`: none of both. */
  | { kind: 'refused'; why: 'short' | 'either' | 'neither' };

/** `42` and `#42` are runs, 7 to 40 hexadecimal digits are a commit. What could be both is refused; with `#` or all 40 digits it is clear. */
export function readApproved(word: string): Approved {
  const marked = /^#([1-9]\d{0,8})$/.exec(word);
  if (marked) return { kind: 'run', run: Number(marked[1]) };
  if (!/^[\da-f]{1,40}$/i.test(word)) return { kind: 'refused', why: 'neither' };
  if (word.length === 40) return { kind: 'commit', sha: word.toLowerCase() };
  if (/^\d+$/.test(word)) {
    if (word.length >= 7) return { kind: 'refused', why: 'either' };
    return /^[1-9]/.test(word) ? { kind: 'run', run: Number(word) } : { kind: 'refused', why: 'neither' };
  }
  if (word.length < 7) return { kind: 'refused', why: 'short' };
  return { kind: 'commit', sha: word.toLowerCase() };
}

/** The commit that is meant, and whether it may be approved: only what is the head now. `several`: more than one begins so. */
export function commitToApprove(
  said: string,
  head: string,
  pushes: readonly Pick<HeadPush, 'after'>[],
): { ok: true; sha: string } | { ok: false; why: 'several' | 'not-head' } {
  const fitting = new Set([head, ...pushes.map(push => push.after)].filter(sha => sha.startsWith(said)));
  if (fitting.size > 1) return { ok: false, why: 'several' };
  return fitting.has(head) ? { ok: true, sha: head } : { ok: false, why: 'not-head' };
}

/** Somebody with write said that this commit of a fork may run. */
export interface CommitApproval {
  sha: string;
  at: Date;
}

/** Whether what is the head now may run: somebody approved it, and nothing was pushed since, not even away from it and back. */
export function isApproved(
  head: string,
  approvals: readonly CommitApproval[],
  pushes: readonly Pick<HeadPush, 'at' | 'after' | 'sight'>[],
): boolean {
  return approvals.some(one => one.sha === head && !isPushedSince(one.at, head, pushes));
}

/** Whether something was pushed at that time or later, when `sha` was the head. That the same was still seen there is none. */
export function isPushedSince(
  at: Date,
  sha: string,
  pushes: readonly Pick<HeadPush, 'at' | 'after' | 'sight'>[],
): boolean {
  return pushes.some(push => push.at >= at && !(push.sight && push.after === sha));
}
