import {
  type Comment,
  type Issue,
  iso,
  isoOrNull,
  type Json,
  type Label,
  nodeId,
  type Reaction,
  type Repo,
  type User,
  type World,
} from '../world.ts';
import { pageUrl, repoUrl } from './repository.ts';
import { appShape, userShape } from './user.ts';

export const reactionKinds = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'] as const;

/** What somebody is to a repository. */
export function association(repo: Repo, user: User): string {
  if (repo.owner.id === user.id) return 'OWNER';
  if (repo.roles.has(user.id)) return repo.owner.type === 'Organization' ? 'MEMBER' : 'COLLABORATOR';
  const merged = [...repo.issues.values()].some(one => one.user.id === user.id && one.pull?.merged);
  return merged ? 'CONTRIBUTOR' : 'NONE';
}

export function labelShape(world: World, repo: Repo, { id, name, color }: Label): Json {
  return {
    id,
    node_id: nodeId('Label', id),
    url: `${repoUrl(world, repo)}/labels/${encodeURIComponent(name)}`,
    name,
    color,
    default: false,
    description: '',
  };
}

function reactionsShape(url: string, reactions: readonly Reaction[]): Json {
  const count = (kind: string) => reactions.filter(({ content }) => content === kind).length;
  return {
    url: `${url}/reactions`,
    total_count: reactions.length,
    ...Object.fromEntries(reactionKinds.map(kind => [kind, count(kind)])),
  };
}

export function reactionShape(world: World, { id, user, content, at }: Reaction): Json {
  return {
    id,
    node_id: nodeId('Reaction', id),
    user: userShape(world, user),
    content,
    created_at: iso(at),
  };
}

export function issueShape(world: World, repo: Repo, issue: Issue): Json {
  const { number, pull } = issue;
  const url = `${repoUrl(world, repo)}/issues/${number}`;
  const pulls = `${repoUrl(world, repo)}/pulls/${number}`;
  const page = `${pageUrl(world, repo)}/${pull ? 'pull' : 'issues'}/${number}`;
  return {
    url,
    repository_url: repoUrl(world, repo),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: page,
    id: issue.id,
    node_id: nodeId(pull ? 'PullRequest' : 'Issue', issue.id),
    number,
    title: issue.title,
    user: userShape(world, issue.user),
    labels: issue.labels.map(label => labelShape(world, repo, label)),
    state: issue.state,
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: [...repo.comments.values()].filter(one => one.issue === number).length,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: isoOrNull(issue.closed?.at),
    author_association: association(repo, issue.user),
    active_lock_reason: null,
    ...(pull
      ? {
          draft: pull.draft,
          pull_request: {
            url: pulls,
            html_url: page,
            diff_url: `${page}.diff`,
            patch_url: `${page}.patch`,
            merged_at: isoOrNull(pull.merged?.at),
          },
        }
      : {}),
    body: issue.body,
    closed_by: issue.closed ? userShape(world, issue.closed.by) : null,
    reactions: reactionsShape(url, issue.reactions),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: issue.state === 'closed' && !pull ? 'completed' : null,
  };
}

/** Webhooks leave out who closed it. */
export function webhookIssueShape(world: World, repo: Repo, issue: Issue): Json {
  const { closed_by: _, ...rest } = issueShape(world, repo, issue);
  return rest;
}

export function commentShape(world: World, repo: Repo, comment: Comment): Json {
  const url = `${repoUrl(world, repo)}/issues/comments/${comment.id}`;
  const part = repo.issues.get(comment.issue)?.pull ? 'pull' : 'issues';
  return {
    url,
    html_url: `${pageUrl(world, repo)}/${part}/${comment.issue}#issuecomment-${comment.id}`,
    issue_url: `${repoUrl(world, repo)}/issues/${comment.issue}`,
    id: comment.id,
    node_id: nodeId('IssueComment', comment.id),
    user: userShape(world, comment.user),
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    author_association: association(repo, comment.user),
    body: comment.body,
    reactions: reactionsShape(url, comment.reactions),
    performed_via_github_app: comment.viaApp ? appShape(world) : null,
  };
}
