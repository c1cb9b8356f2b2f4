import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { signalboxBreakglass } from '../../commands/signalbox-breakglass.ts';
import { signalboxBreakglassEnd } from '../../commands/signalbox-breakglass-end.ts';
import { signalboxBreakglassList } from '../../commands/signalbox-breakglass-list.ts';
import { signalboxBreakglassReview } from '../../commands/signalbox-breakglass-review.ts';
import { signalboxDrain } from '../../commands/signalbox-drain.ts';
import { signalboxFreeze } from '../../commands/signalbox-freeze.ts';
import { signalboxTokens } from '../../commands/signalbox-tokens.ts';
import { signalboxTokensRevoke } from '../../commands/signalbox-tokens-revoke.ts';
import { signalboxUndrain } from '../../commands/signalbox-undrain.ts';
import { signalboxUnfreeze } from '../../commands/signalbox-unfreeze.ts';
import { train } from '../../commands/train.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { type Actor, actorKey, type Role } from '../../src/core/actor.ts';
import type { CommandContext, CommandDefinition } from '../../src/core/command.ts';
import type { Elevation } from '../../src/core/elevation.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import type { Freeze } from '../../src/core/freeze.ts';
import type { AuditEntry, Scope, Token } from '../../src/core/ports.ts';
import type { Policy } from '../../src/core/project.ts';
import { plain, type Reply } from '../../src/core/reply.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { context, type Memory, memory, memoryPorts, policy, say } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const operator: Partial<CommandContext> = { role: 'operator' };
const frozen = (scope: Freeze['scope'], more: Partial<Freeze> = {}): Freeze => ({
  ...{ id: 1, kind: 'freeze', scope, why: 'new driver', by: octocat, since: noon },
  ...more,
});
const lab = { kind: 'pool', name: 'lab' } as const;
const draining = frozen(lab, { kind: 'drain' });
const held = [8, 8, 9].map((run, index) => ({ pool: 'lab', node: 'n', kind: 'gpu' as const, index, run }));

function textOf({ title, blocks }: Reply): string {
  const texts = blocks.flatMap(block => {
    if (block.kind === 'list') return block.items.map(plain);
    return block.kind === 'text' || block.kind === 'context' ? [plain(block.text)] : [];
  });
  return [title, ...texts].join('\n');
}

