import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Place, Role } from '../../src/core/actor.ts';
import { plain } from '../../src/core/reply.ts';
import { moreSentence, rightsIn } from '../../src/core/rights.ts';

const commands = [
  { path: ['look'], access: 'viewer' },
  { path: ['train'], access: 'trainer', places: ['slack', 'queue'] },
  { path: ['train', 'cancel'], access: 'trainer' },
  { path: ['freeze'], access: 'operator' },
  { path: ['box', 'audit'], access: 'operator' },
  { path: ['box', 'drain'], access: 'operator' },
  { path: ['whoami'], access: 'none' },
] as const;

describe('what somebody may do here, and who may do the rest', () => {
  const rows: [role: Role, place: Place['kind'], may: string[], more: string[]][] = [
    [
      'none',
      'slack',
      ['whoami'],
      [
        'With the role viewer: look.',
        'With the role trainer: train, with cancel.',
        'With the role operator: freeze; box audit, drain.',
      ],
    ],
    [
      'viewer',
      'http',
      ['look', 'whoami'],
      ['With the role trainer: train cancel.', 'With the role operator: freeze; box audit, drain.'],
    ],
    [
      'trainer',
      'slack',
      ['look', 'train', 'train cancel', 'whoami'],
      ['With the role operator: freeze; box audit, drain.'],
    ],
    [
      'approver',
      'slack',
      ['look', 'train', 'train cancel', 'whoami'],
      ['With the role operator: freeze; box audit, drain.'],
    ],
    [
      'operator',
      'slack',
      ['look', 'train', 'train cancel', 'freeze', 'box audit', 'box drain', 'whoami'],
      [],
    ],
    ['operator', 'queue', ['train'], []],
  ];
  for (const [role, place, may, more] of rows)
    test(`${role}, ${place}`, () => {
      const rights = rightsIn(commands, role, place);
      assert.deepEqual(
        rights.may.map(command => command.path.join(' ')),
        may,
      );
      assert.deepEqual(
        rights.more.map(group => plain(moreSentence(group))),
        more,
      );
    });
});
