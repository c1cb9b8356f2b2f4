/** Homes: which are open, and what changed since they were last made true. */
export const home = {
  name: '0005-home',
  sql: `
alter table surfaces add column opened_at timestamptz;
alter table surfaces add column seen_change bigint not null default 0;
create index surfaces_homes on surfaces (opened_at) where kind = 'home';

alter table planner add column changed_seq bigint not null default 0;
`,
} as const;