describe('freeze, drain and back', () => {
  const rows: [
    name: string,
    command: CommandDefinition,
    words: string,
    world: Partial<Memory>,
    title: string,
    left: string[],
  ][] = [
    [
      'everything',
      signalboxFreeze,
      '--why "new driver"',
      {},
      'Everything is frozen: nothing starts.',
      ['freeze all'],
    ],
    [
      'a pool',
      signalboxFreeze,
      '--pool lab --why x',
      {},
      'Pool lab is frozen: nothing starts there.',
      ['freeze lab'],
    ],
    [
      'a project',
      signalboxFreeze,
      '--project digits --why x',
      {},
      'Project digits is frozen: nothing starts there.',
      ['freeze digits'],
    ],
    [
      'a pool that another has frozen',
      signalboxFreeze,
      '--pool lab --why x',
      { freezes: [frozen(lab)] },
      'Pool lab is frozen already.',
      ['freeze lab'],
    ],
    [
      'unfreeze a pool',
      signalboxUnfreeze,
      '--pool lab',
      { freezes: [frozen(lab)] },
      'Pool lab is no longer frozen.',
      [],
    ],
    [
      'unfreeze everything, while only a pool is frozen',
      signalboxUnfreeze,
      '',
      { freezes: [frozen(lab)] },
      'Everything is not frozen.',
      ['freeze lab'],
    ],
    [
      'unfreeze a pool that is drained',
      signalboxUnfreeze,
      '--pool lab',
      { freezes: [draining] },
      'Pool lab is not frozen.',
      ['drain lab'],
    ],
    [
      'unfreeze what is in signalbox.yml no longer',
      signalboxUnfreeze,
      '--pool attic',
      { freezes: [frozen({ kind: 'pool', name: 'attic' })] },
      'Pool attic is no longer frozen.',
      [],
    ],
    [
      'drain',
      signalboxDrain,
      'lab',
      { held },
      'Pool lab is being drained: nothing new starts there.',
      ['drain lab'],
    ],
    [
      'drain again',
      signalboxDrain,
      'lab',
      { freezes: [draining] },
      'Pool lab is being drained already.',
      ['drain lab'],
    ],
    [
      'no drains',
      signalboxDrain,
      '',
      { freezes: [frozen(lab)] },
      'No pool is being drained.',
      ['freeze lab'],
    ],
    ['undrain', signalboxUndrain, 'lab', { freezes: [draining] }, 'Pool lab is no longer drained.', []],
    ['undrain nothing', signalboxUndrain, 'lab', {}, 'Pool lab is not being drained.', []],
  ];
  for (const [name, command, words, world, title, left] of rows)
    test(name, async () => {
      const m = memory({ ...world, freezes: [...(world.freezes ?? [])] });
      const outcome = await say(command, words, m, operator);
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, title);
      assert.equal(outcome.reply.audience, 'sender');
      assert.deepEqual(
        m.freezes.map(({ kind, scope }) => `${kind} ${scope.kind === 'all' ? 'all' : scope.name}`),
        left,
      );
    });

  const everything = frozen({ kind: 'all' });
  const holding: [
    name: string,
    command: CommandDefinition,
    words: string,
    freezes: Freeze[],
    said: RegExp | null,
  ][] = [
    [
      'undrain, while everything is frozen',
      signalboxUndrain,
      'lab',
      [draining, everything],
      /Everything is frozen/,
    ],
    [
      'undrain, while the pool is frozen',
      signalboxUndrain,
      'lab',
      [draining, frozen(lab)],
      /Pool lab is frozen/,
    ],
    [
      'undrain, while another pool is frozen',
      signalboxUndrain,
      'lab',
      [draining, frozen({ kind: 'pool', name: 'local' })],
      null,
    ],
    [
      'unfreeze, while the pool is drained',
      signalboxUnfreeze,
      '--pool lab',
      [draining, frozen(lab)],
      /being drained/,
    ],
    [
      'unfreeze everything, while a pool is drained',
      signalboxUnfreeze,
      '',
      [draining, everything],
      /being drained/,
    ],
    [
      'unfreeze a project, while a pool is drained',
      signalboxUnfreeze,
      '--project digits',
      [draining, frozen({ kind: 'project', name: 'digits' })],
      null,
    ],
  ];
  for (const [name, command, words, freezes, said] of holding)
    test(`${name}: says ${said ? 'what still holds' : 'no more'}`, async () => {
      const outcome = await say(command, words, memory({ freezes }), operator);
      assert.ok(outcome.ok);
      if (said) assert.match(textOf(outcome.reply), said);
      else assert.deepEqual(outcome.reply.blocks, []);
    });

  test('a drain says how many still work, and who asked', async () => {
    const m = memory({ held });
    const outcome = await say(signalboxDrain, 'lab --why "new disks"', m, operator);
    assert.ok(outcome.ok);
    assert.match(
      textOf(outcome.reply),
      /\n2 runs still work there \(#8, #9\)\. You are told when the last has ended\.\nPool lab is being drained by octocat since .*: new disks$/,
    );
    const listed = await say(signalboxDrain, '', m, operator);
    assert.ok(listed.ok);
    assert.match(
      textOf(listed.reply),
      /^One pool is being drained:\n.*: new disks\. 2 runs still work there/,
    );
  });

  test('the same wish again is answered the same', async () => {
    const m = memory();
    const first = await say(signalboxFreeze, '--pool lab --why x', m, operator);
    assert.deepEqual(await say(signalboxFreeze, '--pool lab --why x', m, operator), first);
    assert.equal(m.freezes.length, 1);
  });

  const refused: [name: string, command: CommandDefinition, words: string, shown: RegExp][] = [
    ['no reason', signalboxFreeze, '', /^signalbox freeze needs --why\./],
    [
      'a slip in a pool',
      signalboxFreeze,
      '--pool lba --why x',
      /^There is no pool lba\. The pools are local, lab\. Did you mean lab\? Try signalbox freeze --pool lab --why/,
    ],
    [
      'a slip in a project',
      signalboxFreeze,
      '--project digit --why x',
      /^There is no project digit\. .* Did you mean digits\? Try signalbox freeze --project digits --why/,
    ],
    [
      'a pool and a project',
      signalboxFreeze,
      '--pool lab --project digits --why x',
      /^digits is not a value for --project\. It takes a project only without --pool\./,
    ],
    [
      'unfreezing a slip',
      signalboxUnfreeze,
      '--pool lba',
      /^There is no pool lba\. .* Try signalbox unfreeze --pool lab\.$/,
    ],
    ['draining a slip', signalboxDrain, 'lba', /^There is no pool lba\. .* Try signalbox drain lab\.$/],
    ['undraining a slip', signalboxUndrain, 'lba', /^There is no pool lba\. .* Try signalbox undrain lab\.$/],
  ];
  for (const [name, command, words, shown] of refused)
    test(`refuses ${name}`, async () => {
      const m = memory();
      const outcome = await say(command, words, m, operator);
      assert.ok(!outcome.ok);
      assert.match(faultLine(fault(outcome.code, outcome.details)), shown);
      assert.deepEqual(m.freezes, []);
    });

  test('a request is taken all the same, and says what holds it', async () => {
    const m = memory({ freezes: [frozen({ kind: 'project', name: 'digits' }), frozen(lab)] });
    const outcome = await say(train, 'digits', m);
    assert.ok(outcome.ok);
    assert.equal(m.runs.length, 1);
    assert.match(
      textOf(outcome.reply),
      /\nProject digits is frozen by octocat since 12:00 UTC: new driver\.$/,
    );
  });
});

