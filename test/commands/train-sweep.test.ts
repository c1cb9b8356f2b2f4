import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { train } from '../../commands/train.ts';
import { trainCancel } from '../../commands/train-cancel.ts';
import { trainStatus } from '../../commands/train-status.ts';
import type { Policy } from '../../src/core/policy.ts';
import { plain } from '../../src/core/reply.ts';
import { type context, memory, policy, say } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

const { digits } = policy.projects;
assert.ok(digits);
const measuring: Policy = { ...policy, projects: { digits: { ...digits, primaryMetric: 'val_auc' } } };
const hubot = { kind: 'slack', id: 'T1/U2', name: 'hubot' } as const;

describe('a sweep', () => {
  test('is asked for once, all its runs from one commit', async () => {
    const m = memory();
    const words = 'digits --ref dev --sweep lr=0.1,0.2,0.3 --early-stop median --note “which is it”';
    const first = await say(train, words, m, { policy: measuring });
    assert.ok(first.ok);
    assert.equal(
      first.reply.title,
      'Sweep S1 digits: 3 runs from #1 to #3, bbbbbbb (dev), each on 1 CPU slot in pool local.',
    );
    assert.equal(first.reply.shownByRun, true);
    assert.deepEqual(m.calls, ['resolve /projects/digits dev', 'sweep slack:1']);
    assert.deepEqual(
      m.runs.map(({ spec }) => [spec.parameters.lr, spec.sha.slice(0, 3), spec.sweep, spec.note]),
      [0.1, 0.2, 0.3].map((lr, i) => [lr, 'bbb', { number: 1, member: i + 1 }, 'which is it']),
    );
    const again = await say(train, words, m, { policy: measuring });
    assert.ok(again.ok);
    assert.deepEqual([again.reply.title, m.runs.length], [first.reply.title, 3]);
    const { metric, better, earlyStop } = m.sweeps[0]?.sweep.spec ?? {};
    assert.deepEqual([metric, better, earlyStop], ['val_auc', 'higher', 'median']);
  });

  test('only looked at: nothing is asked for', async () => {
    const m = memory();
    const outcome = await say(train, 'digits --sweep lr=0.1,0.2 --dry-run', m);
    assert.ok(outcome.ok);
    const [text] = outcome.reply.blocks;
    assert.ok(text?.kind === 'text');
    assert.match(plain(text.text), /It would be 2 runs/);
    assert.deepEqual(m.calls, []);
  });

  const refused: [name: string, words: string, code: string, changes?: Parameters<typeof say>[3]][] = [
    ['one value', 'digits --sweep lr=1', 'SWEEP_INVALID'],
    ['too many', 'digits --sweep lr=0..1:12 --sweep note=a,b,c', 'SWEEP_TOO_LARGE'],
    ['a value that does not fit', 'digits --sweep lr=1,99', 'PARAMETER_INVALID'],
    ['early stop of one run', 'digits --early-stop median', 'EARLY_STOP_UNSURE'],
    ['early stop without a primary metric', 'digits --sweep lr=1,2 --early-stop median', 'EARLY_STOP_UNSURE'],
    ['another rule', 'digits --sweep lr=1,2 --early-stop mean', 'VALUE_INVALID'],
    ['the same parameter twice', 'digits --sweep lr=1,2 --sweep lr=3,4', 'FLAG_REPEATED'],
    ['no values', 'digits --sweep lr', 'VALUE_INVALID'],
    ['a project that is none', 'digit --sweep lr=1,2', 'PROJECT_UNKNOWN'],
  ];
  for (const [name, words, code, changes] of refused)
    test(`${name}: refused, and nothing is stored`, async () => {
      const m = memory();
      const outcome = await say(train, words, m, changes);
      assert.deepEqual([outcome.ok ? null : outcome.code, m.runs.length, m.sweeps.length], [code, 0, 0]);
    });
});

async function begun() {
  const m = memory();
  const outcome = await say(train, 'digits --sweep lr=0.1,0.2', m);
  assert.ok(outcome.ok);
  m.calls.length = 0;
  return m;
}

test('train status of a sweep is its message, to the sender', async () => {
  const outcome = await say(trainStatus, 's1', await begun());
  assert.ok(outcome.ok);
  assert.deepEqual(
    [outcome.reply.title, outcome.reply.audience],
    ['S1 digits: 0 of 2 runs succeeded, 2 wait', 'sender'],
  );
  const none = await say(trainStatus, 'S7', await begun());
  assert.deepEqual(none.ok ? null : [none.code, none.details.newest], ['SWEEP_NOT_FOUND', 1]);
});

describe('train cancel of a sweep', () => {
  test('stops all that is open, and says the same again', async () => {
    const m = await begun();
    const outcome = await say(trainCancel, 'S1', m);
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.title, 'Sweep S1 is being stopped: 2 runs of it waited or worked.');
    assert.deepEqual(m.calls, ['cancel S1', 'change 1 stop', 'change 2 stop']);
    assert.deepEqual(
      m.runs.map(run => run.state),
      ['cancelled', 'cancelled'],
    );
    const again = await say(trainCancel, 'S1', m);
    assert.ok(again.ok);
    assert.equal(again.reply.title, 'Sweep S1 is stopped.');
  });

  test('one member alone is a run like others', async () => {
    const m = await begun();
    const outcome = await say(trainCancel, '2', m);
    assert.ok(outcome.ok);
    assert.deepEqual(
      m.runs.map(run => run.state),
      ['queued', 'cancelled'],
    );
  });

  const rows: [name: string, changes: Parameters<typeof context>[0], code: string | null][] = [
    ['whoever asked for it', { actor: octocat }, null],
    ['another trainer', { actor: hubot }, 'ACCESS_DENIED'],
    ['an operator', { actor: hubot, role: 'operator' }, null],
  ];
  for (const [name, changes, code] of rows)
    test(`by ${name}`, async () => {
      const m = await begun();
      const outcome = await say(trainCancel, 'S1', m, changes);
      assert.equal(outcome.ok ? null : outcome.code, code);
      assert.equal(
        m.runs.every(run => run.state === 'cancelled'),
        code === null,
      );
    });

  test('one that has ended', async () => {
    const m = await begun();
    for (const number of [1, 2]) await say(trainCancel, String(number), m);
    const outcome = await say(trainCancel, 'S1', m);
    assert.equal(outcome.ok ? null : outcome.code, 'SWEEP_ALREADY_ENDED');
  });
});
