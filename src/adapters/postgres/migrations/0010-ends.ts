/** Freezes that stood already, and lifts of nothing: a repeat of such a wish must not do later what it did not do then. */
export const ends = {
  name: '0010-ends',
  sql: `
create table freeze_idle (
  key text primary key,
  -- What was there already; null: there was nothing to lift.
  stood bigint references freezes (id),
  at timestamptz not null default now()
);
`,
} as const;
