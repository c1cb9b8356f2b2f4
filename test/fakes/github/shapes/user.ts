import { iso, type Json, nodeId, type User, type World } from '../world.ts';

export const apiOf = (world: World) => `${world.origin()}/api/v3`;

export function userShape(world: World, { id, login, type }: User): Json {
  const url = `${apiOf(world)}/users/${encodeURIComponent(login)}`;
  return {
    login,
    id,
    node_id: nodeId('User', id),
    avatar_url: `${world.origin()}/avatars/u/${id}`,
    gravatar_id: '',
    url,
    html_url: `${world.origin()}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type,
    user_view_type: 'public',
    site_admin: false,
  };
}

export function organizationShape(world: World, { id, login }: User): Json {
  const url = `${apiOf(world)}/orgs/${login}`;
  return {
    login,
    id,
    node_id: nodeId('Organization', id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${world.origin()}/avatars/u/${id}`,
    description: null,
  };
}

/** What the app may do where it is installed, unless a test says otherwise. */
export const usualPermissions: Record<string, string> = {
  checks: 'write',
  contents: 'write',
  deployments: 'write',
  issues: 'write',
  members: 'read',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'write',
};

export const usualEvents = [
  'check_run',
  'check_suite',
  'deployment',
  'deployment_status',
  'issue_comment',
  'issues',
  'merge_group',
  'pull_request',
  'pull_request_review',
  'push',
  'repository',
  'status',
];

export function appShape(world: World): Json {
  const { id, slug, name, owner, createdAt } = world.app;
  return {
    id,
    slug,
    client_id: `Iv1.${String(id).padStart(16, '0')}`,
    node_id: nodeId('App', id),
    owner: userShape(world, owner),
    name,
    description: null,
    external_url: 'https://signalbox.example',
    html_url: `${world.origin()}/apps/${slug}`,
    created_at: iso(createdAt),
    updated_at: iso(createdAt),
    permissions: usualPermissions,
    events: usualEvents,
  };
}