describe('breakglass', () => {
  const people: Policy['people'] = [
    { slack: 'T1/U2', name: 'hubot', role: 'operator', teams: [] },
    { slack: 'T1/U3', name: 'mona', role: 'approver', teams: [] },
  ];
  const staffed: Policy = { ...policy, people };
  const mona: Actor = { kind: 'slack', id: 'T1/U3', name: 'mona' };
  const elevation = (more: Partial<Elevation> = {}): Elevation => ({
    ...{ id: 7, actor: octocat, why: 'the disk is full', openedAt: noon, until: later(3_600) },
    ...{ endedAt: null, review: null },
    ...more,
  });

  /** As people say it, with the roles that the policy gives them. */
  async function told(words: string, m: Memory, actor: Actor, at = noon, scopes?: readonly Scope[]) {
    const entries: AuditEntry[] = [];
    const ports = memoryPorts(m);
    const audit = { ...ports.audit, append: async (entry: AuditEntry) => void entries.push(entry) };
    const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
    const intent = { key: `slack:${words}`, actor, scopes, place, wish: { kind: 'words', words } } as const;
    const result = await dispatch(intent, { commands, policy: staffed, ports: { ...ports, audit } }, at);
    return { result, entries, said: result.ok ? textOf(result.reply) : faultLine(result.fault) };
  }

  test('a trainer is an operator from then on, until it ends; everybody sees it', async () => {
    const m = memory({ runs: [liveRun({ requestedBy: hubot })] });
    assert.match((await told('train cancel 42', m, octocat)).said, /yours is not the role operator/);
    const opened = await told('signalbox breakglass --why "the disk is full" --for 30m', m, octocat);
    assert.ok(opened.result.ok);
    assert.equal(opened.result.reply.audience, 'place');
    assert.match(opened.said, /^octocat is an operator for 30 min: the disk is full\n/);
    assert.match((await told('signalbox whoami', m, hubot)).said, /hubot/);
    assert.match((await told('train cancel 42', m, octocat, later(1_799))).said, /was cancelled/);
    assert.deepEqual(m.runs[0]?.stoppedBy, { ...octocat, breakglass: 1 });
    const late = await told('signalbox freeze --why x', m, octocat, later(1_801));
    assert.match(
      late.said,
      /^You may not use \/signalbox freeze\. It needs the role operator, and yours is trainer\./,
    );
    assert.deepEqual(m.freezes, []);
    assert.equal(late.entries[0]?.actor.breakglass, undefined);
  });

  test('what is refused while it lasts is in the audit log under its number', async () => {
    const m = memory({ elevations: [elevation()] });
    const { entries } = await told('signalbox freeze --pool lba --why x', m, octocat);
    assert.deepEqual(
      entries.map(({ action, actor }) => [action, actor.breakglass]),
      [['command.refused', 7]],
    );
  });

  const rows: [
    name: string,
    words: string,
    actor: Actor,
    elevations: Elevation[],
    at: Date,
    shown: RegExp,
  ][] = [
    [
      'too long',
      'signalbox breakglass --why x --for 5h',
      octocat,
      [],
      noon,
      /^5h is not a value for --for\. It takes at most 4h\./,
    ],
    ['no reason', 'signalbox breakglass', octocat, [], noon, /needs --why/],
    [
      'one while one is open',
      'signalbox breakglass --why y',
      octocat,
      [elevation()],
      later(3_599),
      /^You have breakglass 7 open already\. It lasts until 13:00 UTC, .*: \/signalbox breakglass end\.$/,
    ],
    [
      'one when the last is over',
      'signalbox breakglass --why y',
      octocat,
      [elevation()],
      later(3_600),
      /^octocat is an operator for 1 h: y\n/,
    ],
    ['an operator', 'signalbox breakglass --why y', hubot, [], noon, /^You need no breakglass\./],
    [
      'the end',
      'signalbox breakglass end',
      octocat,
      [elevation()],
      later(60),
      /^octocat is no longer an operator\./,
    ],
    ['the end of none', 'signalbox breakglass end', octocat, [], noon, /^You have no breakglass open\.$/],
    [
      'the list',
      'signalbox breakglass list',
      octocat,
      [elevation()],
      noon,
      /^1 is not reviewed, 1 of them open:\nBreakglass 7, octocat: the disk is full/,
    ],
    [
      'an empty list',
      'signalbox breakglass list',
      octocat,
      [],
      noon,
      /^No breakglass is open or to be reviewed\.$/,
    ],
    [
      'a review',
      'signalbox breakglass review 7 --verdict ok --note seen',
      hubot,
      [elevation()],
      later(3_600),
      /^Breakglass 7 of octocat was reviewed: ok\.\n(?:.|\n)*\nhubot: seen$/,
    ],
    [
      'a review by an approver',
      'signalbox breakglass review 7 --verdict wrong --note no',
      mona,
      [elevation()],
      later(3_600),
      /was reviewed: wrong\./,
    ],
    [
      'a review of the own',
      'signalbox breakglass review 7 --verdict ok --note x',
      mona,
      [elevation({ actor: mona })],
      later(3_600),
      /^You may not review breakglass 7\. It was your own/,
    ],
    [
      'a review of the own, as another elevation makes the same person an operator',
      'signalbox breakglass review 7 --verdict ok --note x',
      octocat,
      [elevation(), elevation({ id: 8, openedAt: later(3_600), until: later(7_200) })],
      later(3_700),
      /needs the role approver of your own, and yours is trainer/,
    ],
    [
      "a review of another's, as a trainer who is an operator for a while",
      'signalbox breakglass review 7 --verdict ok --note x',
      octocat,
      [elevation({ actor: mona }), elevation({ id: 8, until: later(7_200) })],
      later(3_700),
      /needs the role approver of your own, and yours is trainer/,
    ],
    [
      'a review while it lasts',
      'signalbox breakglass review 7 --verdict ok --note x',
      hubot,
      [elevation()],
      later(3_599),
      /^Breakglass 7 cannot be reviewed yet\. It lasts until 13:00 UTC, unless octocat ends it before\./,
    ],
    [
      'a second review',
      'signalbox breakglass review 7 --verdict ok --note x',
      hubot,
      [elevation({ review: { by: mona, verdict: 'wrong', note: '', at: noon } })],
      later(3_600),
      /^Breakglass 7 was reviewed already\. mona found it wrong\./,
    ],
    [
      'a review of none',
      'signalbox breakglass review 9 --verdict ok --note x',
      hubot,
      [elevation()],
      later(3_600),
      /^There is no breakglass 9\. Those not yet reviewed are 7\./,
    ],
    [
      'a verdict that is none',
      'signalbox breakglass review 7 --verdict fine --note x',
      hubot,
      [elevation()],
      later(3_600),
      /takes ok, wrong/,
    ],
  ];
  for (const [name, words, actor, elevations, at, shown] of rows)
    test(name, async () => assert.match((await told(words, memory({ elevations }), actor, at)).said, shown));

  test('an account that is linked makes no second person, and opens no second one', async () => {
    const m = memory({ elevations: [elevation()] });
    const as: Partial<CommandContext> = {
      actor: hubot,
      role: 'operator',
      policy: staffed,
      isSelf: () => true,
    };
    const review = await say(signalboxBreakglassReview, '7 --verdict ok --note x', m, {
      ...as,
      now: later(3_600),
    });
    assert.equal(review.ok ? '' : review.code, 'BREAKGLASS_OWN');
    const person = { ...context({ actor: mona }).person, accounts: [octocat, mona].map(actorKey) };
    const another = { ...as, role: 'trainer', policy, actor: mona, person } as const;
    const opened = await say(signalboxBreakglass, '--why y', m, { ...another, now: later(3_599) });
    assert.equal(opened.ok ? '' : opened.code, 'BREAKGLASS_OPEN');
    assert.ok((await say(signalboxBreakglass, '--why y', m, { ...another, now: later(3_600) })).ok);
  });

  test('a token reviews nothing, and pulls no lever without the scope admin', async () => {
    const token: Actor = { kind: 'token', id: 'x', name: 'ci' };
    const m = memory({ elevations: [elevation()] });
    const review = await told('signalbox breakglass review 7 --verdict ok --note x', m, token, later(3_600), [
      'admin',
    ]);
    assert.match(review.said, /A person has to look at it, and a token is none\./);
    const scopes: [Scope[] | undefined, RegExp][] = [
      [['runs:write'], /^The token may not do this\. It lacks the scope admin\./],
      [undefined, /^The token may not do this\./],
      [['admin'], /^Everything is frozen/],
    ];
    for (const [given, shown] of scopes)
      assert.match((await told('signalbox freeze --why x', m, token, noon, given)).said, shown);
  });

  test('the commands themselves: everybody sees an end and a review', async () => {
    const m = memory({ elevations: [elevation()] });
    const ended = await say(signalboxBreakglassEnd, '', m);
    assert.ok(ended.ok && ended.reply.audience === 'place');
    const as: Partial<CommandContext> = { actor: hubot, role: 'operator', policy: staffed, now: later(1) };
    const reviewed = await say(signalboxBreakglassReview, '7 --verdict ok --note seen', m, as);
    assert.ok(reviewed.ok && reviewed.reply.audience === 'place');
    const listed = await say(signalboxBreakglassList, '', m);
    assert.ok(listed.ok && listed.reply.audience === 'sender');
    assert.ok((await say(signalboxBreakglass, '--why y', m, { now: later(2) })).ok);
  });
});

