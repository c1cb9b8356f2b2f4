/** Runs that have ended a short while ago and whose rules may still be looked at, for what they reported last. */
export const lastWords = {
  name: '0033-last-words',
  sql: `
create index runs_ended_with_rules on runs (ended_at) where state = 'succeeded' and spec -> 'alerts' is not null;
`,
} as const;
