/** Runs that were asked for together, one for each combination of values, and what was stopped early of them. */
export const sweeps = {
  name: '0024-sweeps',
  sql: `
create table sweeps (
  number bigint generated always as identity primary key,
  request_key text not null unique,
  spec jsonb not null,
  requested_by jsonb not null,
  place jsonb not null,
  created_at timestamptz not null,
  cancelled_by jsonb,
  ended_at timestamptz,
  -- Of what its members were when its message was wanted last, and when somebody may look for hopeless ones again.
  seen text,
  next_at timestamptz not null default now()
);
create index sweeps_open on sweeps (number) where ended_at is null;
alter table runs add column sweep bigint references sweeps (number);
create index runs_sweep on runs (sweep, number) where sweep is not null;
create table sweep_stops (
  run bigint primary key references runs (number),
  step bigint not null,
  value double precision not null,
  median double precision not null,
  completed int not null,
  at timestamptz not null
);
alter table surfaces add column sweep bigint references sweeps (number);
create index surfaces_sweep on surfaces (sweep) where sweep is not null;
create index metric_summaries_name on metric_summaries (name, run);
`,
} as const;
