import { githubSource } from '../core/github-source.ts';
import { sightOf } from '../core/head-for.ts';
import { isQueueBranch } from '../core/merge-rules.ts';
import type { BranchMove, Log, Look, LookStore, RepositoryLists, RepositoryStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { PullRequest, RepositoryEvent, RepositoryRef } from '../core/repository-event.ts';

export interface LookPorts {
  looks: LookStore;
  repositories: Pick<
    RepositoryStore,
    'seen' | 'find' | 'pushed' | 'heads' | 'arrival' | 'openRuns' | 'pullsWithRuns'
  >;
  lists: RepositoryLists;
  /** What a delivery would have done that tells the same. */
  changed(event: RepositoryEvent): Promise<void>;
  /** How long to wait after this error; null: it is none that waiting helps. */
  waitFor(err: unknown): number | null;
  log: Log;
}

/** GitHub's lists may lag behind, and two clocks differ. */
const overlapMs = 10 * 60_000;
/** What is older is no news to anybody, however long nobody looked. */
const farthestMs = 30 * 24 * 3_600_000;
/** Of one repository and one look, the newest. */
const mostMoves = 100;
const claimMs = 10 * 60_000;

/**
 * Looks at each repository of signalbox.yml for what nobody told: GitHub tells again for three days, and what it never logged not at all. What
 * is found has the effects that the deliveries would have had, once, whichever comes first. What was there before the first look starts
 * nothing. Any number of workers may do this; one of them looks at a repository at a time.
 */
export async function lookAround(
  policy: Pick<Policy, 'projects'>,
  ports: LookPorts,
  everyMs: number,
  now: Date,
): Promise<void> {
  for (const repository of await repositoriesOf(policy, ports)) {
    // 1. It is this worker's turn, or nobody's yet.
    const last = await ports.looks.begin(repository.id, everyMs, claimMs);
    if (!last) continue;
    try {
      await lookAt(repository, last, policy, ports, now);
    } catch (err) {
      const waitMs = ports.waitFor(err);
      ports.log.warn({ err, repo: repository.id, waitMs }, 'a repository is looked at later');
      await ports.looks.hold(repository.id, waitMs ?? 0);
    }
  }
}

async function lookAt(
  known: RepositoryRef,
  last: Look,
  policy: Pick<Policy, 'projects'>,
  ports: LookPorts,
  now: Date,
): Promise<void> {
  const { looks, repositories, lists, changed, log } = ports;

  // 2. What it is called now. One that is out of reach may nothing, and whoever took its name is another one.
  const repo = await lists.find(known);
  if (!repo || (await repositories.seen(repo, sourcesOf(policy))).length === 0) {
    log.warn({ repo: known.id, name: known.name }, 'a repository is out of reach');
    return await looks.hold(known.id, 0);
  }
  const tagOf = (list: string) => (last.isWhole ? null : (last.tags[list] ?? null));
  const { known: before } = last;
  const since = before
    ? new Date(
        Math.max(before.from.getTime(), before.until.getTime() - overlapMs, now.getTime() - farthestMs),
      )
    : now;

  // 3. What GitHub has.
  const moves = await lists.moves(repo, since, tagOf('moves'));
  const open = await lists.openPulls(repo, tagOf('open'));
  const merged = await lists.merged(repo, since, tagOf('merged'));
  if ([moves, open, merged].some(list => list.isCut))
    log.warn({ repo: repo.id }, 'too much happened in a repository to look at all of it');

  // 4. What was pushed where: first for those who comment, then for the rules.
  if (before) await tellMoves(repo, moves.items ?? [], open.items ?? [], ports);
  const isSure = await tellHeads(repo, open.items ?? [], open.at, ports);

  // 5. What pull requests brought that a push alone does not show.
  const merges = before ? (merged.items ?? []) : [];
  for (const { number, branch, sha } of merges.toReversed()) {
    if (sha === null || (await repositories.arrival(repo.id, branch, sha))?.pull === number) continue;
    const end = await lists.closed(repo, number);
    if (end) await changed({ type: 'closed', repo, looked: true, ...end });
  }

  // 6. Nobody waits any more for what was asked for on one that is closed.
  const isOpen = new Set(open.items?.map(pull => pull.number));
  const waiting = open.items === null ? [] : await repositories.pullsWithRuns(repo.id);
  for (const number of waiting.filter(one => !isOpen.has(one))) {
    const end = await lists.closed(repo, number);
    // What it brought was told above, or long ago.
    if (end) await changed({ type: 'closed', repo, looked: true, ...end, merged: null });
  }

  // 7. Up to here all is known.
  await looks.done(repo.id, {
    until: moves.at,
    isWhole: last.isWhole,
    tags: Object.fromEntries(
      Object.entries({ moves: moves.tag, open: isSure ? open.tag : null, merged: merged.tag }).flatMap(
        ([list, tag]) => (tag === null ? [] : [[list, tag]]),
      ),
    ),
  });
}

async function tellMoves(
  repo: RepositoryRef,
  moves: readonly BranchMove[],
  open: readonly PullRequest[],
  { repositories, changed, log }: LookPorts,
): Promise<void> {
  const heads = new Set(open.filter(pull => pull.head.repo === repo.id).map(pull => pull.head.branch));
  for (const { branch, before, after, forced, at } of moves)
    if (heads.has(branch))
      await repositories.pushed({ repo: repo.id, pull: null, branch, before, after, forced, at });
  const missed: BranchMove[] = [];
  for (const move of moves) {
    if (isQueueBranch(move.branch)) continue;
    const arrival = await repositories.arrival(repo.id, move.branch, move.after);
    if (!arrival?.settled) missed.push(move);
  }
  if (missed.length > mostMoves)
    log.warn(
      { repo: repo.id, pushes: missed.length },
      'too many pushes were missed; the older ones start nothing',
    );
  for (const move of missed.slice(0, mostMoves).toReversed())
    await changed({ type: 'pushed', repo, looked: true, ...move });
}

/** `false`: of one it could not be said yet. */
async function tellHeads(
  repo: RepositoryRef,
  open: readonly PullRequest[],
  at: Date,
  { repositories, changed }: LookPorts,
): Promise<boolean> {
  const known = open.length > 0 ? await repositories.heads(repo.id) : [];
  let isSure = true;
  for (const pull of open) {
    const { number, head } = pull;
    const branch = head.repo === repo.id ? head.branch : null;
    const last = known
      .filter(one => one.pull === number || (one.pull === null && one.branch === branch && branch !== null))
      .reduce<(typeof known)[number] | null>((a, b) => (a && a.at > b.at ? a : b), null);
    const sight = sightOf(head.sha, at, last);
    if (sight === 'unsure') isSure = false;
    if (sight !== 'new') continue;
    await changed({ type: 'proposed', repo, by: pull.author, at, looked: true, pull, before: null });
  }
  return isSure;
}

/** Those that projects name, each once. One that nothing was heard of yet is asked for by its name. */
async function repositoriesOf(
  policy: Pick<Policy, 'projects'>,
  { repositories, lists, log, waitFor }: LookPorts,
): Promise<RepositoryRef[]> {
  const found = new Map<number, RepositoryRef>();
  for (const source of sourcesOf(policy)) {
    const known = await repositories.find(source);
    if (known) found.set(known.id, known);
    if (known) continue;
    try {
      const named = await lists.named(source.name);
      if (named && (await repositories.seen(named, [source])).length > 0) found.set(named.id, named);
    } catch (err) {
      log.warn({ err, name: source.name, waitMs: waitFor(err) }, 'a repository could not be asked for');
    }
  }
  return [...found.values()];
}

function sourcesOf({ projects }: Pick<Policy, 'projects'>) {
  return Object.values(projects).flatMap(project => githubSource(project.source) ?? []);
}
