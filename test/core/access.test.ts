import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signalboxAudit } from '../../commands/signalbox-audit.ts';
import { train } from '../../commands/train.ts';
import { trainList } from '../../commands/train-list.ts';
import { type Access, type Ask, decide, mayTrainAs, mayUseAt, roleOf } from '../../src/core/access.ts';
import { type Actor, type Role, roles, system } from '../../src/core/actor.ts';
import type { Standing } from '../../src/core/intent.ts';
import type { Policy } from '../../src/core/project.ts';
import { policy } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

describe('roleOf', () => {
  const rows: [name: string, actor: Actor, role: Role | null, expected: Role][] = [
    ['a person who is named', octocat, 'approver', 'approver'],
    ['a person who is named and may nothing', octocat, 'none', 'none'],
    ['a person of whom nothing is said', octocat, null, 'viewer'],
    ['a token', { ...octocat, kind: 'token' }, null, 'operator'],
    ['a token is no person, whatever is said of one', { ...octocat, kind: 'token' }, 'viewer', 'operator'],
    ['Signalbox itself', system, null, 'operator'],
    ['a run', { kind: 'run', id: '42', name: '#42' }, 'operator', 'none'],
  ];
  for (const [name, actor, role, expected] of rows)
    test(name, () =>
      assert.equal(roleOf(actor, { role, accounts: [] }, { defaultRole: 'viewer' }), expected),
    );
});

describe('the role of an account of GitHub', () => {
  const account: Actor = { kind: 'github', id: 'octocat', name: 'octocat' };
  const own = ['github:octocat'];
  const linked = [...own, 'slack:T1/U1'];
  const rows: [
    name: string,
    standing: Standing | undefined,
    role: Role | null,
    accounts: string[],
    byDefault: Policy['defaultRole'],
    expected: Role,
  ][] = [
    ['whoever writes trains', 'write', null, own, 'trainer', 'trainer'],
    ['whoever writes has no more than the default', 'write', null, own, 'none', 'none'],
    ['whoever reads looks on', 'read', null, own, 'trainer', 'viewer'],
    ['whoever may nothing may nothing', 'none', null, own, 'trainer', 'none'],
    ['whom nobody asked about may nothing', undefined, null, own, 'trainer', 'none'],
    ['whoever is named has their role', 'none', 'operator', own, 'viewer', 'operator'],
    ['whoever is named and may nothing', 'write', 'none', own, 'trainer', 'none'],
    ['whoever is linked has what they have in Slack', 'none', null, linked, 'viewer', 'viewer'],
  ];
  for (const [name, standing, role, accounts, defaultRole, expected] of rows)
    test(name, () => assert.equal(roleOf(account, { role, accounts }, { defaultRole }, standing), expected));
});

test('an issue has no code for what needs some', () => {
  const place = {
    kind: 'github' as const,
    installation: 3,
    repo: 5,
    name: 'example/digits',
    issue: 12,
    user: 'octocat',
  };
  assert.equal(mayUseAt(train, 'trainer', { ...place, pull: true }).ok, true);
  assert.equal(mayUseAt(train, 'trainer', { ...place, pull: false }).ok, false);
  assert.equal(mayUseAt(train, 'trainer', { kind: 'http' }).ok, true);
  assert.equal(mayUseAt(trainList, 'viewer', { ...place, pull: false }).ok, true);
  assert.equal(mayUseAt(signalboxAudit, 'operator', { ...place, pull: true }).ok, false);
});

describe('the role', () => {
  for (const [i, needs] of roles.entries())
    for (const [j, role] of roles.entries())
      test(`${role} ${j >= i ? 'may' : 'may not'} use what needs ${needs}`, () => {
        const result = decide({ role, needs });
        assert.equal(result.ok, j >= i);
        if (!result.ok) assert.equal(result.reason, `It needs the role ${needs}, and yours is ${role}.`);
      });
});

const own = { name: 'octocat', isSelf: true };
const others = { name: 'octocat', isSelf: false };
const open = { name: 'digits', team: 'research', trainers: 'everyone', teams: [] } as const;
const production = { name: 'production', needs: 'operator', description: 'what customers see' } as const;
const closed = { ...open, trainers: 'team' } as const;

