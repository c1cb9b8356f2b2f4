import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { replySchema } from '../../src/core/reply-json.ts';
import type { Run } from '../../src/core/run.ts';
import { endedReply, runReply } from '../../src/core/run-reply.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { summaryOf } from '../support/summary.ts';

describe('a reply comes back from JSON as it was', () => {
  const rows: [name: string, changes: Partial<Run>][] = [
    ['of a run that waits', {}],
    ['of a run that works', { state: 'running', attempt: 1, startedAt: noon }],
    [
      'of a run that has failed',
      { state: 'failed', attempt: 1, failure: { class: 'killed', message: 'x', lines: ['y'] } },
    ],
  ];
  for (const [name, changes] of rows)
    test(name, () => {
      const run = liveRun(changes);
      const facts = { metrics: [summaryOf('loss', 1, 1)], output: 'out' };
      for (const reply of [runReply(run, { ...facts, ahead: 1 }, later(9)), endedReply(run, facts)])
        assert.deepEqual(replySchema.parse(JSON.parse(JSON.stringify(reply))), reply);
    });
});
