/**
 * Who is in which group elsewhere. `ticket` counts the reads that began, `stored` is the last of them that was kept: what was read before
 * something newer was known changes nothing. `github_users` holds the number of each linked GitHub account, which outlives its login.
 */
export const groups = {
  name: '0009-groups',
  sql: `
create table synced_groups (
  name text primary key,
  ticket bigint not null default 0,
  stored bigint not null default 0,
  read_at timestamptz,
  gone boolean not null default false,
  error text,
  next_at timestamptz not null
);

create table group_members (
  group_name text not null references synced_groups on delete cascade,
  account text not null,
  primary key (group_name, account)
);
create index group_members_account on group_members (account);

create table github_users (
  id bigint primary key,
  account text not null unique
);

create table used_states (
  nonce text primary key,
  until timestamptz not null
);
`,
} as const;
