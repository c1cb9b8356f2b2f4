/**
 * Models and what runs made of them. `newest` gives the numbers, under the lock of the row, so that they have no gaps. A version's run cannot
 * go while it is there; its content is held by `content_holders`. `model_candidates`: runs that have just succeeded with outputs and of which
 * nobody has looked yet whether they make versions. `model_files`: what a repository's `.signalbox.yml` says on its default branch.
 * `builtin_aliases`: those of the registry that is built in. `registry_entries`, `registry_aliases`: what is to be so in a model's registry, and
 * what is known to be: `known` is what an alias meant there when Signalbox looked last.
 */
export const models = {
  name: '0027-models',
  sql: `
create table models (
  name text primary key,
  project text not null,
  output text not null,
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
create table model_candidates (
  run bigint primary key references runs (number) on delete cascade,
  at timestamptz not null default now(),
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  failures int not null default 0,
  error text
);
create index model_candidates_next on model_candidates (next_at);
create table model_files (
  source text primary key,
  sha text,
  content text,
  read_at timestamptz,
  next_at timestamptz not null default '-infinity',
  error text
);
create table builtin_aliases (
  model text not null,
  alias text not null,
  number int not null,
  primary key (model, alias),
  foreign key (model, number) references model_versions (model, number)
);
create table registry_entries (
  model text not null,
  number int not null,
  registry text not null,
  remote text,
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  failures int not null default 0,
  error text,
  primary key (model, number, registry),
  foreign key (model, number) references model_versions (model, number)
);
create index registry_entries_next on registry_entries (next_at) where remote is null;
create table registry_aliases (
  model text not null references models (name),
  alias text not null,
  number int,
  at timestamptz not null,
  registry text,
  known text,
  moved_to text,
  moved_at timestamptz,
  moves int not null default 0,
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  failures int not null default 0,
  error text,
  primary key (model, alias),
  foreign key (model, number) references model_versions (model, number)
);
create index registry_aliases_next on registry_aliases (next_at);
`,
} as const;
