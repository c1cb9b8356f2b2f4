/** How far the metrics of runs are read from MLflow. */
export const mlflow = {
  name: '0020-mlflow',
  sql: `
alter table runs add column mlflow text;

create table mlflow_follows (
  run bigint primary key references runs (number),
  cursor json,
  ended_attempt int not null default 0,
  failures int not null default 0,
  claims int not null default 0,
  claimed_until timestamptz not null default '-infinity',
  next_at timestamptz not null default now(),
  done_at timestamptz
);
create index mlflow_follows_due on mlflow_follows (next_at) where done_at is null;
`,
};
