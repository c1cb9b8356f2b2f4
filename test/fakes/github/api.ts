import { createHash } from 'node:crypto';
import { allows, type Caller, sees, tokenOf } from './auth.ts';
import { noAccess, notFound, Refusal } from './error.ts';
import type { Answer, Call, Route, Services } from './route.ts';
import { appRoutes } from './routes/app.ts';
import { checkRoutes } from './routes/checks.ts';
import { deploymentRoutes } from './routes/deployments.ts';
import { issueRoutes } from './routes/issues.ts';
import { pullRoutes } from './routes/pulls.ts';
import { movedTo, repoRoutes } from './routes/repos.ts';
import { fullName, type Repo, repoNamed } from './world.ts';

/** A request as the log keeps it. */
export interface LoggedRequest {
  /** As GitHub's description names it; the bare path where the fake has no such route. */
  route: string;
  method: string;
  params: Record<string, string>;
  query: Record<string, string>;
  body: unknown;
  at: number;
  status: number;
  /** `undefined` where it was no JSON. */
  answer: unknown;
}

export interface Asked {
  method: string;
  url: URL;
  headers: { authorization: string; accept: string; userAgent: string; ifNoneMatch: string };
  body: string;
}

export interface Served {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const usual = {
  'content-type': 'application/json; charset=utf-8',
  'x-github-media-type': 'github.v3; format=json',
};
const docs = 'https://docs.github.com/rest';

/** Parts of a path that may have slashes in them. */
const wide = new Set(['ref', 'basehead', 'branch']);

interface Compiled extends Route {
  method: string;
  names: string[];
  pattern: RegExp;
}

function compiled(route: Route): Compiled {
  const [method = '', path = ''] = route.name.split(' ');
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const pattern = path
    .replace('/{path}', '(?:/(.*))?')
    .replace(/\{(\w+)\}/g, (_, name) => (wide.has(name) ? '(.+)' : '([^/]+)'));
  return { ...route, method, names, pattern: new RegExp(`^${pattern}$`) };
}

/** The REST API: who asks, may they, how often, and then the route. Every request is kept. */
export function restApi(services: Services) {
  const { world, limits, auth } = services;
  const requests: LoggedRequest[] = [];
  const rateLimit: Route = {
    name: 'GET /rate_limit',
    run: {
      any: ({ caller }) => {
        const core = limits.of(who(caller));
        return { body: { resources: { core, search: core }, rate: core } };
      },
    },
  };
  // What is fixed in a path comes before what is open, as in `issues/comments` and `issues/{issue_number}`.
  const routes = [
    ...appRoutes,
    ...repoRoutes,
    ...issueRoutes,
    ...pullRoutes,
    ...checkRoutes,
    ...deploymentRoutes,
    rateLimit,
  ]
    .map(compiled)
    .sort((a, b) => depth(b) - depth(a) || a.names.length - b.names.length);

  /** The route of a request, and its parts; null where there is none. */
  function find(method: string, path: string) {
    for (const route of routes) {
      const match = route.method === method ? route.pattern.exec(path) : null;
      if (!match) continue;
      const params = route.names.map((name, at) => [name, decodeURIComponent(match[at + 1] ?? '')]);
      return { route, params: Object.fromEntries(params) as Record<string, string> };
    }
    return null;
  }

  /** `/repositories/{id}/...` is the same as by name. */
  function named(path: string): { path: string; by: Repo | null } {
    const [, id, rest = ''] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
    if (id === undefined) return { path, by: null };
    const repo = world.repos.get(Number(id));
    return { path: repo ? `/repos/${fullName(repo)}${rest}` : path, by: repo ?? null };
  }

  async function answer(asked: Asked): Promise<Served> {
    const { method, url } = asked;
    const { path } = named(url.pathname.replace(/^\/api\/v3/, ''));
    const found = find(method, path);
    const entry: LoggedRequest = {
      route: found?.route.name ?? `${method} ${path}`,
      method,
      params: found?.params ?? {},
      query: Object.fromEntries(url.searchParams),
      body: undefined,
      at: world.clock.now(),
      status: 0,
      answer: undefined,
    };
    requests.push(entry);
    let by: Caller | null = null;
    try {
      // "All API requests MUST include a valid User-Agent header."
      if (asked.headers.userAgent === '')
        throw new Refusal(403, 'Request forbidden by administrative rules.');
      entry.body = jsonOf(asked.body);
      by = auth.caller(asked.headers.authorization);
      if (!found) throw notFound();
      limits.take(who(by), found.route.content ?? method !== 'GET');
      const given = await run(found.route, found.params, asked, by, entry.body);
      entry.status = given.status ?? 200;
      if (typeof given.body === 'object') entry.answer = given.body;
      const whole = served(given, by);
      if (method !== 'GET' || whole.status !== 200) return whole;
      const etag = `W/"${createHash('sha256').update(whole.body).digest('hex')}"`;
      if (asked.headers.ifNoneMatch !== etag) return { ...whole, headers: { ...whole.headers, etag } };
      // What has not changed does not count.
      limits.giveBack(who(by));
      entry.status = 304;
      return { status: 304, headers: { ...served({}, by).headers, etag }, body: '' };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      entry.status = error.status;
      const body = {
        message: error.message,
        ...error.more,
        documentation_url: docs,
        status: String(error.status),
      };
      return served({ status: error.status, body, headers: error.headers }, by);
    }
  }

  async function run(
    { run, needs = [] }: Route,
    params: Record<string, string>,
    { method, url, headers }: Asked,
    caller: Caller,
    body: unknown,
  ): Promise<Answer> {
    const token = caller.kind === 'installation' ? caller.token : null;
    const accept = headers.accept;
    const call: Call = { ...services, caller, token, params, query: url.searchParams, body, accept, url };
    if ('app' in run) {
      if (caller.kind !== 'app') throw new Refusal(401, 'A JSON web token could not be decoded');
      return run.app(call);
    }
    if ('any' in run) return run.any(call);
    const repo = repoOf(call, method);
    enter(caller, repo, method, needs);
    return run.repo({ ...call, repo });
  }

  function repoOf({ params, caller, url }: Call, method: string): Repo {
    const [owner = '', name = ''] = [params.owner, params.repo];
    const repo = repoNamed(world, owner, name);
    if (repo) return repo;
    const moved = world.repos.get(world.moved.get(`${owner}/${name}`.toLowerCase()) ?? 0);
    const seen = moved && (!moved.private || (caller.kind === 'installation' && sees(caller.token, moved)));
    if (!seen) throw notFound();
    const rest = url.pathname.replace(/^\/api\/v3\/repos\/[^/]+\/[^/]+/, '');
    const location = `${movedTo(world.origin(), moved.id, rest)}${url.search}`;
    const word = method === 'GET' ? 'Moved Permanently' : 'Temporary Redirect';
    throw new Refusal(method === 'GET' ? 301 : 307, word, { url: location }, { location });
  }

  function enter(caller: Caller, repo: Repo, method: string, needs: readonly string[]): void {
    const reading = method === 'GET';
    if (caller.kind === 'nobody') {
      if (reading && !repo.private) return;
      throw repo.private ? notFound() : new Refusal(401, 'Requires authentication');
    }
    const token = tokenOf(caller);
    if (!sees(token, repo)) {
      if (repo.private) throw notFound();
      if (!reading) throw noAccess();
      return;
    }
    const right = needs.some(need => {
      const [name = '', level = ''] = need.split(':');
      return allows(token.permissions, name, level) && allows(token.installation.permissions, name, level);
    });
    if (!right && !(reading && !repo.private)) throw noAccess();
    if (!reading && repo.archived) throw new Refusal(403, 'Repository was archived so is read-only.');
  }

  function served({ status = 200, body, headers }: Answer, by: Caller | null): Served {
    const date = new Date(world.clock.now()).toUTCString();
    const all = { ...usual, date, ...(by ? limits.headers(who(by)) : {}), ...headers };
    if (status === 204) return { status, headers: all, body: '' };
    return { status, headers: all, body: typeof body === 'string' ? body : JSON.stringify(body) };
  }

  return {
    answer,
    requests,
    /** What faults call a request. */
    nameOf: (method: string, pathname: string) => {
      const { path } = named(pathname.replace(/^\/api\/v3/, ''));
      return find(method, path)?.route.name ?? `${method} ${path}`;
    },
    routes: routes.map(({ name }) => name),
  };
}

const depth = ({ name }: Route) => name.split('/').length;

/** Whose limits count. */
function who(caller: Caller): string {
  if (caller.kind === 'installation') return `installation ID ${caller.token.installation.id}`;
  return caller.kind === 'app' ? 'the app' : '127.0.0.1';
}

function jsonOf(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'Problems parsing JSON');
  }
}
