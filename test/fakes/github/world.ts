import type { Clock } from '../slack/clock.ts';

export type Json = Record<string, unknown>;

export interface User {
  id: number;
  login: string;
  type: 'User' | 'Organization' | 'Bot';
}

/** What somebody was given in a repository. */
export type Role = 'admin' | 'maintain' | 'write' | 'triage' | 'read';

export interface Label {
  id: number;
  name: string;
  color: string;
}

export interface Reaction {
  id: number;
  user: User;
  content: string;
  at: number;
}

export interface Comment {
  id: number;
  issue: number;
  user: User;
  body: string;
  createdAt: number;
  updatedAt: number;
  reactions: Reaction[];
  /** Whether an app wrote it. */
  viaApp: boolean;
}

export interface Review {
  id: number;
  user: User;
  body: string;
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'DISMISSED';
  commit: string;
  at: number;
}

export interface Pull {
  /** `repo` is null once the fork is gone. */
  head: { repo: Repo | null; owner: User; ref: string; sha: string };
  base: { ref: string; sha: string };
  draft: boolean;
  merged: { at: number; by: User; commit: string } | null;
  /** GitHub finds it out after somebody asked: `null` until then. */
  mergeable: boolean | null;
  testMerge: string | null;
  reviews: Review[];
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  user: User;
  state: 'open' | 'closed';
  labels: Label[];
  createdAt: number;
  updatedAt: number;
  closed: { at: number; by: User } | null;
  reactions: Reaction[];
  pull: Pull | null;
}

export interface CheckRun {
  id: number;
  name: string;
  sha: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  startedAt: string | null;
  completedAt: string | null;
  externalId: string;
  detailsUrl: string | null;
  output: { title: string | null; summary: string | null; text: string | null };
  annotations: Json[];
  actions: { label: string; description: string; identifier: string }[];
}

export interface Status {
  id: number;
  sha: string;
  state: string;
  context: string;
  description: string | null;
  targetUrl: string | null;
  creator: User;
  at: number;
}

export interface DeploymentStatus {
  id: number;
  state: string;
  description: string;
  environment: string;
  logUrl: string;
  environmentUrl: string;
  creator: User;
  at: number;
}

export interface Deployment {
  id: number;
  sha: string;
  ref: string;
  task: string;
  environment: string;
  transient: boolean;
  production: boolean;
  description: string | null;
  payload: unknown;
  creator: User;
  at: number;
  statuses: DeploymentStatus[];
}

/** A branch that moved, as the list of a repository's activity has it. */
export interface Activity {
  id: number;
  /** Zeros where it was not, or is no more. */
  before: string;
  after: string;
  ref: string;
  type: 'push' | 'force_push' | 'branch_creation' | 'branch_deletion' | 'pr_merge' | 'merge_queue_merge';
  by: User;
  at: number;
}

export interface Repo {
  id: number;
  owner: User;
  name: string;
  private: boolean;
  archived: boolean;
  parent: Repo | null;
  branch: string;
  /** The bare repository. */
  dir: string;
  createdAt: number;
  pushedAt: number;
  roles: Map<number, Role>;
  issues: Map<number, Issue>;
  comments: Map<number, Comment>;
  checks: Map<number, CheckRun>;
  statuses: Status[];
  deployments: Map<number, Deployment>;
  labels: Map<string, Label>;
  /** Oldest first. */
  activity: Activity[];
}

export interface Installation {
  id: number;
  account: User;
  repos: Set<number>;
  permissions: Record<string, string>;
  createdAt: number;
  suspendedAt: number | null;
}

export interface World {
  clock: Clock;
  /** Where all of it is kept on this machine. */
  folder: string;
  origin(): string;
  id(): number;
  app: { id: number; slug: string; name: string; owner: User; publicKey: string; createdAt: number };
  bot: User;
  users: Map<string, User>;
  repos: Map<number, Repo>;
  /** Former names, for redirects. */
  moved: Map<string, number>;
  installations: Map<number, Installation>;
  user(login: string, type?: User['type']): User;
}

export function createWorld(clock: Clock, folder: string, origin: () => string, publicKey: string): World {
  let last = 4_000_000;
  const users = new Map<string, User>();
  const id = () => ++last;
  function user(login: string, type: User['type'] = 'User'): User {
    const known = users.get(login.toLowerCase());
    if (known) return known;
    const made = { id: id(), login, type };
    users.set(login.toLowerCase(), made);
    return made;
  }
  const owner = user('octo-org', 'Organization');
  const app = {
    id: id(),
    slug: 'signalbox',
    name: 'Signalbox',
    owner,
    publicKey,
    createdAt: clock.now(),
  };
  return {
    clock,
    folder,
    origin,
    id,
    app,
    bot: user(`${app.slug}[bot]`, 'Bot'),
    users,
    repos: new Map(),
    moved: new Map(),
    installations: new Map(),
    user,
  };
}

export const fullName = (repo: Repo) => `${repo.owner.login}/${repo.name}`;

/** By `owner/name` as it is now. */
export function repoNamed(world: World, owner: string, name: string): Repo | undefined {
  const wanted = `${owner}/${name}`.toLowerCase();
  return [...world.repos.values()].find(repo => fullName(repo).toLowerCase() === wanted);
}

/** Where the app sees the repository. */
export function installationOf(world: World, repo: Repo): Installation | undefined {
  return [...world.installations.values()].find(({ repos }) => repos.has(repo.id));
}

/** What somebody may do, teams and ownership included: `none` where it is private and nobody let them in. */
export function roleOf(repo: Repo, user: User): Role | 'none' {
  if (repo.owner.id === user.id) return 'admin';
  return repo.roles.get(user.id) ?? (repo.private ? 'none' : 'read');
}

/** As GitHub writes a time: whole seconds. */
export function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
export const isoOrNull = (ms: number | null | undefined) =>
  ms === null || ms === undefined ? null : iso(ms);

export function nodeId(kind: string, id: number | string): string {
  return Buffer.from(`${kind}:${id}`).toString('base64url');
}
