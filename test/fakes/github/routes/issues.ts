import { z } from 'zod';
import {
  addComment,
  addLabel,
  deleteComment,
  editComment,
  newIssue,
  react,
  removeLabel,
  tellIssue,
} from '../acts/issues.ts';
import { edit, setState } from '../acts/pulls.ts';
import { bodyOf, invalid, notFound } from '../error.ts';
import { issueOf, numbered, paged, type RepoCall, type Route, since } from '../route.ts';
import { commentShape, issueShape, labelShape, reactionKinds, reactionShape } from '../shapes/issue.ts';
import type { Comment, Issue, Reaction } from '../world.ts';

/** "body is too long (maximum is 65536 characters)". */
const longest = 65_536;

const commentBody = z.object({ body: z.string() });
const issueBody = z.object({
  title: z.union([z.string(), z.int()]).transform(String),
  body: z.string().optional(),
});
const issueChange = z.object({
  title: z.string().optional(),
  body: z.string().nullable().optional(),
  state: z.enum(['open', 'closed']).optional(),
});
const reactionBody = z.object({ content: z.enum(reactionKinds) });
const labelsBody = z.object({ labels: z.array(z.string()) });

function words(resource: string, body: string): string {
  if (body.trim() === '') throw invalid(resource, 'body', 'missing_field');
  if ([...body].length > longest)
    throw invalid(resource, 'body', 'custom', `body is too long (maximum is ${longest} characters)`);
  return body;
}

function commentOf({ repo, params }: RepoCall): Comment {
  const comment = repo.comments.get(numbered(params, 'comment_id'));
  if (!comment) throw notFound();
  return comment;
}

const comments =
  ({ world, repo }: RepoCall) =>
  (one: Comment) =>
    commentShape(world, repo, one);

function listComments(call: RepoCall, all: readonly Comment[]) {
  const from = since(call.query);
  const list = all.filter(({ updatedAt }) => updatedAt >= from).sort((a, b) => a.id - b.id);
  return paged(call, list, comments(call));
}

function addReaction(call: RepoCall, on: { reactions: Reaction[] }) {
  const { content } = bodyOf(reactionBody, call.body);
  const { reaction, fresh } = react(call, on, call.world.bot, content);
  return { status: fresh ? 201 : 200, body: reactionShape(call.world, reaction) };
}

function listReactions(call: RepoCall, { reactions }: { reactions: Reaction[] }) {
  const content = call.query.get('content');
  const list = reactions.filter(one => content === null || one.content === content);
  return paged(call, list, one => reactionShape(call.world, one));
}

/** Everybody takes back their own. */
function dropReaction(call: RepoCall, on: { reactions: Reaction[] }) {
  const id = numbered(call.params, 'reaction_id');
  const found = on.reactions.find(one => one.id === id && one.user === call.world.bot);
  if (!found) throw notFound();
  on.reactions = on.reactions.filter(one => one !== found);
  return { status: 204 };
}

function listIssues(call: RepoCall) {
  const { world, repo, query } = call;
  const state = query.get('state') ?? 'open';
  const labels = (query.get('labels') ?? '').split(',').filter(Boolean);
  const from = since(query);
  const list = [...repo.issues.values()]
    .filter(issue => state === 'all' || issue.state === state)
    .filter(issue => issue.updatedAt >= from)
    .filter(issue => labels.every(name => issue.labels.some(one => one.name === name)));
  return paged(call, ordered(list, query), issue => issueShape(world, repo, issue));
}

/** As `sort` and `direction` say; newest first without them. */
export function ordered(list: readonly Issue[], query: URLSearchParams): Issue[] {
  const by = query.get('sort') === 'updated' ? 'updatedAt' : 'createdAt';
  const sign = query.get('direction') === 'asc' ? 1 : -1;
  return [...list].sort((a, b) => sign * (a[by] - b[by] || a.number - b.number));
}

async function changeIssue(call: RepoCall) {
  const { world, repo, body } = call;
  const issue = issueOf(call);
  const { state, ...rest } = bodyOf(issueChange, body);
  await edit(call, repo, issue, world.bot, rest);
  if (state !== undefined) await setState(call, repo, issue, world.bot, state);
  return { body: issueShape(world, repo, issue) };
}

