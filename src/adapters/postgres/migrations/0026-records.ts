/**
 * What runs stood on and what they made. `contents`: what the store of artifacts has or is about to get; `wanted_at` is when somebody last
 * wanted it. Content that no artifact names and nobody holds goes some time after. `content_holders`: content that stays whatever becomes
 * of its run; a model version adds its own in the transaction that makes it (`holdContent`).
 */
export const records = {
  name: '0026-records',
  sql: `
create table contents (
  sha256 text primary key,
  bytes bigint not null,
  state text not null,
  wanted_at timestamptz not null default now()
);
create index contents_wanted on contents (wanted_at);
create table artifacts (
  run bigint not null references runs (number) on delete cascade,
  attempt int not null,
  name text not null,
  sha256 text not null references contents (sha256),
  bytes bigint not null,
  primary key (run, attempt, name)
);
create index artifacts_sha256 on artifacts (sha256);
create table content_holders (
  sha256 text not null references contents (sha256),
  holder text not null,
  primary key (sha256, holder)
);
create table run_inputs (
  run bigint not null references runs (number) on delete cascade,
  attempt int not null,
  name text not null,
  sha256 text not null,
  bytes bigint not null,
  primary key (run, attempt, name)
);
create table run_machines (
  run bigint not null references runs (number) on delete cascade,
  attempt int not null,
  facts jsonb not null,
  primary key (run, attempt)
);
create index allocations_of_run on allocations (run, attempt);
`,
} as const;
