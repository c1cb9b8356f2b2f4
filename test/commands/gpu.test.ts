import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gpu } from '../../commands/gpu.ts';
import { gpuExtend } from '../../commands/gpu-extend.ts';
import { gpuRelease } from '../../commands/gpu-release.ts';
import { gpuRequest } from '../../commands/gpu-request.ts';
import { gpuUsage } from '../../commands/gpu-usage.ts';
import { gpuWhatif } from '../../commands/gpu-whatif.ts';
import { train } from '../../commands/train.ts';
import { trainApprove } from '../../commands/train-approve.ts';
import { trainBump } from '../../commands/train-bump.ts';
import { trainCancel } from '../../commands/train-cancel.ts';
import { trainExtend } from '../../commands/train-extend.ts';
import { trainRetry } from '../../commands/train-retry.ts';
import { trainWhy } from '../../commands/train-why.ts';
import type { CommandContext, CommandDefinition } from '../../src/core/command.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import { policySchema } from '../../src/core/policy.ts';
import { plain, type Reply } from '../../src/core/reply.ts';
import type { Run } from '../../src/core/run.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { type Memory, say } from '../support/memory-ports.ts';
import { queuedRun, workingRun } from '../support/plan.ts';
import { asHubot, asOctocat, hubot, sharedGpus, sharedPolicy } from '../support/shared-gpus.ts';

function words(reply: Reply): string {
  const blocks = reply.blocks.map(block => {
    if (block.kind === 'text' || block.kind === 'context') return plain(block.text);
    if (block.kind === 'fields') return block.rows.map(row => `${row.label}: ${plain(row.value)}`).join('\n');
    if (block.kind === 'list') return block.items.map(item => `- ${plain(item)}`).join('\n');
    if (block.kind === 'table') return block.rows.map(row => row.join(' | ')).join('\n');
    return block.kind === 'heading' ? block.text : '';
  });
  return [reply.title, ...blocks].join('\n');
}

async function said(
  command: CommandDefinition,
  line: string,
  m: Memory = sharedGpus(),
  as: Partial<CommandContext> = asOctocat,
) {
  const outcome = await say(command, line, m, as);
  return outcome.ok ? words(outcome.reply) : faultLine(fault(outcome.code, outcome.details));
}

test('gpu says who has what until when, and what waits', async () => {
  assert.equal(
    await said(gpu, ''),
    `3 of 8 GPUs free now.
lab | a100 | 3 | 8 | 
lab | cpu | 4 | 4 | 
cloud | a100 | 0 | 0 | out of reach
speech | a100 | 3 | 4 | 0
vision | a100 | 2 | 4 | 0 of 2
Held now
- #7 lease by octocat: 2 a100 on n1, until 2026-01-01 16:00 UTC
- #8 words by hubot: 3 a100 on n1, at most until 2026-01-02 00:10 UTC
1 run waits
- #9 words by hubot: 4 GPUs for 12 h. It needs 4 GPUs; 3 of 8 in pool lab are free. It starts when 1 more is released (held by #7, #8).`,
  );
});