describe('tokens', () => {
  const token = (id: string, more: Partial<Token> = {}): Token => ({
    ...{ id, name: 'ci', scopes: ['runs:read', 'runs:write'], pool: null, createdAt: noon },
    ...{ lastUsedAt: null, revokedAt: null },
    ...more,
  });
  const world = () =>
    memory({
      tokens: [
        token('1', { lastUsedAt: later(60) }),
        token('2', { name: 'agent', scopes: ['agent'], pool: 'lab', revokedAt: later(90) }),
        token('3', { name: 'twice' }),
        token('4', { name: 'twice' }),
      ],
    });

  test('are listed for who asks alone', async () => {
    const outcome = await say(signalboxTokens, '', world(), operator);
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.audience, 'sender');
    const [title, ci, agent] = textOf(outcome.reply).split('\n');
    assert.equal(title, '4 tokens:');
    assert.match(ci ?? '', /^ci 1: runs:read, runs:write; made .*12:00 UTC; last used .*12:01 UTC$/);
    assert.match(agent ?? '', /^agent 2: agent, pool lab; made .* UTC; never used; revoked .*12:01 UTC$/);
  });

  const rows: [name: string, words: string, shown: RegExp, calls: string[]][] = [
    ['by id', '3', /^The token twice is revoked\.$/, ['revoke 3 by octocat']],
    ['by name', 'ci', /^The token ci is revoked\.$/, ['revoke 1 by octocat']],
    ['that is revoked already', 'agent', /^The token agent is revoked\.$/, ['revoke 2 by octocat']],
    ['of two of one name', 'twice', /^There are 2 tokens named twice\. .* the one: 3, 4\.$/, []],
    ['that is none', 'cii', /^There is no token cii\. The names are ci, twice\. Did you mean ci\?/, []],
  ];
  for (const [name, words, shown, calls] of rows)
    test(`revoke one ${name}`, async () => {
      const m = world();
      const outcome = await say(signalboxTokensRevoke, words, m, operator);
      const line = outcome.ok ? outcome.reply.title : faultLine(fault(outcome.code, outcome.details));
      assert.match(line, shown);
      assert.deepEqual(m.calls, calls);
    });
});

describe('who may', () => {
  const operators = ['freeze', 'unfreeze', 'drain', 'undrain', 'tokens', 'tokens revoke'];
  const rows: [access: Role, names: string[]][] = [
    ['operator', operators],
    ['trainer', ['breakglass', 'breakglass end', 'breakglass list']],
    ['approver', ['breakglass review']],
  ];
  for (const [access, names] of rows)
    for (const name of names)
      test(`${name}: ${access}`, () => {
        const command = commands.find(one => one.path.join(' ') === `signalbox ${name}`);
        assert.equal(command?.access, access);
        assert.equal(command?.scope, access === 'operator' ? 'admin' : undefined);
      });
});
