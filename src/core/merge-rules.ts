import { matchesGlob } from './glob.ts';
import type { MergeTrigger, RepositoryFile, Rule } from './repository-file.ts';

/** What came to a branch. */
export interface Merge {
  branch: string;
  /** The files that it touches; null: that cannot be known, and may be any. */
  paths: readonly string[] | null;
  /** Those of the pull request; null: there is none. */
  labels: readonly string[] | null;
}

/** The rules that something merged or pushed can set off, with what sets them off. */
export function mergeRules({ rules }: Pick<RepositoryFile, 'rules'>): [string, Rule, MergeTrigger][] {
  return Object.entries(rules).flatMap(([name, rule]): [string, Rule, MergeTrigger][] =>
    rule.on.merge ? [[name, rule, rule.on.merge]] : [],
  );
}

/** Whether a rule is for what came to a branch: its branch, one of its paths and one of its labels fit. */
export function isMergeFor(rule: MergeTrigger, { branch, paths, labels }: Merge): boolean {
  if (!isBranchFor(rule, branch)) return false;
  if (rule.paths && paths && !paths.some(path => rule.paths?.some(glob => matchesGlob(glob, path))))
    return false;
  const wanted = rule.labels?.map(label => label.toLowerCase());
  return !wanted || (labels ?? []).some(label => wanted.includes(label.toLowerCase()));
}

export function isBranchFor({ branches }: Pick<MergeTrigger, 'branches'>, branch: string): boolean {
  return branches.some(glob => matchesGlob(glob, branch));
}

/** Of one merge, a rule makes one run: whichever deliveries tell of it, in whatever order, all of them name this commit. */
export function mergeKey(repo: number, rule: string, sha: string): string {
  return `github:${repo}:merge:${sha}:${rule}`;
}

/** Branches that GitHub makes for itself while a merge queue tries what would come of it. */
export function isQueueBranch(branch: string): boolean {
  return branch.startsWith('gh-readonly-queue/');
}
