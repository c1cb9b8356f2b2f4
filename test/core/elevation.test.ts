import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Actor, Role } from '../../src/core/actor.ts';
import { type Elevation, elevated, reviewable } from '../../src/core/elevation.ts';
import { later, noon } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';

const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const hour: Elevation = {
  id: 7,
  actor: octocat,
  why: 'the disk is full',
  openedAt: noon,
  until: later(3_600),
  endedAt: null,
  review: null,
};

describe('who somebody is', () => {
  const rows: [name: string, actor: Actor, own: Role, newest: Elevation | null, at: Date, role: Role][] = [
    ['none was ever opened', octocat, 'trainer', null, noon, 'trainer'],
    ['open', octocat, 'trainer', hour, later(60), 'operator'],
    ['open, an approver', octocat, 'approver', hour, later(60), 'operator'],
    ['in its last second', octocat, 'trainer', hour, later(3_599), 'operator'],
    ['over at this moment', octocat, 'trainer', hour, later(3_600), 'trainer'],
    ['over for one second', octocat, 'trainer', hour, later(3_601), 'trainer'],
    ['ended before its time', octocat, 'trainer', { ...hour, endedAt: later(10) }, later(60), 'trainer'],
    ['of another person', hubot, 'trainer', hour, later(60), 'trainer'],
    [
      'of the same user id in another workspace',
      { ...octocat, id: 'T2/U1' },
      'trainer',
      hour,
      later(60),
      'trainer',
    ],
    ['a token of the same id', { ...octocat, kind: 'token' }, 'trainer', hour, later(60), 'trainer'],
    ['no trainer any more', octocat, 'viewer', hour, later(60), 'viewer'],
    ['nobody any more', octocat, 'none', hour, later(60), 'none'],
  ];
  for (const [name, actor, own, newest, at, role] of rows)
    test(`${name}: ${role}`, () => {
      const is = elevated(actor, own, newest, at);
      assert.equal(is.role, role);
      assert.deepEqual(is.actor, role === own ? actor : { ...actor, breakglass: 7 });
    });

  test('an operator needs none, and does nothing under it', () => {
    assert.deepEqual(elevated(octocat, 'operator', hour, noon), { actor: octocat, role: 'operator' });
  });
});

describe('who may review it', () => {
  const over = later(3_600);
  const reviewed = { by: hubot, verdict: 'ok' as const, note: '', at: over };
  test('the same person, by an account that is linked', () => {
    assert.deepEqual(reviewable(hour, hubot, true, over), { ok: false, code: 'own' });
  });

  const rows: [name: string, elevation: Elevation, by: Actor, at: Date, code: string | null][] = [
    ['a second person', hour, hubot, over, null],
    ['a second person, ended before its time', { ...hour, endedAt: later(5) }, hubot, later(5), null],
    ['a second person, one second too early', hour, hubot, later(3_599), 'open'],
    ['the same person', hour, octocat, over, 'own'],
    ['the same person, by another name', hour, { ...octocat, name: 'mona' }, over, 'own'],
    ['the same person, under another elevation', hour, { ...octocat, breakglass: 8 }, over, 'own'],
    ['the same person, in another workspace', hour, { ...octocat, id: 'T2/U1' }, over, 'own'],
    ['another person whose id only ends alike', hour, { ...octocat, id: 'T1/UU1' }, over, null],
    ['a second time', { ...hour, review: reviewed }, hubot, over, 'reviewed'],
    ['the same person, when another has', { ...hour, review: reviewed }, octocat, over, 'own'],
  ];
  for (const [name, elevation, by, at, code] of rows)
    test(`${name}: ${code ?? 'yes'}`, () => {
      const may = reviewable(elevation, by, false, at);
      assert.equal(may.ok ? null : may.code, code);
    });
});
