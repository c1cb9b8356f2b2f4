/**
 * The audit log is read by person, subject and action, newest first, and only ever grows: its owner gives up the right to change it, and
 * triggers refuse the same to whoever has every right. The head may only go on to the next row.
 */
export const audit = {
  name: '0006-audit',
  sql: `
create index audit_subject on audit (subject, seq);
create index audit_action on audit (action, seq);
-- A Slack identity is \`T1/U1\`: found by all of it or by the user alone.
create index audit_actor on audit (split_part(actor->>'id', '/', -1), seq);
create index audit_name on audit (lower(actor->>'name'), seq);
create index audit_at on audit using brin (at);

create or replace function audit_is_append_only() returns trigger language plpgsql as
$$ begin
  raise exception 'the audit log is append-only: % of % is refused', lower(tg_op), tg_table_name
    using errcode = 'insufficient_privilege', hint = 'Rows are only ever added, by Signalbox itself.';
end $$;
create trigger audit_head_stays before delete or truncate on audit_head
  for each statement execute function audit_is_append_only();
create trigger audit_head_goes_on before update on audit_head
  for each row when (new.id <> old.id or new.seq <> old.seq + 1) execute function audit_is_append_only();

do $$
declare owner text := (select relowner::regrole from pg_class where oid = 'audit'::regclass);
begin
  execute 'revoke update, delete, truncate on audit from public, ' || owner;
  execute 'revoke delete, truncate on audit_head from public, ' || owner;
end $$;
`,
} as const;
