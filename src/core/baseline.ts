import { isEnd, isTraining, type Run } from './run.ts';

/**
 * What a run is to be held against: the newest that succeeded on a branch, the one of its project before, or the one that made what serves in
 * production.
 */
export type BaselineWish = HistoryWish | { kind: 'production' };
export type HistoryWish = { kind: 'base'; branch: string } | { kind: 'previous' };

type Pull = { repo: number; number: number };

/**
 * A run of a pull request is held against the branch that one goes to, and what came to a branch against that branch, unless the project
 * says otherwise; so too where nothing serves in production yet. Null: it trains nothing, and is held against nothing.
 */
export function baselineWish(run: Pick<Run, 'spec'>): HistoryWish | null {
  if (!isTraining(run)) return null;
  const { trigger, compare, pull, ref } = run.spec;
  const branch = trigger === 'pull-request' ? pull?.base : trigger === 'merge' ? ref : undefined;
  if (branch === undefined || compare === 'previous') return { kind: 'previous' };
  return { kind: 'base', branch };
}

/** Which runs are looked at, the newest first: what ended after the run did is none to hold it against. */
export interface BaselineFilter {
  project: string;
  /** Not this one; of `previous` none after it either. */
  run: number;
  /** Null: it has not ended. */
  endedBy: Date | null;
  onlyBefore: boolean;
  /** The pull request whose runs count too; null: no run of a pull request does. */
  pull: Pull | null;
}

export function baselineFilter(run: Run, wish: HistoryWish): BaselineFilter {
  const isPrevious = wish.kind === 'previous';
  return {
    project: run.spec.project,
    run: run.number,
    endedBy: isEnd(run.state) ? run.endedAt : null,
    onlyBefore: isPrevious,
    pull: isPrevious ? pullOf(run) : null,
  };
}

/**
 * Whether a run may be the one that another is held against. `ask`: only if its commit is one of that branch, for it was asked for by
 * another name. A run of a pull request counts for other runs of the same one alone: elsewhere nobody has agreed to it yet.
 */
export function mayBeBaseline(run: Run, wish: HistoryWish, other: Run): 'yes' | 'no' | 'ask' {
  const filter = baselineFilter(run, wish);
  // What one member of a sweep came to says more of its parameters than of the code.
  if (other.spec.sweep) return 'no';
  if (other.number === filter.run || !isTraining(other) || other.state !== 'succeeded') return 'no';
  if (other.spec.project !== filter.project || (filter.onlyBefore && other.number > filter.run)) return 'no';
  if (filter.endedBy && other.endedAt && other.endedAt > filter.endedBy) return 'no';
  if (isOfPull(other)) {
    const [own, of] = [filter.pull, pullOf(other)];
    return own && of && own.repo === of.repo && own.number === of.number ? 'yes' : 'no';
  }
  if (wish.kind === 'previous') return 'yes';
  // What a rule started says by what branch it came; what somebody asked for by its name is that branch's tip.
  if (other.spec.ref === wish.branch) return 'yes';
  return other.spec.trigger === 'merge' || other.spec.sha.startsWith('sha256:') ? 'no' : 'ask';
}

/** `on main`, where the branch is known. */
export function whereOf(wish: BaselineWish, { spec }: Pick<Run, 'spec'>): string {
  if (wish.kind === 'base') return ` on ${wish.branch}`;
  if (wish.kind === 'production') return ' in production';
  return spec.trigger === 'pull-request' || spec.ref === 'HEAD' || spec.sha.startsWith(spec.ref)
    ? ''
    : ` on ${spec.ref}`;
}

function isOfPull({ spec }: Pick<Run, 'spec'>): boolean {
  return spec.trigger === 'pull-request';
}

/** Runs from before this was kept say it by the place where they were asked for. */
function pullOf(run: Pick<Run, 'spec' | 'place'>): Pull | null {
  const { spec, place } = run;
  if (!isOfPull(run)) return null;
  if (spec.pull) return { repo: spec.pull.repo, number: spec.pull.number };
  return place.kind === 'github' && place.pull ? { repo: place.repo, number: place.issue } : null;
}
