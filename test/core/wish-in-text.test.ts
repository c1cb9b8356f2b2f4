import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '../../commands/index.ts';
import type { RunWish } from '../../src/core/run-request.ts';
import { findWish } from '../../src/core/wish-in-text.ts';

const rows: [name: string, text: string, wish: RunWish | null, runs: number[]][] = [
  ['nothing', 'good morning', null, []],
  ['a command', '/train digits -p lr=0.1', { project: 'digits', parameters: { lr: '0.1' } }, []],
  [
    'a command without its slash',
    'train digits --gpus 2 --time 1h',
    { project: 'digits', gpus: 2, time: 3_600 },
    [],
  ],
  ['a command in quotes', 'try `/train digits --ref wide`, please', { project: 'digits', ref: 'wide' }, []],
  [
    'a command in a later line',
    'Hello\n> /train digits --priority high\nBye',
    { project: 'digits', priority: 'high' },
    [],
  ],
  ['prose with a project', 'should we train digits tomorrow?', { project: 'digits' }, []],
  ['prose with a project and a stop', 'Please train digits.', { project: 'digits' }, []],
  ['prose without a project', 'we train tomorrow', null, []],
  [
    'a whole command after prose',
    'let us train tabular or so:\n/train digits -p lr=1',
    { project: 'digits', parameters: { lr: '1' } },
    [],
  ],
  ['another command', '/train status 42', null, []],
  ['an unknown project', '/train nothing', null, []],
  ['a run', '#42 digits succeeded', null, [42]],
  ['runs', 'compare #42 with #7, not #42', null, [42, 7]],
  ['no run', 'issue-#42 a#43 &#44; #0 #4x /#5', null, []],
  ['a flag with a bad value', 'train digits --gpus many', { project: 'digits' }, []],
  ['a word that ends in train', 'retrain digits', null, []],
];

for (const [name, text, wish, runs] of rows)
  test(`wish in text: ${name}`, () =>
    assert.deepEqual(findWish(text, commands, ['digits', 'tabular']), { wish, runs }));
