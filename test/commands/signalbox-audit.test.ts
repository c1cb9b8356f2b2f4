import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signalboxAudit } from '../../commands/signalbox-audit.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import type { AuditRow } from '../../src/core/ports.ts';
import { noon } from '../support/live-run.ts';
import { memory, policy, say } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

const person = { name: 'Mona', slack: 'T1/U7', role: 'trainer' as const, teams: [] };
const row = (seq: number, more: Partial<AuditRow> = {}): AuditRow => ({
  ...{ seq, at: noon, actor: octocat, action: 'run.requested', subject: 'run:42', outcome: 'done' },
  details: { project: 'digits', sha: 'a'.repeat(40), gpus: 0 },
  ...more,
});

describe('what is asked of the log', () => {
  const none = { keys: [], ids: [], names: [] };
  const rows: [words: string, filter: Record<string, unknown>][] = [
    ['', { limit: 20 }],
    ['#42', { limit: 20, subject: 'run:42' }],
    ['42', { limit: 20, subject: 'run:42' }],
    ['run:42', { limit: 20, subject: 'run:42' }],
    ['token:ci', { limit: 20, subject: 'token:ci' }],
    ['slack:T1/U1', { limit: 20, subject: 'slack:T1/U1' }],
    ['--by octocat', { limit: 20, by: { ...none, ids: ['octocat'], names: ['octocat'] } }],
    ['--by @octocat', { limit: 20, by: { ...none, ids: ['octocat'], names: ['octocat'] } }],
    ['--by mona', { limit: 20, by: { keys: ['slack:T1/U7'], ids: ['mona'], names: ['mona'] } }],
    ['--by mon', { limit: 20, by: { ...none, ids: ['mon'], names: ['mon'] } }],
    ['--by U1', { limit: 20, by: { ...none, ids: ['U1'], names: ['U1'] } }],
    ['--by T1/U1', { limit: 20, by: { ...none, keys: ['slack:T1/U1'], names: ['T1/U1'] } }],
    ['--by token:T1', { limit: 20, by: { ...none, keys: ['token:T1'], names: ['token:T1'] } }],
    ['--since 7d --limit 90', { limit: 90, since: new Date(noon.getTime() - 7 * 86_400_000).toISOString() }],
    ['#42 --action command.refused', { limit: 20, action: 'command.refused', subject: 'run:42' }],
  ];
  for (const [words, filter] of rows)
    test(words || 'nothing', async () => {
      const m = memory();
      const outcome = await say(signalboxAudit, words, m, { policy: { ...policy, people: [person] } });
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, 'The audit log has no such entries.');
      assert.deepEqual(JSON.parse(m.calls[0]?.slice('audit '.length) ?? ''), filter);
    });

  const wrong: [words: string, says: RegExp][] = [
    [
      'octocat',
      /^octocat is not a value for <subject>\..*Did you mean --by octocat\? Try signalbox audit #42\.$/,
    ],
    ['run:', /not a value for <subject>/],
    ['run:0', /not a value for <subject>/],
    ['##42', /not a value for <subject>/],
    ['#42x', /not a value for <subject>/],
    ['--limit 91', /91 is not a value for --limit\. It takes a whole number from 1 to 90\./],
    ['--since yesterday', /yesterday is not a value for --since/],
  ];
  for (const [words, says] of wrong)
    test(`refused: ${words}`, async () => {
      const m = memory();
      const outcome = await say(signalboxAudit, words, m);
      assert.ok(!outcome.ok);
      assert.match(faultLine(fault(outcome.code, outcome.details)), says);
      assert.deepEqual(m.calls, []);
    });
});

describe('what is answered', () => {
  const audit = [
    row(1),
    row(2, {
      actor: { kind: 'token', id: 't', name: 'ci' },
      action: 'command.refused',
      outcome: 'refused',
      details: { code: 'ACCESS_DENIED', words: 'train cancel 42', place: 'http' },
    }),
    row(3, { details: { reason: `\u001b[31m${'x'.repeat(500)}` } }),
    row(4, { details: { code: 7, words: { of: 'another kind' } } }),
  ];

  test('a table with the newest first, to the sender alone', async () => {
    const outcome = await say(signalboxAudit, '', memory({ audit }));
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.audience, 'sender');
    assert.equal(outcome.reply.title, 'The newest 4 entries of the audit log:');
    const [table] = outcome.reply.blocks;
    assert.ok(table?.kind === 'table');
    const when = noon.toISOString().slice(0, 19).replace('T', ' ');
    assert.deepEqual(table.rows, [
      ['4', 'octocat', 'run.requested', 'run:42', '', when],
      ['3', 'octocat', 'run.requested', 'run:42', `${'x'.repeat(119)}…`, when],
      ['2', 'ci (token)', 'command.refused', 'run:42', 'ACCESS_DENIED: train cancel 42', when],
      ['1', 'octocat', 'run.requested', 'run:42', `digits: ${'a'.repeat(12)}`, when],
    ]);
  });

  test('as data, whole', async () => {
    const outcome = await say(signalboxAudit, '--limit 1', memory({ audit: [row(1)] }));
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.title, 'One entry of the audit log:');
    assert.deepEqual(outcome.reply.data, { entries: [{ ...row(1), at: noon.toISOString() }] });
  });
});

test('only operators may read it', () => {
  assert.equal(signalboxAudit.access, 'operator');
});
