/**
 * Leases are runs of their own kind. `warned_s`: the time limit before whose end the holder was warned. `approved`: the cost that somebody
 * said yes to. The indexes are for leases that end soon, and for what was held in a stretch of time.
 */
export const leases = {
  name: '0013-leases',
  sql: `
alter table runs add column if not exists kind text not null default 'train';
alter table runs add column if not exists warned_s double precision;
alter table runs add column if not exists approved numeric;
alter table runs add column if not exists approved_by jsonb;
alter table runs add column if not exists approved_at timestamptz;
create index leases_running on runs (number) where kind = 'lease' and state = 'running';
create index runs_kind on runs (kind, number desc);
create index allocations_released on allocations (released_at);
`,
} as const;
