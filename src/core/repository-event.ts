/** The repository that something happened in, and by which installation of the app it is told. */
export interface RepositoryRef {
  /** It survives that the repository is renamed. */
  id: number;
  /** `owner/repo`, as it is called now. */
  name: string;
  installation: number;
}

export interface PullRequest {
  number: number;
  /** Where it wants to go. */
  base: { branch: string; sha: string };
  /** What it brings. `repo`: null where that is gone. */
  head: { branch: string; sha: string; repo: number | null };
  /** Its labels, as they are written. */
  labels: string[];
  /** Login of whoever opened it. */
  author: string;
  /** Whether it was then; absent: nobody said. */
  isOpen?: boolean;
  /** When it was opened first; absent: nobody said. */
  openedAt?: Date;
  /** The commit by which it came into its base branch; null: it has not; absent: nobody said. */
  mergedAs?: string | null;
}

/** What happened in a repository, as one delivery tells it, or as it was found by looking. Times are GitHub's. */
export type RepositoryEvent = {
  repo: RepositoryRef;
  by: string;
  at: Date;
  /** Nobody told it: Signalbox looked. Of a proposal, `at` is when its head was seen. */
  looked?: true;
} & (
  | {
      type: 'proposed';
      pull: PullRequest;
      /** What its head was before; null: it was opened, or opened again. */
      before: string | null;
    }
  /** It goes to another branch than before: nothing was pushed. */
  | { type: 'retargeted'; pull: PullRequest }
  | {
      type: 'closed';
      pull: PullRequest;
      /** The commit by which it came into its base branch; null: it did not. */
      merged: string | null;
    }
  /** A merge queue asks for the checks of what would come to a branch. */
  | {
      type: 'grouped';
      sha: string;
      /** What the branch has now. */
      onto: string;
      branch: string;
    }
  | {
      type: 'pushed';
      branch: string;
      /** Whether it is the default branch; absent: that was not said. */
      isDefault?: boolean;
      /** Null: the branch is new. */
      before: string | null;
      after: string;
      forced: boolean;
    }
);
