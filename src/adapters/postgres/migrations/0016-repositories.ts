/**
 * Repositories on GitHub by their ids, the names by which signalbox.yml means them, what was pushed to pull requests, and which of their
 * commits somebody approved. A push is told more than once, and is stored once.
 */
export const repositories = {
  name: '0016-repositories',
  sql: `
create table github_repositories (id bigint primary key, name text not null, installation bigint not null);
create table github_names (name text primary key, repo bigint not null);
create table github_pushes (
  repo bigint not null,
  pull int,
  branch text,
  before text,
  after text not null,
  forced boolean,
  at timestamptz not null,
  unique nulls not distinct (repo, pull, branch, before, after, at)
);
create table github_approvals (
  key text primary key,
  repo bigint not null,
  pull int not null,
  sha text not null,
  by jsonb not null,
  at timestamptz not null
);
create index github_approvals_pull on github_approvals (repo, pull);
create index runs_pull on runs ((place ->> 'repo'), (place ->> 'issue'))
  where place ->> 'kind' = 'github' and state not in ('succeeded', 'failed', 'cancelled', 'timed-out');
`,
} as const;