describe('CPU slots that quotas name', () => {
  const policy = policySchema.parse({
    flavors: { slot: { resource: 'cpu' } },
    pools: { lab: { flavors: ['slot'], slots: 4 } },
    teams: {
      speech: { queue: { quotas: { slot: { quota: 1 } } } },
      vision: { queue: { quotas: { slot: { quota: 3 } } } },
    },
    projects: { words: { team: 'speech', source: '/projects/words', command: ['true'], preemptible: true } },
  });
  const slot = (index: number, run: number) => ({
    pool: 'lab',
    node: 'n1',
    kind: 'cpu' as const,
    index,
    run,
  });
  const words = { project: 'words', team: 'speech', flavor: 'slot', preemptible: true } as const;
  const spec = { project: 'words', team: 'speech', pool: 'lab', gpus: 0 } as const;
  const m = (): Memory => {
    const all = sharedGpus();
    const [lab] = all.pools;
    return sharedGpus({
      runs: [
        liveRun({ number: 8, state: 'running', attempt: 1, requestedBy: hubot }, spec),
        liveRun({ number: 9, state: 'running', attempt: 1, requestedBy: hubot }, spec),
        liveRun({ number: 10, requestedBy: hubot, queuedAt: noon }, spec),
      ],
      pools: lab ? [{ ...lab, accelerators: lab.accelerators.filter(({ kind }) => kind === 'cpu') }] : [],
      held: [slot(0, 8), slot(1, 9)],
      working: [workingRun(8, words), workingRun(9, words)],
      queued: [queuedRun(10, { project: 'words', team: 'speech', gpus: 0, queuedAt: noon })],
    });
  };

  test('are counted against them, and gpu says who holds them', async () => {
    const text = await said(gpu, '', m(), { ...asOctocat, policy });
    assert.match(text, /^2 of 4 CPU slots free now\.\nlab \| slot \| 2 \| 4 \| \n/);
    assert.match(text, /\nspeech \| slot \| 2 \| 1 \| 1\nvision \| slot \| 0 \| 3 \| 0\n/);
    assert.match(text, /\n- #8 words by hubot: 1 slot on n1.*\n- #9 words by hubot: 1 slot on n1/);
  });

  test('are in what train why says', async () => {
    const text = await said(trainWhy, '10', m(), { ...asOctocat, policy });
    assert.match(text, /Quota: team speech holds 2 of its 1 slot now, and 3 with it: 2 borrowed/);
  });

  test('others are only counted', async () => {
    const free = { ...policy, teams: {} };
    const text = await said(gpu, '', m(), { ...asOctocat, policy: free });
    assert.match(text, /^2 of 4 CPU slots free now\.\nlab \| slot \| 2 \| 4 \| \n1 run waits\n/);
    assert.doesNotMatch(await said(trainWhy, '10', m(), { ...asOctocat, policy: free }), /Quota/);
  });
});

describe('gpu whatif', () => {
  const rows: [name: string, line: string, says: RegExp][] = [
    [
      'it starts now',
      '1 --for 1h',
      /^1 GPU for 1 h would start now\.\n.*n1 \(5\).*\nFor team: vision\nCost: 2\.50 EUR at most\nQuota: team vision holds 2 of its 4 a100 now, and 3 with it$/s,
    ],
    ['a model and a flavor are the same', '1 --gpu a100 --for 1h', /1 a100 GPU for 1 h would start now/],
    [
      'more than its quota',
      '3 --for 1h',
      /would wait\..*quota of 4.*Quota: team vision holds 2 of its 4 a100 now, and 5 with it: 1 borrowed, of at most 2/s,
    ],
    [
      'more than its quota, where it may borrow',
      '3 --for 1h --preemptible',
      /3 GPUs for 1 h would (?:start now|wait)/,
    ],
    ['another team has less free', '8 --for 1h', /would wait/],
    [
      'too dear without an approver',
      '2 --for 11h',
      /would wait\..*55\.00 EUR.*Cost: 55\.00 EUR at most\nApproval: by an approver/s,
    ],
    ['nearly too dear', '2 --for 10h', /would start now\..*Cost: 50\.00 EUR at most\nQuota/s],
    [
      'on two nodes, of which there is one',
      '1 --nodes 2 --for 1h',
      /^1 GPU on each of 2 nodes for 1 h would wait\.\n/,
    ],
    ['a model that nobody has', '1 --gpu b200 --for 1h', /would wait\..*b200/s],
    ['a pool that is out of reach', '1 --pool cloud --for 1h', /would wait\..*cloud/s],
    ['an unknown pool', '1 --pool lob --for 1h', /There is no pool lob.*Did you mean lab\?/],
    ['a team of others', '1 --team speech --for 1h', /speech is not a value for --team\. It takes vision/],
    ['none', '0 --for 1h', /0 is not a value for <gpus>/],
    ['fewer than none', '" -1" --for 1h', /is not a value for <gpus>/],
    ['half', '0.5 --for 1h', /0\.5 is not a value for <gpus>/],
    ['no number', 'NaN --for 1h', /NaN is not a value for <gpus>/],
    ['far too many', '1000000000 --for 1h', /is not a value for <gpus>/],
    ['for no time', '1 --for 0', /0 is not a value for --for/],
  ];
  for (const [name, line, says] of rows)
    test(name, async () => {
      const m = sharedGpus();
      assert.match(await said(gpuWhatif, line, m), says);
      assert.deepEqual(m.calls, [], 'nothing is stored');
    });
});

describe('train --dry-run', () => {
  const rows: [name: string, line: string, says: RegExp][] = [
    [
      'it starts now',
      'digits --dry-run --time 1h',
      /^digits would start now\.\n.*\nNeeds: 1 GPU for at most 1 h\nCode: HEAD.*\nCost: 2\.5\d EUR at most\nQuota: team vision holds 2 of its 4 a100 now, and 3 with it\nNothing was asked for/s,
    ],
    [
      'it needs an approver',
      'digits --dry-run --gpus 2',
      /^digits would wait\..*Cost: 60\.\d\d EUR at most\nApproval: by an approver other than/s,
    ],
    [
      'it waits behind others',
      'words --dry-run --gpus 4',
      /^words would wait\..*Before it: 1 run that waits/s,
    ],
    [
      'it is more urgent than others',
      'words --dry-run --gpus 4 --priority high',
      /Priority: high.*Before it: no run that waits/s,
    ],
    ['no GPU', 'digits --dry-run --gpus 0', /^digits would start now\.\n.*\nNeeds: 1 CPU slot/],
    ['a project that is none', 'digit --dry-run', /There is no project digit/],
  ];
  for (const [name, line, says] of rows)
    test(name, async () => {
      const m = sharedGpus();
      assert.match(await said(train, line, m), says);
      assert.deepEqual(m.calls, [], 'nothing is stored, and no commit is looked up');
    });
});

describe('gpu usage', () => {
  const all = {
    by: 'all',
    name: '',
    shown: '',
    runs: 3,
    askedHours: 30,
    heldHours: 12.25,
    cost: 30.625,
  } as const;
  const team = { ...all, by: 'team', name: 'vision', shown: 'vision' } as const;
  const person = { ...all, by: 'person', name: 'slack:T1/U1', shown: 'octocat' } as const;
  test('adds it up, the last week unless said otherwise', async () => {
    const m = sharedGpus({ usage: [all, team, person] });
    assert.match(
      await said(gpuUsage, '', m),
      /^12\.3 accelerator-hours were held in the last 7 d, for 30\.6[23] EUR\.\nvision \| 12\.3 \| 30 \| 3 \| 30\.6\d\nBy person\n- octocat: 12\.3 h held of 30 h asked, 3 runs, 30\.6/,
    );
    assert.match(m.calls[0] ?? '', /"since":"2025-12-25T12:00:00.000Z".*"limit":12/);
  });
  test('of one team nothing is compared', async () => {
    const text = await said(gpuUsage, '--team vision --since 1d', sharedGpus({ usage: [all, team, person] }));
    assert.match(text, /held by team vision in the last 1 d/);
    assert.doesNotMatch(text, /\nvision \|/);
  });
  test('nothing was held', async () =>
    assert.match(await said(gpuUsage, ''), /^No accelerator was held in the last 7 d\.$/));
  test('an unknown team', async () =>
    assert.match(
      await said(gpuUsage, '--team visoin'),
      /visoin is not a value for --team.*Did you mean vision\?/,
    ));
});

describe('leases and words for runs', () => {
  const rows: [
    name: string,
    command: CommandDefinition,
    line: string,
    as: Partial<CommandContext>,
    says: RegExp,
  ][] = [
    [
      'a lease is asked for',
      gpuRequest,
      '1 --gpu a100 --for 2h',
      asOctocat,
      /^Lease #10 is queued: 1 a100 GPU in pool lab for 2 h\.$/,
    ],
    [
      'more than any machine has',
      gpuRequest,
      '9 --for 2h',
      { ...asOctocat, role: 'operator' },
      /9 GPUs are more than any machine|Lease #10/,
    ],
    [
      'it is extended',
      gpuExtend,
      '7 2h',
      asOctocat,
      /^Lease #7 lease of 2 a100 GPUs is held, for 6 h in all\.\nIt ends 2026-01-01 18:00 UTC/,
    ],
    ['as far as it may be', gpuExtend, '7 4h', asOctocat, /for 8 h in all/],
    [
      'too far',
      gpuExtend,
      '7 4h1m',
      asOctocat,
      /Lease #7 cannot be given 241m more\. Nobody holds accelerators for more than 8 h from now, and it lasts 4 h already\. Ask for 4 h or less, for example gpu extend 7 4h\./,
    ],
    ['any time, by an operator', gpuExtend, '7 40h', { ...asHubot, role: 'operator' }, /for 1 d 20 h in all/],
    [
      'of somebody else',
      gpuExtend,
      '7 1h',
      asHubot,
      /You may not use gpu extend 7\. The run belongs to octocat/,
    ],
    [
      'a run of a project',
      gpuExtend,
      '8 1h',
      asOctocat,
      /Run #8 is no lease\. It trains words\. Did you mean train extend 8\?/,
    ],
    ['no such lease', gpuExtend, '70', asOctocat, /There is no run #70.*See the runs with gpu\./],
    [
      'it is released',
      gpuRelease,
      '7',
      asOctocat,
      /^Lease #7 lease of 2 a100 GPUs is ending\. It has 30 s to save its work\.$/,
    ],
    ['it is cancelled', trainCancel, '7', asOctocat, /^Lease #7 lease of 2 a100 GPUs is ending/],
    ['somebody else releases it', gpuRelease, '7', asHubot, /You may not use gpu release 7/],
    ['a run is released', gpuRelease, '9', asHubot, /Did you mean train cancel 9\?/],
    ['train extend', trainExtend, '7 2h', asOctocat, /Run #7 is a lease\. .* Did you mean gpu extend 7 2h\?/],
    [
      'train retry',
      trainRetry,
      '7',
      asOctocat,
      /Run #7 is a lease\. .* Did you mean gpu request 2 --gpu a100 --for 4h\?/,
    ],
  ];
  for (const [name, command, line, as, says] of rows)
    test(name, async () => assert.match(await said(command, line, sharedGpus(), as), says));
});

test('train why says what the sentence leaves out', async () => {
  const text = await said(trainWhy, '9', sharedGpus({ ahead: 2 }));
  assert.match(
    text,
    /It needs 4 GPUs; 3 of 8 .*\nBefore it: 2 runs that wait\nQuota: team speech holds 3 of its 4 a100 now, and 7 with it: 3 borrowed$/m,
  );
});

test('no extension costs more than may be spent unasked, or than was approved', async () => {
  // Two at 2.50 an hour: 50.00 is ten hours, and the team is asked above that.
  const leases = { ...sharedPolicy.leases, most: 48 * 3_600 };
  const as = { ...asOctocat, policy: { ...sharedPolicy, leases } };
  assert.match(await said(gpuExtend, '7 5h', sharedGpus(), as), /for 9 h in all/);
  assert.match(
    await said(gpuExtend, '7 6h', sharedGpus(), as),
    /cannot be given 6h more\. It would cost more than 50\.00 EUR, which/,
  );
  const m = sharedGpus();
  m.runs = m.runs.map(run => ({ ...run, approval: { cost: 80, by: hubot, at: later(1) } }));
  assert.match(await said(gpuExtend, '7 6h', m, as), /for 10 h in all/);
  assert.match(await said(gpuExtend, '7 7h', sharedGpus(), { ...as, role: 'operator' }), /for 11 h in all/);
});

describe('train bump', () => {
  const waits = () => sharedGpus();
  test('its owner may do what they may ask for', async () => {
    const m = waits();
    assert.equal(
      await said(trainBump, '9 --priority high', m, { ...asHubot, role: 'trainer' }),
      'Run #9 words is queued, and its priority is high.',
    );
    assert.equal(m.runs[2]?.priority, 'high');
    assert.equal(
      await said(trainBump, '9 --priority high', m, { ...asHubot, role: 'trainer' }),
      'Run #9 words is queued, and its priority is high.',
    );
    assert.equal(
      await said(trainBump, '9 --priority low', m, { ...asHubot, role: 'trainer' }),
      'Run #9 words is queued, and its priority is low.',
    );
  });
  test('an operator may for everybody', async () =>
    assert.match(
      await said(trainBump, '9 --priority low', waits(), { ...asOctocat, role: 'operator' }),
      /its priority is low/,
    ));
  test('nobody else may', async () =>
    assert.match(await said(trainBump, '9 --priority low', waits()), /The run belongs to hubot/));
  test('a word that is none', async () =>
    assert.match(
      await said(trainBump, '9 --priority hihg', waits()),
      /hihg is not a value for --priority.*Did you mean high\?/,
    ));
  test('without a priority', async () =>
    assert.match(await said(trainBump, '9', waits()), /needs --priority/));
  test('over', async () =>
    assert.match(
      await said(
        trainBump,
        '9 --priority low',
        sharedGpus({ runs: [liveRun({ number: 9, state: 'failed', requestedBy: hubot })] }),
        asHubot,
      ),
      /already ended/,
    ));
});

describe('train approve', () => {
  const asks: Run = liveRun(
    { number: 9, waiting: { code: 'needs-approval', sentence: 'It costs up to 51.25 EUR.', cost: 51.2468 } },
    { project: 'digits' },
  );
  const town = (changes: Partial<Run> = {}) => sharedGpus({ runs: [{ ...asks, ...changes }] });
  const approved = { cost: 60, by: hubot, at: later(1) };
  const rows: [
    name: string,
    line: string,
    m: Memory,
    as: Partial<CommandContext>,
    says: RegExp,
    cost: number | null,
  ][] = [
    [
      'what is asked for',
      '9',
      town(),
      asHubot,
      /^Run #9 digits is queued\. It may cost up to 51\.25 EUR, by hubot\.$/,
      51.2468,
    ],
    ['as the button names it', '9 --cost 51.25', town(), asHubot, /It may cost up to 51\.25 EUR/, 51.2468],
    ['more than is asked for', '9 --cost 100', town(), asHubot, /It may cost up to 51\.25 EUR/, 51.2468],
    [
      'a cost that has grown since',
      '9 --cost 51.24',
      town(),
      asHubot,
      /Run #9 costs more than 51\.24 EUR\. It is 51\.25 EUR at most by now\. If that is right, say train approve 9 --cost 51\.25\./,
      null,
    ],
    [
      'beyond what is left this month',
      '9',
      town({ waiting: { code: 'over-budget', sentence: 'x', cost: 9 } }),
      asHubot,
      /It may cost up to 9\.00 EUR/,
      9,
    ],
    [
      'again, as it costs more than was approved',
      '9',
      town({ approval: { ...approved, cost: 10 } }),
      asHubot,
      /51\.25 EUR/,
      51.2468,
    ],
    [
      'the second of two',
      '9 --cost 60',
      town({ waiting: null, approval: approved }),
      { ...asHubot, actor: { kind: 'slack', id: 'T1/U3', name: 'monalisa' } },
      /It may cost up to 60\.00 EUR, by hubot/,
      60,
    ],
    [
      'one’s own',
      '9',
      town(),
      { ...asOctocat, role: 'operator' },
      /You may not approve run #9\. You asked for it, with this account or another one of yours\./,
      null,
    ],
    [
      'one’s own, under another account',
      '9',
      town({ requestedBy: { kind: 'slack', id: 'T2/U2', name: 'hubot elsewhere' } }),
      asHubot,
      /You may not approve run #9/,
      null,
    ],
    [
      'what waits for something else',
      '9',
      town({ waiting: { code: 'flavor-full', sentence: 'x', cost: 9 } }),
      asHubot,
      /Run #9 waits for nobody to approve it\. It is queued\./,
      null,
    ],
    ['what is over', '9', town({ state: 'failed', waiting: null }), asHubot, /It is failed/, null],
    ['no such run', '99', town(), asHubot, /There is no run #99/, null],
    [
      'a negative cost',
      '9 --cost=-1',
      town(),
      asHubot,
      /-1 is not a value for --cost\. It takes an amount of money/,
      null,
    ],
    ['no number', '9 --cost NaN', town(), asHubot, /NaN is not a value for --cost/, null],
    ['tenths of a cent', '9 --cost 51.2468', town(), asHubot, /51\.2468 is not a value for --cost/, null],
  ];
  for (const [name, line, m, as, says, cost] of rows)
    test(name, async () => {
      assert.match(await said(trainApprove, line, m, as), says);
      assert.equal(m.runs[0]?.approval?.cost ?? null, cost);
    });
});
