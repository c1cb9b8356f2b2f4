/** Runs that evaluate versions. `promotions.evaluation`: the run by which a promotion had its version evaluated, or waits for. */
export const evaluations = {
  name: '0031-evaluations',
  sql: `
alter table promotions add column evaluation bigint;
create index runs_evaluating on runs ((spec -> 'evaluates' ->> 'model'), (spec -> 'evaluates' ->> 'version'), number)
  where kind = 'evaluate' and state = 'succeeded';
`,
} as const;
