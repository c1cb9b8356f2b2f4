/**
 * Promotions of versions, and what was said to them. Of a model in an environment one may be open, beside one whose rollout is under way.
 * `promotion_evidence`: what was decided on, under its digest. `promotion_buttons`: what a button on a message stands for; its id says nothing
 * and counts only where it was put. `promotion_deployments`: what of one is shown at its commit on GitHub: `wanted` grows with each step,
 * `shown` is which of them was told. `surfaces.promotion`: a message that shows one.
 */
export const promotions = {
  name: '0028-promotions',
  sql: `
create table promotions (
  number bigint primary key generated always as identity,
  request_key text not null unique,
  kind text not null,
  model text not null,
  version int not null,
  environment text not null,
  before int,
  requested_by jsonb not null,
  requester text not null,
  place jsonb not null,
  reason text not null,
  state text not null,
  evidence text,
  needed int not null,
  step int,
  step_at timestamptz,
  said text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  foreign key (model, version) references model_versions (model, number)
);
create unique index promotions_open on promotions (model, environment)
  where state in ('evaluating', 'awaiting-approval', 'approved');
create unique index promotions_moving on promotions (model, environment) where state in ('rolling-out', 'rolling-back');
create index promotions_of on promotions (model, number);
create table promotion_events (
  promotion bigint not null references promotions (number) on delete cascade,
  seq int not null,
  type text not null,
  from_state text not null,
  to_state text not null,
  actor jsonb not null,
  reason text not null,
  evidence text,
  at timestamptz not null,
  primary key (promotion, seq)
);
create table promotion_answers (
  promotion bigint not null references promotions (number) on delete cascade,
  seq int not null,
  says text not null,
  by jsonb not null,
  person text not null,
  evidence text not null,
  reason text not null,
  at timestamptz not null,
  primary key (promotion, seq),
  unique (promotion, person, says, evidence)
);
create table promotion_evidence (
  promotion bigint not null references promotions (number) on delete cascade,
  digest text not null,
  content jsonb not null,
  at timestamptz not null,
  primary key (promotion, digest)
);
create table promotion_buttons (
  id text primary key,
  promotion bigint not null references promotions (number) on delete cascade,
  evidence text not null,
  team text not null,
  channel text not null,
  unique (promotion, evidence, team, channel)
);
create table promotion_deployments (
  promotion bigint primary key references promotions (number) on delete cascade,
  deployment bigint,
  wanted int not null default 1,
  shown int not null default 0,
  gave_up boolean not null default false,
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  failures int not null default 0,
  error text
);
create index promotion_deployments_next on promotion_deployments (next_at) where wanted > shown and not gave_up;
alter table surfaces add column promotion bigint;
create index surfaces_promotion on surfaces (promotion) where promotion is not null;
`,
} as const;
