/**
 * What is known of the heads of pull requests, what the default branches of repositories say in `.signalbox.yml`, when their rules are due
 * next, and messages that belong to a commit instead of a run.
 */
export const files = {
  name: '0018-files',
  sql: `
create table github_heads (
  repo bigint not null,
  sha text not null,
  pull int not null,
  at timestamptz not null,
  problems jsonb,
  buttons jsonb not null,
  primary key (repo, sha)
);
create index github_heads_pull on github_heads (repo, pull, at);
create table github_files (repo bigint primary key, sha text not null, projects jsonb not null);
create table github_schedules (
  repo bigint not null,
  rule text not null,
  cron text not null,
  zone text not null,
  next_at timestamptz not null,
  claimed_until timestamptz not null default '-infinity',
  primary key (repo, rule)
);
alter table github_repositories add column look_at timestamptz not null default '-infinity';
alter table surfaces add column sha text;
create index surfaces_sha on surfaces (sha) where sha is not null;
create index surfaces_comment on surfaces ((place ->> 'comment')) where place ->> 'line' is not null;
create index runs_commit on runs ((spec ->> 'sha')) where place ->> 'kind' = 'github';
`,
} as const;
