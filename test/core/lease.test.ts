import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fault, faultLine } from '../../src/core/errors.ts';
import { type LeaseWish, leaseEnd, longestLeaseS, requestLease } from '../../src/core/lease.ts';
import { leaseWarning } from '../../src/core/lease-reply.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import { plain } from '../../src/core/reply.ts';
import { type Exit, type Run, type RunSpec, transition } from '../../src/core/run.ts';
import { actionsOf } from '../../src/core/run-actions.ts';
import { endedReply, runReply, titleOf } from '../../src/core/run-reply.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';

const policy = policySchema.parse({
  teams: { vision: {}, speech: {} },
  pools: { cloud: { backup: true }, lab: {} },
  leases: { most: '8h', gpus: 4, commands: { jupyter: { command: ['jupyter', 'lab'] } } },
});
const bound = policySchema.parse({
  ...JSON.parse(JSON.stringify({ teams: { vision: { queue: {} }, speech: { queue: {} } } })),
  pools: { lab: {} },
});
const wish: LeaseWish = { gpus: 2, for: 4 * 3_600 };

describe('a request for a lease', () => {
  type Asker = { teams?: string[]; isOperator?: boolean; policy?: Policy };
  const ask = (
    more: Partial<LeaseWish>,
    { teams = ['vision'], isOperator = false, policy: said = policy }: Asker = {},
  ) => requestLease({ ...wish, ...more }, { policy: said, teams, isOperator });

  const good: [name: string, more: Partial<LeaseWish>, asker: Asker, spec: Partial<RunSpec>][] = [
    [
      'as it is usual',
      {},
      {},
      { kind: 'lease', team: 'vision', gpus: 2, timeLimitS: 14_400, maxAttempts: 1, source: '', sha: '' },
    ],
    ['its own pools first, backup ones last', {}, {}, { pool: 'lab', pools: ['lab', 'cloud'] }],
    ['a pool that is named', { pool: 'cloud' }, {}, { pool: 'cloud', pools: ['cloud'] }],
    ['as many and as long as there may be', { gpus: 4, for: 8 * 3_600 }, {}, { gpus: 4 }],
    [
      'more, for an operator',
      { gpus: 5, for: 9 * 3_600 },
      { isOperator: true },
      { gpus: 5, timeLimitS: 32_400 },
    ],
    ['no GPU', { gpus: 0 }, {}, { gpus: 0 }],
    ['one of two teams', { team: 'speech' }, { teams: ['vision', 'speech'] }, { team: 'speech' }],
    ['where no team has a quota, any team', { team: 'speech' }, {}, { team: 'speech' }],
    [
      'another team, for an operator',
      { team: 'speech' },
      { isOperator: true, policy: bound },
      { team: 'speech' },
    ],
    [
      'a command that an operator has named',
      { run: 'jupyter' },
      {},
      { command: ['jupyter', 'lab'], parameters: { run: 'jupyter' } },
    ],
  ];
  for (const [name, more, asker, spec] of good)
    test(name, () => {
      const asked = ask(more, asker);
      assert.ok(asked.ok);
      for (const [key, value] of Object.entries(spec))
        assert.deepEqual(asked.spec[key as keyof typeof asked.spec], value, key);
    });

  const wrong: [name: string, more: Partial<LeaseWish>, asker: Asker, says: string][] = [
    [
      'one too many',
      { gpus: 5 },
      {},
      '5 is not a value for <gpus>. It takes at most 4. Try gpu request 4 --for 4h.',
    ],
    [
      'a second too long',
      { for: 28_801 },
      {},
      '28801s is not a value for --for. It takes at most 8h. Try gpu request 2 --for 8h.',
    ],
    [
      'an unknown pool',
      { pool: 'lob' },
      {},
      'There is no pool lob. The pools are cloud, lab. Did you mean lab? Try gpu request 2 --for 4h --pool lab.',
    ],
    [
      'a model without a GPU',
      { gpus: 0, gpu: 'a100' },
      {},
      'a100 is not a value for --gpu. It takes a model only where it is 1 GPU or more. Try gpu request 1 --gpu a100 --for 4h.',
    ],
    [
      'a team of others',
      { team: 'speech' },
      { policy: bound },
      'speech is not a value for --team. It takes vision. Try gpu request 2 --for 4h --team vision.',
    ],
    [
      'two teams and none named',
      {},
      { teams: ['vision', 'speech'] },
      'It is not clear for which team this is. You are in vision, speech. Name one, for example gpu request 2 --for 4h --team vision.',
    ],
    [
      'in no team',
      {},
      { teams: [], policy: bound },
      'There is no team that this could be for. You are in none, and what is held counts for a team. Ask an operator to add you to one under `people:` in signalbox.yml.',
    ],
    [
      'in no team of several',
      {},
      { teams: [] },
      'It is not clear for which team this is. The teams are vision, speech. Name one, for example gpu request 2 --for 4h --team vision.',
    ],
    [
      'an unknown command',
      { run: 'jupiter' },
      {},
      'jupiter is not a value for --run. It takes jupyter. Did you mean jupyter? Try gpu request 2 --for 4h --run jupyter.',
    ],
    [
      'a name that every object has',
      { run: 'constructor' },
      {},
      'constructor is not a value for --run. It takes jupyter. Try gpu request 2 --for 4h --run jupyter.',
    ],
  ];
  for (const [name, more, asker, says] of wrong)
    test(`is refused: ${name}`, () => {
      const asked = ask(more, asker);
      assert.ok(!asked.ok);
      assert.equal(faultLine(fault(asked.code, asked.details)), says);
    });
});

