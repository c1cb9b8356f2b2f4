/** The first schema. Migrations only ever add (expand); what is no longer used goes in a later release (contract). */
export const first = {
  name: '0001-first',
  sql: `
create table instance (
  name text primary key,
  value bytea not null
);

create table runs (
  number bigint generated always as identity primary key,
  request_key text not null unique,
  -- json, not jsonb: the order of the parameters is the order of the project.
  spec json not null,
  project text not null,
  team text not null,
  pool text not null,
  gpus int not null,
  state text not null,
  priority smallint not null,
  requested_by jsonb not null,
  requester text not null,
  place jsonb not null,
  attempt int not null default 0,
  stopping text,
  stopped_by jsonb,
  waiting jsonb,
  exit_code int,
  failure jsonb,
  created_at timestamptz not null,
  queued_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz
);
create index runs_queue on runs (pool, priority desc, queued_at, number) where state = 'queued';
create index runs_on_machine on runs (pool) where state in ('starting', 'running');
create index runs_requester on runs (requester, number desc);

create table run_events (
  run bigint not null references runs (number),
  seq int not null,
  type text not null,
  from_state text not null,
  to_state text not null,
  actor jsonb not null,
  reason text not null,
  attempt int not null,
  at timestamptz not null,
  primary key (run, seq)
);

create table attempts (
  run bigint not null references runs (number),
  attempt int not null,
  log_size bigint not null default 0,
  log_start bigint not null default 0,
  primary key (run, attempt)
);

create table log_chunks (
  run bigint not null,
  attempt int not null,
  at_byte bigint not null,
  content bytea not null,
  primary key (run, attempt, at_byte),
  foreign key (run, attempt) references attempts (run, attempt)
);

create table metric_points (
  run bigint not null references runs (number),
  name text not null,
  step bigint not null,
  attempt int not null,
  value double precision not null,
  primary key (run, name, step)
);

create table planner (
  id int primary key check (id = 1),
  epoch bigint not null default 0,
  wanted_seq bigint not null default 0,
  seen_seq bigint not null default 0
);
insert into planner (id) values (1);

create table agents (
  pool text primary key,
  seen_at timestamptz not null
);

create table accelerators (
  pool text not null,
  node text not null,
  kind text not null,
  index int not null,
  model text not null,
  memory_mb int not null,
  healthy boolean not null,
  primary key (pool, node, kind, index)
);

create table allocations (
  id bigint generated always as identity primary key,
  run bigint not null references runs (number),
  attempt int not null,
  pool text not null,
  node text not null,
  kind text not null,
  gpu int not null,
  held_at timestamptz not null,
  released_at timestamptz
);
create unique index allocations_once on allocations (pool, node, kind, gpu) where released_at is null;
create index allocations_run on allocations (run) where released_at is null;

create table deliveries (
  id bigint generated always as identity primary key,
  source text not null,
  kind text not null,
  delivery_id text not null,
  body bytea not null,
  body_hash bytea not null,
  received_at timestamptz not null default now(),
  done_at timestamptz,
  laid_aside boolean not null default false,
  error text,
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  unique (source, delivery_id)
);
create index deliveries_due on deliveries (next_at) where done_at is null;
create index deliveries_done on deliveries (done_at) where done_at is not null;

create table surfaces (
  id uuid primary key default gen_random_uuid(),
  key text not null unique,
  kind text not null,
  run bigint references runs (number),
  place jsonb not null,
  content jsonb,
  nonce uuid not null default gen_random_uuid(),
  remote jsonb,
  shown_hash text,
  posting_since timestamptz,
  wanted_seq bigint not null default 1,
  seen_seq bigint not null default 0,
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  failures int not null default 0,
  error text,
  gave_up boolean not null default false
);
create index surfaces_due on surfaces (next_at) where wanted_seq > seen_seq and not gave_up;
create index surfaces_run on surfaces (run);

create table tokens (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  hash bytea not null unique,
  scopes text[] not null,
  pool text,
  created_at timestamptz not null,
  revoked_at timestamptz
);

create table idempotency (
  scope text not null,
  key text not null,
  digest text not null,
  at timestamptz not null default now(),
  primary key (scope, key)
);

create table audit (
  seq bigint primary key,
  at timestamptz not null,
  actor jsonb not null,
  action text not null,
  subject text not null,
  outcome text not null,
  details jsonb not null,
  hash bytea not null
);
create table audit_head (
  id int primary key check (id = 1),
  seq bigint not null,
  hash bytea not null
);
insert into audit_head (id, seq, hash) values (1, 0, '\\x');

create function audit_is_append_only() returns trigger language plpgsql as
$$ begin raise exception 'the audit log is append-only'; end $$;
create trigger audit_append_only before update or delete or truncate on audit
  for each statement execute function audit_is_append_only();
`,
} as const;
