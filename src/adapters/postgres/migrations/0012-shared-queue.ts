/**
 * Attempts that machines take, runs that give way to others and change their pool, and what teams had: seconds of accelerators, each
 * halved with every half-life, and money by month.
 */
export const sharedQueue = {
  name: '0012-shared-queue',
  sql: `
alter table runs add column preemptions int not null default 0;
alter table runs add column taken text;
alter table runs add column preempted_by jsonb;
-- Their machines may have begun them already, without a word.
update runs set taken = '' where state in ('starting', 'running');

alter table attempts add column pool text;
alter table agents add column takes boolean not null default false;
alter table allocations add column flavor text;
alter table allocations add column price double precision not null default 0;
alter table planner add column half_life_s double precision not null default 604800;

create table team_served (
  team text primary key,
  served double precision not null,
  at timestamptz not null
);
create table team_spent (
  team text not null,
  month date not null,
  amount double precision not null,
  primary key (team, month)
);
`,
} as const;
