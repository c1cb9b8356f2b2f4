/** Which rules over metrics were said of a run, and how much of what it reported they were looked at for. */
export const alerts = {
  name: '0025-alerts',
  sql: `
alter table metric_reports
  add column reports bigint not null default 0,
  add column judged bigint not null default 0,
  add column judge_at timestamptz;
create table run_alerts (
  run bigint not null references runs (number),
  -- Its place in the run's own list, from 0.
  rule int not null,
  attempt int not null,
  sentence text not null,
  at timestamptz not null,
  primary key (run, rule)
);
`,
} as const;
