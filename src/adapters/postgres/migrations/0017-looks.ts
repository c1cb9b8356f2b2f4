/**
 * When each repository was looked at, and what GitHub's lists said then (their ETags); heads that were seen and not told; and which commits
 * the rules were asked about when they came to a branch.
 */
export const looks = {
  name: '0017-looks',
  sql: `
create table github_looks (
  repo bigint primary key,
  tried_at timestamptz not null default '-infinity',
  claimed_until timestamptz not null default '-infinity',
  -- When it was looked at first, and up to where all is known since. Null: it never was.
  first_at timestamptz,
  known_until timestamptz,
  -- When the lists were last read whole, whatever their ETags said.
  whole_at timestamptz not null default '-infinity',
  tags jsonb not null default '{}'
);
alter table github_pushes add column sight boolean not null default false;
create index github_pushes_at on github_pushes (at);
create index github_pushes_head on github_pushes (repo, pull, branch, at);
create table github_arrivals (
  repo bigint not null,
  branch text not null,
  sha text not null,
  -- By whose merge it came; null: nobody knew of one.
  pull int,
  -- It is known whether a pull request brought it: nothing that comes later says more.
  settled boolean not null,
  at timestamptz not null default now(),
  primary key (repo, branch, sha)
);
create index github_arrivals_at on github_arrivals (at);
`,
} as const;
