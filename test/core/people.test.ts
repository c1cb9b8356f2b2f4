import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Actor } from '../../src/core/actor.ts';
import { isSamePerson, type Links, personOf } from '../../src/core/people.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import { octocat } from '../support/run.ts';

const known = policySchema.parse({
  people: [
    { slack: ['T1/U1', 'T2/U1'], github: 'Octocat', name: 'Octocat', role: 'approver', teams: [] },
    { github: 'hubot', name: 'Hubot', role: 'operator' },
    { slack: 'T1/U3', name: 'Guest', role: 'none' },
  ],
});
const { people } = known;
const slack = (id: string): Actor => ({ ...octocat, id });
const noLinks: Links = new Map();

describe('who somebody is', () => {
  const rows: [name: string, actor: Actor, links: Links, id: string, role: string | null][] = [
    ['named by this account', slack('T1/U1'), noLinks, 'github:octocat', 'approver'],
    ['named by this account, in a second workspace', slack('T2/U1'), noLinks, 'github:octocat', 'approver'],
    ['the same user in a workspace that is not named', slack('T3/U1'), noLinks, 'slack:T3/U1', null],
    ['an id in other case', slack('t1/u1'), noLinks, 'slack:t1/u1', null],
    ['named as one who may nothing', slack('T1/U3'), noLinks, 'slack:T1/U3', 'none'],
    ['nobody who is named', slack('T1/U9'), noLinks, 'slack:T1/U9', null],
    ['a token with the id of somebody', { ...octocat, kind: 'token' }, noLinks, 'token:T1/U1', null],
    [
      'linked with an account that is named',
      slack('T1/U9'),
      new Map([['slack:T1/U9', 'github:hubot']]),
      'github:hubot',
      'operator',
    ],
    [
      'linked the other way round',
      slack('T1/U9'),
      new Map([['github:hubot', 'slack:T1/U9']]),
      'github:hubot',
      'operator',
    ],
    [
      'linked over a third account',
      slack('T1/U9'),
      new Map([
        ['slack:T1/U9', 'slack:T1/U8'],
        ['github:hubot', 'slack:T1/U8'],
      ]),
      'github:hubot',
      'operator',
    ],
    [
      'others are linked, this one is not',
      slack('T1/U9'),
      new Map([['slack:T1/U8', 'github:hubot']]),
      'slack:T1/U9',
      null,
    ],
    [
      'linked with somebody of whom nothing is said',
      slack('T1/U9'),
      new Map([['slack:T1/U9', 'slack:T1/U8']]),
      'slack:T1/U8',
      null,
    ],
  ];
  for (const [name, actor, links, id, role] of rows)
    test(name, () => {
      const person = personOf(actor, known, links, []);
      assert.deepEqual([person.id, person.role], [id, role]);
    });

  test('who is named as one that may nothing gets no role by a link, and their other accounts get none either', () => {
    const links = new Map([['slack:T1/U3', 'github:hubot']]);
    assert.equal(personOf(slack('T1/U3'), known, links, []).role, 'none');
    assert.equal(personOf(slack('T1/U9'), known, new Map([['slack:T1/U9', 'slack:T1/U3']]), []).role, 'none');
  });

  test('two that are named apart and linked are one person, from whichever account', () => {
    const links = new Map([['github:hubot', 'slack:T2/U1']]);
    const github: Actor = { ...octocat, kind: 'slack', id: 'T2/U1' };
    const ids = [slack('T1/U1'), github].map(actor => personOf(actor, known, links, []).id);
    assert.deepEqual(ids, ['github:hubot', 'github:hubot']);
    assert.equal(personOf(slack('T1/U1'), known, links, []).role, 'approver');
  });

  test('all accounts, named and linked', () => {
    const links = new Map([
      ['slack:T5/U5', 'github:octocat'],
      ['slack:T6/U6', 'slack:T9/U9'],
    ]);
    const accounts = ['github:octocat', 'slack:T1/U1', 'slack:T2/U1', 'slack:T5/U5'];
    assert.deepEqual(personOf(slack('T5/U5'), known, links, []).accounts, accounts);
    assert.deepEqual(personOf(slack('T2/U1'), known, links, []).accounts, accounts);
  });
});

describe('two accounts of one person', () => {
  const linked: Links = new Map([['slack:T1/U8', 'slack:T1/U9']]);
  const rows: [name: string, a: Actor, b: Actor, people: Policy['people'], links: Links, same: boolean][] = [
    ['the same account under another name', octocat, { ...octocat, name: 'new' }, [], noLinks, true],
    ['two that are named together', slack('T1/U1'), slack('T2/U1'), people, noLinks, true],
    ['two that are not', slack('T1/U1'), slack('T1/U3'), people, noLinks, false],
    ['two that are linked', slack('T1/U8'), slack('T1/U9'), [], linked, true],
    ['two that were linked', slack('T1/U8'), slack('T1/U9'), [], noLinks, false],
    ['a token with the same id', octocat, { ...octocat, kind: 'token' }, people, noLinks, false],
  ];
  for (const [name, a, b, those, links, same] of rows)
    test(name, () => {
      assert.equal(isSamePerson(a, b, those, links), same);
      assert.equal(isSamePerson(b, a, those, links), same);
    });
});

describe('what groups give', () => {
  const [vision, release, ops] = ['slack:T1/S1', 'github:octo-org/release', 'slack:T1/S2'];
  const policy = policySchema.parse({
    teams: { research: { groups: [vision, release] }, platform: { groups: [ops] } },
    roles: { viewer: [vision], approver: ['github:Octo-Org/Release'], operator: [ops] },
    people: [
      { slack: 'T1/U1', name: 'Octocat', role: 'trainer', teams: ['platform'] },
      { slack: 'T1/U3', name: 'Guest', role: 'none' },
    ],
  });
  const linked: Links = new Map([['slack:T1/U9', 'slack:T1/U3']]);
  const rows: [
    name: string,
    user: string,
    groups: string[],
    links: Links,
    role: string | null,
    by: string | null,
    teams: object,
  ][] = [
    ['nothing to whoever is in none', 'T1/U9', [], noLinks, null, null, {}],
    ['a role and a team', 'T1/U9', [vision], noLinks, 'viewer', vision, { research: vision }],
    [
      'the highest role of several, and all teams',
      'T1/U9',
      [vision, ops, release],
      noLinks,
      'operator',
      ops,
      { research: vision, platform: ops },
    ],
    [
      'a role by a name in other case',
      'T1/U9',
      [release],
      noLinks,
      'approver',
      release,
      { research: release },
    ],
    [
      'no role to whoever is named, and teams besides theirs',
      'T1/U1',
      [ops, release],
      noLinks,
      'trainer',
      'signalbox.yml',
      { platform: 'signalbox.yml', research: release },
    ],
    [
      'no role to an account linked with one that may nothing',
      'T1/U9',
      [ops],
      linked,
      'none',
      'signalbox.yml',
      { platform: ops },
    ],
    ['nothing where the group is not named', 'T1/U9', ['slack:T1/S9'], noLinks, null, null, {}],
  ];
  for (const [name, user, groups, links, role, by, teams] of rows)
    test(name, () => {
      const person = personOf(slack(user), policy, links, groups);
      assert.deepEqual([person.role, person.from.role, person.from.teams], [role, by, teams]);
      assert.deepEqual(person.teams, Object.keys(teams));
    });
});
