import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { auditPerson } from '../../src/core/audit-filter.ts';

describe('all accounts of a person are asked for', () => {
  const people = [{ name: 'Mona', slack: ['T1/U7', 'T2/U8'], role: 'trainer' as const, teams: [] }];
  const links = new Map([['slack:T3/U9', 'slack:T1/U7']]);
  const all = ['slack:T1/U7', 'slack:T2/U8', 'slack:T3/U9'];
  const rows: [word: string, keys: string[], ids: string[]][] = [
    ['mona', all, ['mona']],
    ['@Mona', all, ['Mona']],
    ['slack:T3/U9', all, []],
    ['T2/U8', all, []],
    ['T2/U7', ['slack:T2/U7'], []],
    ['U7', [], ['U7']],
    ['pigeon:U7', ['pigeon:U7'], []],
    ['mon', [], ['mon']],
  ];
  for (const [word, keys, ids] of rows)
    test(word, () => {
      const by = auditPerson(word, people, links);
      assert.deepEqual([[...by.keys].sort(), by.ids, by.names], [keys, ids, [word.replace('@', '')]]);
    });
});
