/** What may stand after `train` in place of a project: a rule of that name could not be said, and a slip in one is told from an unknown project. */
export const trainWords: readonly string[] = [
  ...[
    'list',
    'status',
    'why',
    'logs',
    'cancel',
    'retry',
    'extend',
    'bump',
    'approve',
    'compare',
    'artifacts',
    'chart',
    'help',
  ],
];
