import { z } from 'zod';
import { edit, mergePull, openPull, setState, tryMerge } from '../acts/pulls.ts';
import { bodyOf, invalid, notFound } from '../error.ts';
import { changes, log } from '../git.ts';
import { numbered, paged, pullOf, type RepoCall, type Route } from '../route.ts';
import { commitShape, fileShape } from '../shapes/commit.ts';
import { baseOf, fullPullShape, pullShape, reviewShape } from '../shapes/pull.ts';
import type { Issue } from '../world.ts';
import { ordered } from './issues.ts';

const newPull = z.object({
  title: z.string(),
  head: z.string(),
  base: z.string(),
  body: z.string().optional(),
  draft: z.boolean().optional(),
});
const pullChange = z.object({
  title: z.string().optional(),
  body: z.string().optional(),
  base: z.string().optional(),
  state: z.enum(['open', 'closed']).optional(),
});
const mergeBody = z.object({
  commit_title: z.string().optional(),
  commit_message: z.string().optional(),
  sha: z.string().optional(),
  merge_method: z.enum(['merge', 'squash', 'rebase']).optional(),
});

function list(call: RepoCall) {
  const { world, repo, query } = call;
  const state = query.get('state') ?? 'open';
  const [head, base] = [query.get('head'), query.get('base')];
  const found = [...repo.issues.values()].filter(
    ({ state: is, pull }) =>
      pull &&
      (state === 'all' || is === state) &&
      (!base || pull.base.ref === base) &&
      (!head || `${pull.head.owner.login}:${pull.head.ref}`.toLowerCase() === head.toLowerCase()),
  );
  const shape = (issue: Issue) => (issue.pull ? pullShape(world, repo, issue, issue.pull) : {});
  return paged(call, ordered(found, query), shape);
}

/** Looking at one makes GitHub try the merge: who looks again is told what came out. */
async function one(call: RepoCall) {
  const { world, repo } = call;
  const { issue, pull } = pullOf(call);
  const body = await fullPullShape(world, repo, issue, pull);
  if (pull.mergeable === null && issue.state === 'open') await tryMerge(call, repo, issue, pull);
  return { body };
}

async function open(call: RepoCall) {
  const { world, repo } = call;
  const { head, base, title, body, draft } = bodyOf(newPull, call.body);
  const [owner, ref = ''] = head.includes(':') ? head.split(':') : [repo.owner.login, head];
  const from = [...world.repos.values()].find(
    it => (it === repo || it.parent === repo) && it.owner.login === owner,
  );
  if (!from) throw invalid('PullRequest', 'head', 'invalid');
  const issue = await openPull(call, repo, world.bot, {
    head: { repo: from, ref },
    base,
    title,
    body,
    draft,
  });
  return { status: 201, body: issue.pull && (await fullPullShape(world, repo, issue, issue.pull)) };
}

async function change(call: RepoCall) {
  const { world, repo } = call;
  const { issue, pull } = pullOf(call);
  const { state, ...rest } = bodyOf(pullChange, call.body);
  await edit(call, repo, issue, world.bot, rest);
  if (state !== undefined) await setState(call, repo, issue, world.bot, state);
  return { body: await fullPullShape(world, repo, issue, pull) };
}

async function merge(call: RepoCall) {
  const { world, repo } = call;
  const { issue, pull } = pullOf(call);
  const { commit_title, commit_message, sha, merge_method } = bodyOf(mergeBody, call.body);
  const made = await mergePull(call, repo, issue, pull, world.bot, {
    method: merge_method,
    sha,
    title: commit_title,
    message: commit_message,
  });
  return { body: { sha: made, merged: true, message: 'Pull Request successfully merged' } };
}

/** "Responses include a maximum of 3000 files." */
const mostFiles = 3_000;

async function files(call: RepoCall) {
  const { repo, world } = call;
  const { pull } = pullOf(call);
  const all = await changes(repo.dir, await baseOf(repo, pull), pull.head.sha);
  return paged(call, all.slice(0, mostFiles), file => fileShape(world, repo, pull.head.sha, file));
}

async function commits(call: RepoCall) {
  const { repo, world } = call;
  const { pull } = pullOf(call);
  const base = await baseOf(repo, pull);
  const range = base === null ? pull.head.sha : `${base}..${pull.head.sha}`;
  return paged(call, await log(repo.dir, ['--reverse', range]), commit => commitShape(world, repo, commit));
}

const base = '/repos/{owner}/{repo}/pulls';
const reads = ['pull_requests:read'];
const writes = ['pull_requests:write'];

export const pullRoutes: Route[] = [
  { name: `GET ${base}`, needs: reads, run: { repo: list } },
  { name: `POST ${base}`, needs: writes, run: { repo: open } },
  { name: `GET ${base}/{pull_number}`, needs: reads, run: { repo: one } },
  { name: `PATCH ${base}/{pull_number}`, needs: writes, run: { repo: change } },
  { name: `GET ${base}/{pull_number}/files`, needs: reads, run: { repo: files } },
  { name: `GET ${base}/{pull_number}/commits`, needs: reads, run: { repo: commits } },
  {
    name: `GET ${base}/{pull_number}/reviews`,
    needs: reads,
    run: {
      repo: call => {
        const { issue, pull } = pullOf(call);
        return paged(call, pull.reviews, it => reviewShape(call.world, call.repo, issue, it));
      },
    },
  },
  {
    name: `GET ${base}/{pull_number}/reviews/{review_id}`,
    needs: reads,
    run: {
      repo: call => {
        const { issue, pull } = pullOf(call);
        const made = pull.reviews.find(it => it.id === numbered(call.params, 'review_id'));
        if (!made) throw notFound();
        return { body: reviewShape(call.world, call.repo, issue, made) };
      },
    },
  },
  { name: `PUT ${base}/{pull_number}/merge`, needs: ['contents:write'], run: { repo: merge } },
];
