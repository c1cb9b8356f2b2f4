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

-- A plan writes many rows at once: the head goes on over all that are there, without a gap, to the last one.
create function audit_head_follows() returns trigger language plpgsql as
$$ begin
  if new.id <> old.id or new.seq <= old.seq
    or (select count(*) from audit where seq > old.seq and seq <= new.seq) <> new.seq - old.seq
    or not exists (select from audit where seq = new.seq and hash = new.hash)
  then
    raise exception 'the audit log is append-only: % of % is refused', lower(tg_op), tg_table_name
      using errcode = 'insufficient_privilege', hint = 'Rows are only ever added, by Signalbox itself.';
  end if;
  return new;
end $$;
create or replace trigger audit_head_goes_on before update on audit_head
  for each row execute function audit_head_follows();
`,
} as const;
