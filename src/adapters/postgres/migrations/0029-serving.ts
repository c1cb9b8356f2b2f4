/**
 * What serves. `serving_holds`: who changed it last, and at which stage of its rollout; a change from an earlier one finds that here and
 * changes nothing. `serving`: the versions that are kept ready, each with its part of a hundred requests; `settled`: it is started again when
 * it ends; `promotion`: by which it came. `serving_ports`: where runs of kind `serve` listen. `serving_counts`: what versions answered during
 * one stage. `serving_told`: what a webhook said of one.
 */
export const serving = {
  name: '0029-serving',
  sql: `
create table serving_holds (
  model text not null,
  environment text not null,
  target text not null,
  promotion bigint not null,
  stage int not null,
  before int,
  at timestamptz not null,
  primary key (model, environment)
);
create table serving (
  model text not null,
  environment text not null,
  version int not null,
  weight int not null check (weight between 0 and 100),
  settled boolean not null,
  promotion bigint not null,
  since timestamptz not null,
  primary key (model, environment, version),
  foreign key (model, environment) references serving_holds on delete cascade
);
create table serving_ports (
  run bigint primary key references runs (number) on delete cascade,
  attempt int not null,
  port int not null,
  ready boolean not null,
  changed_at timestamptz not null default now()
);
create table serving_counts (
  model text not null,
  environment text not null,
  version int not null,
  promotion bigint not null,
  stage int not null,
  answers bigint not null default 0,
  errors bigint not null default 0,
  seconds double precision not null default 0,
  primary key (model, environment, version, promotion, stage)
);
create table serving_told (
  model text not null,
  environment text not null,
  promotion bigint not null,
  stage int not null,
  states jsonb not null,
  tries int not null,
  next_at timestamptz not null,
  primary key (model, environment)
);
create index runs_serving on runs ((spec -> 'serves' ->> 'model'), (spec -> 'serves' ->> 'environment'), number desc)
  where kind = 'serve';
create index runs_serving_now on runs (number) where kind = 'serve' and state not in ('succeeded', 'failed', 'cancelled', 'timed-out');
`,
} as const;
