/** What a run is held against is looked for whenever its message is made true: the newest runs of its project that succeeded. */
export const baselines = {
  name: '0022-baselines',
  sql: `
create index runs_succeeded on runs (project, number desc) where state = 'succeeded' and kind = 'train';
`,
} as const;