const spec: Partial<RunSpec> = {
  kind: 'lease',
  project: '(lease)',
  source: '',
  ref: '',
  sha: '',
  parameters: {},
  gpus: 2,
  gpuModel: 'a100',
  pool: 'lab',
  timeLimitS: 14_400,
  graceS: 30,
  maxAttempts: 1,
};
const held = liveRun({ number: 7, state: 'running', attempt: 1, startedAt: noon }, spec);
const hubot = { kind: 'slack', id: 'T1/U2', name: 'hubot' } as const;

function exited(run: Run, exit: Partial<Exit>): Run {
  const how = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: later(60), ...exit };
  const after = transition(run, { type: 'exited', attempt: 1, exit: how }, later(60), octocat);
  assert.ok(after.ok);
  return after.run;
}

describe('how a lease ends', () => {
  const rows: [name: string, run: Run, exit: Partial<Exit>, state: string, said: RegExp][] = [
    [
      'at its time',
      held,
      { code: null, signal: 'SIGKILL', stopped: 'time-limit', at: later(14_400) },
      'succeeded',
      /Its time is over/,
    ],
    [
      'given back',
      { ...held, stopping: 'cancel', stoppedBy: octocat },
      { stopped: 'cancel' },
      'succeeded',
      /It was released/,
    ],
    [
      'stopped by somebody else',
      { ...held, stopping: 'cancel', stoppedBy: hubot },
      { stopped: 'cancel' },
      'cancelled',
      /It was stopped by hubot/,
    ],
    ['what runs on it is done', held, {}, 'succeeded', /ended by itself/],
    ['what runs on it fails', held, { code: 3 }, 'failed', /exit code 3/],
    [
      'a run of a project at its time',
      liveRun({ ...held, spec: { ...held.spec, kind: 'train', project: 'digits' } }),
      { stopped: 'time-limit' },
      'timed-out',
      /./,
    ],
  ];
  for (const [name, run, exit, state, said] of rows)
    test(name, () => {
      const after = exited(run, exit);
      assert.equal(after.state, state);
      const shown = endedReply(after, { metrics: [], output: null });
      assert.match(JSON.stringify(shown), said);
    });

  test('a machine that is lost ends it: nobody is given one at night', () => {
    const after = transition(
      held,
      { type: 'lost', attempt: 1, reason: 'It was restarted.' },
      later(9),
      octocat,
    );
    assert.ok(after.ok);
    assert.equal(after.run.state, 'failed');
  });
});

describe('what is said of a lease', () => {
  const shares = [{ pool: 'lab', node: 'gpu-1', kind: 'gpu', indices: [2, 3] } as const].map(one => ({
    ...one,
    indices: [...one.indices],
  }));
  const text = (run: Run) => {
    const shown = runReply(run, { metrics: [], output: null, ahead: 0, shares }, noon);
    return shown.blocks
      .flatMap(block =>
        block.kind === 'fields' ? block.rows.map(row => `${row.label}: ${plain(row.value)}`) : [],
      )
      .join('\n');
  };

  test('where it is, how to get in and until when', () => {
    assert.equal(titleOf(held), '#7 lease of 2 a100 GPUs is held');
    assert.equal(
      text(held),
      'Where: gpu-1 in pool lab, GPUs 2, 3\nGet in: on gpu-1 with signalbox gpu shell 7\nUntil: 2026-01-01 16:00 UTC, 4 h in all\nTeam: research\nAsked by: octocat, 2026-01-01 12:00 UTC',
    );
  });
  test('before it begins, no way in', () => {
    const waits = liveRun({ number: 7 }, spec);
    assert.equal(titleOf(waits), '#7 lease of 2 a100 GPUs is queued');
    assert.doesNotMatch(text(waits), /Get in/);
    assert.match(text(waits), /For: 4 h from when it begins/);
  });

  const buttons: [name: string, run: Run, actions: string[]][] = [
    ['held', held, ['lease-extend', 'lease-release']],
    [
      'held, with a command',
      { ...held, spec: { ...held.spec, parameters: { run: 'jupyter' } } },
      ['lease-extend', 'logs', 'lease-release'],
    ],
    ['waiting', liveRun({}, spec), ['why', 'lease-release']],
    [
      'waiting for an approver',
      { ...liveRun({}, spec), waiting: { code: 'needs-approval', sentence: 'x', cost: 9 } },
      ['approve', 'why', 'lease-release'],
    ],
    [
      'waiting for other things that cost',
      { ...liveRun({}, spec), waiting: { code: 'flavor-full', sentence: 'x', cost: 9 } },
      ['why', 'lease-release'],
    ],
    ['ending', { ...held, stopping: 'cancel' }, []],
    ['over', { ...held, state: 'succeeded' }, []],
  ];
  for (const [name, run, actions] of buttons)
    test(`buttons: ${name}`, () =>
      assert.deepEqual(
        actionsOf(run).map(one => one.action),
        actions,
      ));

  test('a warning names its holder, the end and what to do', () => {
    const said = leaseWarning(held, later(13_500));
    assert.equal(said?.title, '#7 lease of 2 a100 GPUs ends at 16:00 UTC');
    assert.match(JSON.stringify(said), /"person":"slack:T1\/U1".*SIGTERM.*lease-extend/);
    assert.equal(leaseWarning({ ...held, stopping: 'cancel' }, noon), null);
    assert.equal(leaseWarning({ ...held, state: 'succeeded' }, noon), null);
  });

  test('its end moves with what is granted', () => {
    assert.equal(leaseEnd(held)?.getTime(), later(14_400).getTime());
    assert.equal(leaseEnd({ ...held, extraS: 60 })?.getTime(), later(14_460).getTime());
    assert.equal(leaseEnd({ ...held, startedAt: null }), null);
    assert.equal(longestLeaseS(held, 3_600, later(600)), 4_200);
  });
});
