/**
 * How a delivery's body is kept: null as it came, or `zstd`; nobody tries to compress it again. And what of GitHub's deliveries was lost: those
 * that failed and of which no attempt is known to have succeeded, with how far its list of them was read.
 */
export const encodings = {
  name: '0014-encodings',
  sql: `
alter table deliveries add column if not exists encoding text;
alter table deliveries alter column body set storage external;
create table lost_deliveries (
  guid text primary key,
  -- Of the last attempt, as GitHub numbers them: that one can be made again.
  attempt bigint not null,
  first_at timestamptz not null,
  asks int not null default 0,
  next_at timestamptz not null
);
create table lost_deliveries_read (
  id int primary key check (id = 1),
  newest bigint not null default 0,
  next_at timestamptz not null default '-infinity'
);
insert into lost_deliveries_read (id) values (1);
`,
} as const;
