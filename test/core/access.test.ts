import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mayChange, mayUse, roleOf } from '../../src/core/access.ts';
import { type Actor, type Role, roles, system } from '../../src/core/actor.ts';
import { liveRun } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';

const other: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };

describe('roleOf', () => {
  const people = [
    { slack: 'T1/U1', name: 'Octocat', role: 'approver' as const, teams: [] },
    { slack: 'T1/U3', name: 'Guest', role: 'none' as const, teams: [] },
  ];
  const rows: [name: string, actor: Actor, role: Role][] = [
    ['a named person', octocat, 'approver'],
    ['a named person who may nothing', { ...octocat, id: 'T1/U3' }, 'none'],
    ['another person of the workspace', other, 'viewer'],
    ['the same user id in another workspace', { ...octocat, id: 'T2/U1' }, 'viewer'],
    ['an id in other case', { ...octocat, id: 't1/u1' }, 'viewer'],
    ['a token with the id of a person', { ...octocat, kind: 'token' }, 'operator'],
    ['Signalbox itself', system, 'operator'],
    ['a run', { kind: 'run', id: '42', name: '#42' }, 'none'],
  ];
  for (const [name, actor, role] of rows)
    test(name, () => assert.equal(roleOf(actor, { people, defaultRole: 'viewer' }), role));
});

describe('mayUse', () => {
  for (const [i, needed] of roles.entries())
    for (const [j, role] of roles.entries())
      test(`${role} ${j >= i ? 'may' : 'may not'} use what needs ${needed}`, () => {
        const result = mayUse({ access: needed }, role);
        assert.equal(result.ok, j >= i);
        if (!result.ok) assert.equal(result.reason, `It needs the role ${needed}, and yours is ${role}.`);
      });
});

describe('mayChange', () => {
  const rows: [name: string, by: Actor, actor: Actor, role: Role, may: boolean][] = [
    ['their own run, as a trainer', octocat, octocat, 'trainer', true],
    ['their own run under another name', octocat, { ...octocat, name: 'new' }, 'trainer', true],
    ['their own run, as a viewer by now', octocat, octocat, 'viewer', false],
    ["another's run, as a trainer", octocat, other, 'trainer', false],
    ["another's run, as an approver", octocat, other, 'approver', false],
    ["another's run, as an operator", octocat, other, 'operator', true],
    ['the run of a token with the same id', { ...octocat, kind: 'token' }, octocat, 'trainer', false],
  ];
  for (const [name, requestedBy, actor, role, may] of rows)
    test(name, () => assert.equal(mayChange(liveRun({ requestedBy }), actor, role).ok, may));
});
