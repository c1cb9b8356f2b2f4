/** How often something outside may be called, for all processes together, and at what stage of a run its message was last. */
export const rates = {
  name: '0004-rates',
  sql: `
create table rate_slots (
  key text primary key,
  free_at timestamptz not null default 'epoch',
  held_until timestamptz not null default 'epoch'
);

alter table surfaces add column shown_stage text;
`,
} as const;
