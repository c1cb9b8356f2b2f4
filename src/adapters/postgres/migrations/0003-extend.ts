/** More time for a run, given once for each wish. */
export const extend = {
  name: '0003-extend',
  sql: `
alter table runs add column extra_s bigint not null default 0;

create table extensions (
  run bigint not null references runs (number),
  key text not null,
  by_s bigint not null,
  at timestamptz not null,
  primary key (run, key)
);
`,
} as const;
