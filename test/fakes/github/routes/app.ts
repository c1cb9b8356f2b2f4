import { z } from 'zod';
import { tokenOf } from '../auth.ts';
import { bodyOf, notFound, Refusal } from '../error.ts';
import { deliveryItem } from '../hooks.ts';
import { type Call, numbered, paged, pageOf, type Route } from '../route.ts';
import { repoShape } from '../shapes/repository.ts';
import { apiOf, appShape, userShape, usualEvents } from '../shapes/user.ts';
import {
  type Installation,
  installationOf,
  iso,
  isoOrNull,
  type Json,
  repoNamed,
  type World,
} from '../world.ts';
import { movedTo } from './repos.ts';

export function installationShape(world: World, installation: Installation): Json {
  const { id, account, permissions, createdAt, suspendedAt } = installation;
  return {
    id,
    client_id: appShape(world).client_id,
    account: userShape(world, account),
    repository_selection: 'selected',
    access_tokens_url: `${apiOf(world)}/app/installations/${id}/access_tokens`,
    repositories_url: `${apiOf(world)}/installation/repositories`,
    html_url: `${world.origin()}/settings/installations/${id}`,
    app_id: world.app.id,
    app_slug: world.app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions,
    events: usualEvents,
    created_at: iso(createdAt),
    updated_at: iso(createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: isoOrNull(suspendedAt),
  };
}

const tokenBody = z.object({
  repositories: z.array(z.string()).max(500).optional(),
  repository_ids: z.array(z.int()).max(500).optional(),
  permissions: z.record(z.string(), z.enum(['read', 'write', 'admin'])).optional(),
});

function named({ world, params }: Call): Installation {
  const found = world.installations.get(numbered(params, 'installation_id'));
  if (!found) throw notFound();
  return found;
}

function byAccount({ world }: Call, login: string, type: 'User' | 'Organization'): Installation {
  const found = [...world.installations.values()].find(
    ({ account }) => account.type === type && account.login.toLowerCase() === login.toLowerCase(),
  );
  if (!found) throw notFound();
  return found;
}

function giveToken(call: Call) {
  const { world, body } = call;
  const wanted = bodyOf(tokenBody, body);
  const installation = named(call);
  const repos = [...world.repos.values()].filter(
    ({ id, name, owner }) =>
      installation.repos.has(id) &&
      (wanted.repository_ids?.includes(id) ||
        (owner === installation.account && wanted.repositories?.includes(name))),
  );
  const asked = (wanted.repositories?.length ?? 0) + (wanted.repository_ids?.length ?? 0);
  if (repos.length < asked)
    throw new Refusal(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  const token = call.auth.issue(installation, {
    permissions: wanted.permissions,
    repos: asked > 0 ? repos : undefined,
  });
  return {
    status: 201,
    body: {
      token: token.value,
      expires_at: iso(token.expires),
      permissions: token.permissions,
      repository_selection: 'selected',
      ...(asked > 0 ? { repositories: repos.map(repo => repoShape(world, repo)) } : {}),
    },
  };
}

/** By a cursor: the id of the last delivery that the page before had. */
function deliveries({ out, query, url }: Call) {
  const status = query.get('status');
  const size = Math.min(100, Math.max(1, Number(query.get('per_page')) || 30));
  const cursor = query.get('cursor');
  const all = out
    .recent()
    .filter(one => !status || (one.status === 'OK') === (status === 'success'))
    .filter(one => cursor === null || one.id < Number(cursor));
  const page = all.slice(0, size);
  const headers: Record<string, string> = {};
  const last = page.at(-1);
  if (last && all.length > size) {
    const next = new URL(url);
    next.searchParams.set('cursor', String(last.id));
    headers.link = `<${next}>; rel="next"`;
  }
  return { body: page.map(deliveryItem), headers };
}

export const appRoutes: Route[] = [
  { name: 'GET /app', run: { app: ({ world }) => ({ body: appShape(world) }) } },
  {
    name: 'GET /app/installations',
    run: {
      app: call =>
        paged(call, [...call.world.installations.values()], one => installationShape(call.world, one)),
    },
  },
  {
    name: 'GET /app/installations/{installation_id}',
    run: { app: call => ({ body: installationShape(call.world, named(call)) }) },
  },
  {
    name: 'POST /app/installations/{installation_id}/access_tokens',
    content: false,
    run: { app: giveToken },
  },
  {
    name: 'GET /orgs/{org}/installation',
    run: {
      app: call => ({
        body: installationShape(call.world, byAccount(call, call.params.org ?? '', 'Organization')),
      }),
    },
  },
  {
    name: 'GET /users/{username}/installation',
    run: {
      app: call => ({
        body: installationShape(call.world, byAccount(call, call.params.username ?? '', 'User')),
      }),
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/installation',
    run: {
      app: ({ world, params }) => {
        const repo = repoNamed(world, params.owner ?? '', params.repo ?? '');
        const installation = repo && installationOf(world, repo);
        const moved = world.moved.get(`${params.owner}/${params.repo}`.toLowerCase());
        if (!repo && moved !== undefined) {
          const location = movedTo(world.origin(), moved, '/installation');
          throw new Refusal(301, 'Moved Permanently', { url: location }, { location });
        }
        if (!installation) throw notFound();
        return { body: installationShape(world, installation) };
      },
    },
  },
  { name: 'GET /app/hook/deliveries', run: { app: deliveries } },
  {
    name: 'GET /app/hook/deliveries/{delivery_id}',
    run: {
      app: ({ out, params }) => {
        const found = out.recent().find(({ id }) => id === numbered(params, 'delivery_id'));
        if (!found) throw notFound();
        const request = { headers: found.headers, payload: JSON.parse(found.body) };
        const { headers, body } = found.response;
        return { body: { ...deliveryItem(found), request, response: { headers, payload: body } } };
      },
    },
  },
  {
    name: 'POST /app/hook/deliveries/{delivery_id}/attempts',
    content: false,
    run: {
      app: ({ out, params }) => {
        if (!out.redeliver(numbered(params, 'delivery_id'))) throw notFound();
        return { status: 202, body: {} };
      },
    },
  },
  {
    name: 'GET /installation/repositories',
    run: {
      any: ({ world, caller, query, url }) => {
        const { installation, repos } = tokenOf(caller);
        const seen = [...world.repos.values()].filter(
          ({ id }) => installation.repos.has(id) && (repos === null || repos.has(id)),
        );
        const { items, headers } = pageOf(query, url, seen);
        const repositories = items.map(repo => repoShape(world, repo));
        return { body: { total_count: seen.length, repositories }, headers };
      },
    },
  },
  {
    name: 'DELETE /installation/token',
    content: false,
    run: {
      any: ({ auth, caller }) => {
        auth.revoke(tokenOf(caller));
        return { status: 204 };
      },
    },
  },
  {
    name: 'GET /users/{username}',
    run: {
      any: ({ world, params }) => {
        const user = world.users.get((params.username ?? '').toLowerCase());
        if (!user) throw notFound();
        return { body: publicUser(world, user) };
      },
    },
  },
];

function publicUser(world: World, user: World['bot']): Json {
  const unknown = ['name', 'company', 'location', 'email', 'hireable', 'bio'].map(key => [key, null]);
  const at = iso(world.app.createdAt);
  return {
    ...userShape(world, user),
    ...Object.fromEntries(unknown),
    blog: '',
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: at,
    updated_at: at,
  };
}
