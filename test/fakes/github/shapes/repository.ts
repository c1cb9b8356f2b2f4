import { fullName, iso, type Json, nodeId, type Repo, type World } from '../world.ts';
import { apiOf, userShape } from './user.ts';

/** Addresses that hang below the repository's own, as GitHub writes their templates. */
const below: Record<string, string> = {
  forks_url: 'forks',
  keys_url: 'keys{/key_id}',
  collaborators_url: 'collaborators{/collaborator}',
  teams_url: 'teams',
  hooks_url: 'hooks',
  issue_events_url: 'issues/events{/number}',
  events_url: 'events',
  assignees_url: 'assignees{/user}',
  branches_url: 'branches{/branch}',
  tags_url: 'tags',
  blobs_url: 'git/blobs{/sha}',
  git_tags_url: 'git/tags{/sha}',
  git_refs_url: 'git/refs{/sha}',
  trees_url: 'git/trees{/sha}',
  statuses_url: 'statuses/{sha}',
  languages_url: 'languages',
  stargazers_url: 'stargazers',
  contributors_url: 'contributors',
  subscribers_url: 'subscribers',
  subscription_url: 'subscription',
  commits_url: 'commits{/sha}',
  git_commits_url: 'git/commits{/sha}',
  comments_url: 'comments{/number}',
  issue_comment_url: 'issues/comments{/number}',
  contents_url: 'contents/{+path}',
  compare_url: 'compare/{base}...{head}',
  merges_url: 'merges',
  archive_url: '{archive_format}{/ref}',
  downloads_url: 'downloads',
  issues_url: 'issues{/number}',
  pulls_url: 'pulls{/number}',
  milestones_url: 'milestones{/number}',
  notifications_url: 'notifications{?since,all,participating}',
  labels_url: 'labels{/name}',
  releases_url: 'releases{/id}',
  deployments_url: 'deployments',
};

export const repoUrl = (world: World, repo: Repo) => `${apiOf(world)}/repos/${fullName(repo)}`;
export const pageUrl = (world: World, repo: Repo) => `${world.origin()}/${fullName(repo)}`;

/** As webhooks and lists have it. */
export function repoShape(world: World, repo: Repo): Json {
  const [url, page] = [repoUrl(world, repo), pageUrl(world, repo)];
  const open = [...repo.issues.values()].filter(({ state }) => state === 'open').length;
  const forks = [...world.repos.values()].filter(({ parent }) => parent === repo).length;
  return {
    id: repo.id,
    node_id: nodeId('Repository', repo.id),
    name: repo.name,
    full_name: fullName(repo),
    private: repo.private,
    owner: userShape(world, repo.owner),
    html_url: page,
    description: null,
    fork: repo.parent !== null,
    url,
    ...Object.fromEntries(Object.entries(below).map(([key, rest]) => [key, `${url}/${rest}`])),
    created_at: iso(repo.createdAt),
    updated_at: iso(repo.pushedAt),
    pushed_at: iso(repo.pushedAt),
    git_url: `git://${new URL(world.origin()).host}/${fullName(repo)}.git`,
    ssh_url: `git@${new URL(world.origin()).hostname}:${fullName(repo)}.git`,
    clone_url: `${page}.git`,
    svn_url: page,
    homepage: null,
    size: 1,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    forks_count: forks,
    mirror_url: null,
    archived: repo.archived,
    disabled: false,
    open_issues_count: open,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repo.private ? 'private' : 'public',
    forks,
    open_issues: open,
    watchers: 0,
    default_branch: repo.branch,
  };
}

export function fullRepoShape(world: World, repo: Repo): Json {
  return {
    ...repoShape(world, repo),
    network_count: 0,
    subscribers_count: 0,
    allow_squash_merge: true,
    allow_merge_commit: true,
    allow_rebase_merge: true,
    delete_branch_on_merge: false,
    ...(repo.parent ? { parent: repoShape(world, repo.parent), source: repoShape(world, repo.parent) } : {}),
  };
}

/** `push` has times in seconds, and the owner by name. */
export function pushRepoShape(world: World, repo: Repo): Json {
  return {
    ...repoShape(world, repo),
    owner: { name: repo.owner.login, email: null, ...userShape(world, repo.owner) },
    created_at: Math.floor(repo.createdAt / 1000),
    pushed_at: Math.floor(repo.pushedAt / 1000),
    master_branch: repo.branch,
    stargazers: 0,
  };
}