describe('the decision', () => {
  const rows: [name: string, ask: Ask, reason: string | null][] = [
    ['their own, as a trainer', { role: 'trainer', needs: 'trainer', owner: own }, null],
    [
      "another's, as a trainer",
      { role: 'trainer', needs: 'trainer', owner: others },
      'The run belongs to octocat, and yours is not the role operator.',
    ],
    [
      "another's, as an approver",
      { role: 'approver', needs: 'trainer', owner: others },
      'The run belongs to octocat, and yours is not the role operator.',
    ],
    ["another's, as an operator", { role: 'operator', needs: 'trainer', owner: others }, null],
    [
      'their own, as a viewer by now',
      { role: 'viewer', needs: 'trainer', owner: own },
      'It needs the role trainer, and yours is viewer.',
    ],
    ['a project for everyone, in no team', { role: 'trainer', needs: 'trainer', project: open }, null],
    [
      'a project of a team, in no team',
      { role: 'trainer', needs: 'trainer', project: closed },
      'digits is trained by team research alone, and you are not in it.',
    ],
    [
      'a project of a team, in another',
      { role: 'approver', needs: 'trainer', project: { ...closed, teams: ['platform'] } },
      'digits is trained by team research alone, and you are not in it.',
    ],
    [
      'a project of a team, in it',
      { role: 'trainer', needs: 'trainer', project: { ...closed, teams: ['platform', 'research'] } },
      null,
    ],
    [
      'a project of a team, in it, as a viewer',
      { role: 'viewer', needs: 'trainer', project: { ...closed, teams: ['research'] } },
      'It needs the role trainer, and yours is viewer.',
    ],
    ['a project of a team, as an operator', { role: 'operator', needs: 'trainer', project: closed }, null],
    [
      'an environment for trainers, as a trainer',
      { role: 'trainer', needs: 'trainer', environment: { ...production, needs: 'trainer' } },
      null,
    ],
    [
      'an environment for approvers, as a trainer',
      { role: 'trainer', needs: 'trainer', environment: { name: 'staging', needs: 'approver' } },
      'Work in staging needs the role approver, and yours is trainer.',
    ],
    [
      'an environment for approvers, as an approver',
      { role: 'approver', needs: 'trainer', environment: { name: 'staging', needs: 'approver' } },
      null,
    ],
    [
      'an environment for operators, as an approver',
      { role: 'approver', needs: 'trainer', environment: production },
      'Work in production (what customers see) needs the role operator, and yours is approver.',
    ],
    [
      'an environment for operators, as one',
      { role: 'operator', needs: 'trainer', environment: production },
      null,
    ],
    [
      'the role is said before the environment',
      { role: 'viewer', needs: 'trainer', environment: production },
      'It needs the role trainer, and yours is viewer.',
    ],
    [
      'the environment is said before the team',
      { role: 'trainer', needs: 'trainer', environment: production, project: closed },
      'Work in production (what customers see) needs the role operator, and yours is trainer.',
    ],
    [
      'a place where it is taken',
      { role: 'viewer', needs: 'none', place: 'slack', places: ['slack', 'http'] },
      null,
    ],
    [
      'a place where it is not taken',
      { role: 'operator', needs: 'none', place: 'queue', places: ['slack', 'http'] },
      'It is not taken from the shared queue.',
    ],
    ['any place, where none is named', { role: 'viewer', needs: 'none', place: 'queue' }, null],
    [
      'the place is said before the role',
      { role: 'none', needs: 'operator', place: 'queue', places: ['slack'] },
      'It is not taken from the shared queue.',
    ],
    [
      'the team is said before the owner',
      { role: 'trainer', needs: 'trainer', owner: others, project: closed },
      'digits is trained by team research alone, and you are not in it.',
    ],
  ];
  for (const [name, ask, reason] of rows) test(name, () => assert.equal(reasonOf(decide(ask)), reason));

  test('every no says what can be done', () => {
    for (const [, ask] of rows) {
      const access = decide(ask);
      assert.ok(access.ok || /^Ask /.test(access.todo));
    }
  });
});

test('a project that is not in signalbox.yml any more forbids nothing by itself', () => {
  const person = {
    id: 'slack:T1/U1',
    name: 'octocat',
    role: null,
    teams: [],
    from: { role: null, teams: {} },
    accounts: [],
  };
  assert.equal(reasonOf(mayTrainAs('gone', { role: 'trainer', person, policy })), null);
  assert.equal(reasonOf(mayTrainAs('constructor', { role: 'trainer', person, policy })), null);
});

test('the environment of a project counts for it alone', () => {
  const person = {
    id: 'slack:T1/U1',
    name: 'octocat',
    role: null,
    teams: [],
    accounts: [],
    from: { role: null, teams: {} },
  };
  const { digits } = policy.projects;
  assert.ok(digits);
  const said = {
    ...policy,
    environments: { production: { needs: 'operator' as const } },
    projects: { digits: { ...digits, runsIn: 'production' }, open: digits },
  };
  const reason = (name: string, role: Role) => reasonOf(mayTrainAs(name, { role, person, policy: said }));
  assert.equal(
    reason('digits', 'trainer'),
    'Work in production needs the role operator, and yours is trainer.',
  );
  assert.equal(reason('digits', 'operator'), null);
  assert.equal(reason('open', 'trainer'), null);
});

function reasonOf(access: Access): string | null {
  return access.ok ? null : access.reason;
}
