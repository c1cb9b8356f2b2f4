/** What an accelerator is, and by what its driver is asked for it. `resource` is null where only an older version has written the row. */
export const resources = {
  name: '0011-resources',
  sql: `
alter table accelerators add column resource text, add column device text;
`,
} as const;
