import type { auth, Caller, Token } from './auth.ts';
import { notFound, Refusal } from './error.ts';
import type { hooks } from './hooks.ts';
import type { rateLimits } from './limits.ts';
import type { Parts } from './tell.ts';
import type { Issue, Json, Pull, Repo, World } from './world.ts';

export interface Services extends Parts {
  world: World;
  out: ReturnType<typeof hooks>;
  auth: ReturnType<typeof auth>;
  limits: ReturnType<typeof rateLimits>;
}

/** One request, let in. */
export interface Call extends Services {
  caller: Caller;
  /** Of the installation that asks. */
  token: Token | null;
  params: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
  accept: string;
  /** Where the request went, for links to further pages. */
  url: URL;
}

export interface RepoCall extends Call {
  repo: Repo;
}

export interface Answer {
  /** Default: 200. */
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

type Given = Answer | Promise<Answer>;

/** `name` as GitHub's description has it: `GET /app`. */
export interface Route {
  name: string;
  /** Any of these rights is enough: `issues:write`. */
  needs?: readonly string[];
  /** Makes content, as the secondary limits count it. Default: whatever is no GET. */
  content?: boolean;
  run: { app(call: Call): Given } | { any(call: Call): Given } | { repo(call: RepoCall): Given };
}

export function numbered(params: Record<string, string>, name: string): number {
  const value = params[name] ?? '';
  if (!/^\d+$/.test(value)) throw notFound();
  return Number(value);
}

export function issueOf({ repo, params }: RepoCall): Issue {
  const issue = repo.issues.get(numbered(params, 'issue_number'));
  if (!issue) throw notFound();
  return issue;
}

export function pullOf({ repo, params }: RepoCall): { issue: Issue; pull: Pull } {
  const issue = repo.issues.get(numbered(params, 'pull_number'));
  if (!issue?.pull) throw notFound();
  return { issue, pull: issue.pull };
}

/** A page of a list, with links to the others. */
export function paged<T>({ query, url }: Call, list: readonly T[], shape: (one: T) => Json): Answer {
  const { items, headers } = pageOf(query, url, list);
  return { body: items.map(shape), headers };
}

export function pageOf<T>(query: URLSearchParams, url: URL, list: readonly T[]) {
  const size = Math.min(100, Math.max(1, Number(query.get('per_page')) || 30));
  const page = Math.max(1, Number(query.get('page')) || 1);
  const last = Math.max(1, Math.ceil(list.length / size));
  const to = (number: number, rel: string) => {
    const there = new URL(url);
    there.searchParams.set('page', String(number));
    return `<${there}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [to(page - 1, 'prev')] : []),
    ...(page < last ? [to(page + 1, 'next'), to(last, 'last')] : []),
    ...(page > 1 ? [to(1, 'first')] : []),
  ];
  const headers: Record<string, string> = links.length > 0 ? { link: links.join(', ') } : {};
  return { items: list.slice((page - 1) * size, page * size), headers };
}

export function noCommit(sha: string): Refusal {
  return new Refusal(422, `No commit found for SHA: ${sha}`);
}

/** Reads a bound of time that GitHub calls `since`. */
export function since(query: URLSearchParams): number {
  const value = query.get('since');
  return value === null ? Number.NEGATIVE_INFINITY : Date.parse(value);
}
