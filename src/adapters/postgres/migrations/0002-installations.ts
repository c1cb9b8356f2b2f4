/** Where the Slack app is installed. `workspace` is the id of the workspace (`T...`), or of the organisation where it is on all of it. */
export const installations = {
  name: '0002-installations',
  sql: `
create table installations (
  workspace text primary key,
  team text,
  enterprise text,
  name text not null,
  bot_user text not null,
  scopes text[] not null,
  token bytea not null,
  key_id text not null,
  installed_by text not null,
  installed_at timestamptz not null,
  revoked_at timestamptz,
  check (workspace = coalesce(team, enterprise))
);
`,
} as const;
