/** Accounts of one person. `account` leads to the one that stands for all; that one is in no row of its own. */
export const links = {
  name: '0008-links',
  sql: `
create table links (
  account text primary key,
  person text not null,
  linked_at timestamptz not null,
  check (account <> person)
);
create index links_person on links (person);

create table link_codes (
  account text primary key,
  hash bytea not null unique,
  until timestamptz not null
);
`,
} as const;
