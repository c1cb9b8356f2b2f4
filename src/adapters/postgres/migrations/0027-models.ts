/**
 * Models and what runs made of them. `newest` gives the numbers, under the lock of the row, so that they have no gaps. A version's run cannot
 * go while it is there; its content is held by `content_holders`. `model_passed`: runs that make none, and why. `model_files`: what a
 * repository's `.signalbox.yml` says on its default branch.
 */
export const models = {
  name: '0027-models',
  sql: `
create table models (
  name text primary key,
  project text not null,
  output text not null,
  since timestamptz not null,
  newest int not null default 0
);
create table model_versions (
  model text not null references models (name),
  number int not null,
  run bigint not null references runs (number),
  attempt int not null,
  project text not null,
  output text not null,
  sha256 text not null references contents (sha256),
  bytes bigint not null,
  source text not null,
  sha text not null,
  metrics jsonb not null,
  directions jsonb not null,
  primary_metric text,
  inputs jsonb not null,
  signature jsonb,
  card text,
  trained_by jsonb not null,
  at timestamptz not null,
  primary key (model, number),
  unique (model, run)
);
create index model_versions_run on model_versions (run);
create table model_passed (
  model text not null references models (name),
  run bigint not null references runs (number) on delete cascade,
  reason text not null,
  at timestamptz not null default now(),
  primary key (model, run)
);
create table model_files (
  source text primary key,
  sha text not null,
  content text,
  read_at timestamptz not null
);
create index runs_succeeded on runs (project, ended_at) where state = 'succeeded';
`,
} as const;
