/** What operators hold back, who was an operator for a while, and when a token was used last. */
export const levers = {
  name: '0007-levers',
  sql: `
create table freezes (
  id bigint generated always as identity primary key,
  key text not null unique,
  kind text not null,
  scope text not null,
  name text not null default '',
  why text not null,
  by jsonb not null,
  place jsonb not null,
  since timestamptz not null,
  told_at timestamptz,
  lifted_key text unique,
  lifted_by jsonb,
  lifted_at timestamptz
);
create unique index freezes_once on freezes (kind, scope, name) where lifted_at is null;

create table elevations (
  id bigint generated always as identity primary key,
  key text not null unique,
  person text not null,
  actor jsonb not null,
  why text not null,
  opened_at timestamptz not null,
  until timestamptz not null,
  ended_key text unique,
  ended_at timestamptz,
  review_key text unique,
  reviewed_by jsonb,
  verdict text,
  note text,
  reviewed_at timestamptz
);
create index elevations_person on elevations (person, id desc);
create index elevations_unreviewed on elevations (id) where reviewed_at is null;

alter table tokens add column last_used_at timestamptz;
`,
} as const;
