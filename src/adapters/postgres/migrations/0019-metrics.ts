/**
 * What is known of each metric of a run, kept beside its points, and how the run comes forward. Since when an agent is heard without a gap:
 * what its runs do not tell before that is no halt of theirs.
 */
export const metrics = {
  name: '0019-metrics',
  sql: `
create table metric_summaries (
  run bigint not null references runs (number),
  name text collate "C" not null,
  count bigint not null,
  last_attempt int not null,
  last_step bigint not null,
  last_value double precision not null,
  least_value double precision not null,
  least_step bigint not null,
  most_value double precision not null,
  most_step bigint not null,
  primary key (run, name)
);
create table metric_reports (
  run bigint primary key references runs (number),
  names int not null default 0,
  points bigint not null default 0,
  left_out jsonb,
  pace jsonb
);

insert into metric_summaries
  select run, name, count(*),
    (array_agg(attempt order by attempt desc, step desc))[1], (array_agg(step order by attempt desc, step desc))[1],
    (array_agg(value order by attempt desc, step desc))[1],
    min(value), (array_agg(step order by value, step))[1], max(value), (array_agg(step order by value desc, step))[1]
  from metric_points group by run, name;
insert into metric_reports (run, names, points)
  select run, count(*), sum(count) from metric_summaries group by run;

-- It was looked up for each of a million points; the row of metric_reports that they are stored under has it once.
alter table metric_points drop constraint metric_points_run_fkey;

alter table agents add column back_at timestamptz;
`,
} as const;
