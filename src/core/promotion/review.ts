/** A review of a pull request, as GitHub tells of it. */
export interface PullReview {
  id: number;
  /** `withdraw`: it was dismissed. */
  says: 'approve' | 'reject' | 'withdraw';
  /** Its words, in one line; may be empty. */
  body: string;
  /** The commit that was looked at; null: it is not known any more. */
  commit: string | null;
  /** When it was sent, by GitHub's clock, in whole seconds. */
  at: Date;
  /** The pull request as it was then. */
  head: string;
  /** The commit by which it came into its base branch; null: it had not. */
  merged: string | null;
}

/** What an answer to a promotion rests on, where a review gives it. */
export interface ByReview {
  id: number;
  /** The commits whose code was looked at. */
  commits: readonly string[];
  /** Digest of the evidence that the promotion's message showed there at that time; null: it showed none. */
  shown: string | null;
  /** Other promotions that wait there, and that may be meant as well. */
  others: readonly string[];
}

/** The commit itself; and where that is the head of what was merged, what came of it. */
export function reviewedCommits({ commit, head, merged }: PullReview): string[] {
  if (commit === null) return [];
  return merged !== null && commit === head ? [commit, merged] : [commit];
}
