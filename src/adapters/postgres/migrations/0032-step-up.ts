/** Approvals that wait for a second factor: what their link is about, good until then and once. Of an approval with one, which and when. */
export const stepUp = {
  name: '0032-step-up',
  sql: `
create table step_ups (
  id text primary key,
  request_key text not null unique,
  promotion bigint not null references promotions (number) on delete cascade,
  evidence text not null,
  actor jsonb not null,
  place jsonb not null,
  reason text not null,
  asked_at timestamptz not null,
  until timestamptz not null,
  used_at timestamptz
);
create index step_ups_until on step_ups (until);
alter table promotion_answers add column factor_account text;
alter table promotion_answers add column factor_at timestamptz;
`,
} as const;
