import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answering, mayAnswer, readApprovers } from '../../../src/core/promotion/approvers.ts';

const byRole = { role: 'approver' } as const;
const byTeam = { team: 'vision' };
const lead: Answering = { role: 'approver', teams: ['vision'], asked: false, trained: false };

const rows: [name: string, ...Parameters<typeof mayAnswer>, ok: boolean][] = [
  ['an approver', 'approve', byRole, lead, true],
  ['an operator', 'approve', byRole, { ...lead, role: 'operator' }, true],
  ['a trainer', 'approve', byRole, { ...lead, role: 'trainer' }, false],
  ['a trainer rejects', 'reject', byRole, { ...lead, role: 'trainer' }, false],
  ['who asked', 'approve', byRole, { ...lead, asked: true }, false],
  ['an operator who asked', 'approve', byRole, { ...lead, role: 'operator', asked: true }, false],
  ['who trained', 'approve', byRole, { ...lead, trained: true }, false],
  ['who asked takes it back', 'reject', byRole, { ...lead, role: 'trainer', asked: true }, true],
  ['one of the team', 'approve', byTeam, { ...lead, role: 'trainer' }, true],
  ['an operator of another team', 'approve', byTeam, { ...lead, role: 'operator', teams: ['audio'] }, false],
  ['who was removed from the team', 'approve', byTeam, { ...lead, teams: [] }, false],
];
for (const [name, says, approvers, who, ok] of rows)
  test(`${name}: ${ok ? 'may' : 'may not'}`, () => {
    const found = mayAnswer(says, approvers, who);
    assert.equal(found.ok, ok);
    if (!found.ok) assert.match(`${found.reason} ${found.todo}`, /^\S.*\. Ask .*\.$/);
  });

const read: [text: string, approvers: ReturnType<typeof readApprovers>][] = [
  ['approver', { role: 'approver' }],
  ['operator', { role: 'operator' }],
  ['trainer', { role: 'trainer' }],
  ['viewer', null],
  ['none', null],
  ['team:vision', { team: 'vision' }],
  ['team:', null],
  ['vision', null],
];
for (const [text, approvers] of read)
  test(`${text}: ${JSON.stringify(approvers)}`, () => assert.deepEqual(readApprovers(text), approvers));