const base = '/repos/{owner}/{repo}/issues';
const reads = ['issues:read', 'pull_requests:read'];
const writes = ['issues:write', 'pull_requests:write'];

export const issueRoutes: Route[] = [
  { name: `GET ${base}`, needs: reads, run: { repo: listIssues } },
  {
    name: `POST ${base}`,
    needs: ['issues:write'],
    run: {
      repo: call => {
        const { world, repo } = call;
        const { title, body } = bodyOf(issueBody, call.body);
        const issue = newIssue(call, repo, world.bot, { title, body });
        tellIssue(call, repo, issue, 'opened', world.bot);
        return { status: 201, body: issueShape(world, repo, issue) };
      },
    },
  },
  {
    name: `GET ${base}/{issue_number}`,
    needs: reads,
    run: { repo: call => ({ body: issueShape(call.world, call.repo, issueOf(call)) }) },
  },
  { name: `PATCH ${base}/{issue_number}`, needs: writes, run: { repo: changeIssue } },
  {
    name: `GET ${base}/comments`,
    needs: reads,
    run: { repo: call => listComments(call, [...call.repo.comments.values()]) },
  },
  {
    name: `GET ${base}/{issue_number}/comments`,
    needs: reads,
    run: {
      repo: call => {
        const { number } = issueOf(call);
        return listComments(
          call,
          [...call.repo.comments.values()].filter(({ issue }) => issue === number),
        );
      },
    },
  },
  {
    name: `POST ${base}/{issue_number}/comments`,
    needs: writes,
    run: {
      repo: call => {
        const issue = issueOf(call);
        const text = words('IssueComment', bodyOf(commentBody, call.body).body);
        const comment = addComment(call, call.repo, issue, call.world.bot, text);
        return { status: 201, body: comments(call)(comment) };
      },
    },
  },
  {
    name: `GET ${base}/comments/{comment_id}`,
    needs: reads,
    run: { repo: call => ({ body: comments(call)(commentOf(call)) }) },
  },
  {
    name: `PATCH ${base}/comments/{comment_id}`,
    needs: writes,
    run: {
      repo: call => {
        const comment = commentOf(call);
        const text = words('IssueComment', bodyOf(commentBody, call.body).body);
        editComment(call, call.repo, comment, call.world.bot, text);
        return { body: comments(call)(comment) };
      },
    },
  },
  {
    name: `DELETE ${base}/comments/{comment_id}`,
    needs: writes,
    run: {
      repo: call => {
        deleteComment(call, call.repo, commentOf(call), call.world.bot);
        return { status: 204 };
      },
    },
  },
  {
    name: `GET ${base}/{issue_number}/labels`,
    needs: reads,
    run: {
      repo: call => paged(call, issueOf(call).labels, one => labelShape(call.world, call.repo, one)),
    },
  },
  {
    name: `POST ${base}/{issue_number}/labels`,
    needs: writes,
    run: {
      repo: async call => {
        const { world, repo, body } = call;
        const issue = issueOf(call);
        for (const name of bodyOf(labelsBody, body).labels)
          await addLabel(call, repo, issue, world.bot, name);
        return { body: issue.labels.map(one => labelShape(world, repo, one)) };
      },
    },
  },
  {
    name: `DELETE ${base}/{issue_number}/labels/{name}`,
    needs: writes,
    run: {
      repo: async call => {
        const { world, repo, params } = call;
        const issue = issueOf(call);
        if (!(await removeLabel(call, repo, issue, world.bot, params.name ?? ''))) throw notFound();
        return { body: issue.labels.map(one => labelShape(world, repo, one)) };
      },
    },
  },
  ...reactionsOn(`${base}/comments/{comment_id}`, commentOf),
  ...reactionsOn(`${base}/{issue_number}`, issueOf),
];

function reactionsOn(path: string, of: (call: RepoCall) => { reactions: Reaction[] }): Route[] {
  return [
    {
      name: `GET ${path}/reactions`,
      needs: reads,
      run: { repo: call => listReactions(call, of(call)) },
    },
    { name: `POST ${path}/reactions`, needs: writes, run: { repo: call => addReaction(call, of(call)) } },
    {
      name: `DELETE ${path}/reactions/{reaction_id}`,
      needs: writes,
      run: { repo: call => dropReaction(call, of(call)) },
    },
  ];
}
