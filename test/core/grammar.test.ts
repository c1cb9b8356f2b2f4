import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import {
  type ArgumentSpec,
  type CommandDefinition,
  defineCommand,
  type ValueKind,
} from '../../src/core/command.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import { coerceValues, commandLimit, parseCommand } from '../../src/core/grammar.ts';
import { reply } from '../../src/core/reply.ts';
import { context, memory, memoryPorts } from '../support/memory-ports.ts';

function parse(words: string, from: readonly CommandDefinition[] = commands) {
  const parsed = parseCommand(words, from);
  if (!parsed.ok) return parsed;
  return 'help' in parsed ? parsed : { path: parsed.command.path.join(' '), values: parsed.values };
}

describe('what is understood', () => {
  const rows: [name: string, words: string, path: string, values: Record<string, unknown>][] = [
    ['a request', 'train digits', 'train', { project: 'digits' }],
    ['a flag with a space', 'train digits --ref main', 'train', { project: 'digits', ref: 'main' }],
    ['a flag with an equals sign', 'train digits --ref=main', 'train', { project: 'digits', ref: 'main' }],
    ['a value with an equals sign', 'train digits --ref=a=b', 'train', { project: 'digits', ref: 'a=b' }],
    ['flags before the subject', 'train --gpus 2 digits', 'train', { project: 'digits', gpus: 2 }],
    ['no accelerators', 'train digits --gpus 0', 'train', { project: 'digits', gpus: 0 }],
    ['a duration', 'train digits --time 1h30m', 'train', { project: 'digits', time: 5_400 }],
    ['a choice', 'train digits --priority high', 'train', { project: 'digits', priority: 'high' }],
    ['one pair', 'train digits -p lr=0.1', 'train', { project: 'digits', parameters: { lr: '0.1' } }],
    [
      'many pairs, quoted, empty, by their long name and with equals signs',
      'train digits -p lr=0.1 -p note="a b" -p none= --parameters eq=a=b',
      'train',
      { project: 'digits', parameters: { lr: '0.1', note: 'a b', none: '', eq: 'a=b' } },
    ],
    [
      'a pair named like what every object has',
      'train d -p constructor=1',
      'train',
      { project: 'd', parameters: { constructor: '1' } },
    ],
    ['a pair whose value is negative', 'train d -p x=-1', 'train', { project: 'd', parameters: { x: '-1' } }],
    [
      'a pair whose value looks like a flag',
      'train d -p x=--help',
      'train',
      { project: 'd', parameters: { x: '--help' } },
    ],
    ['an en dash for two hyphens', 'train digits –ref main', 'train', { project: 'digits', ref: 'main' }],
    ['an em dash for two hyphens', 'train digits —ref=main', 'train', { project: 'digits', ref: 'main' }],
    ['an en dash for one hyphen', 'train d –p lr=1', 'train', { project: 'd', parameters: { lr: '1' } }],
    ['smart quotes', 'train d --note “two words”', 'train', { project: 'd', note: 'two words' }],
    [
      'non-breaking spaces',
      'train\u00a0digits\u00a0--ref\u00a0main',
      'train',
      { project: 'digits', ref: 'main' },
    ],
    ['a text of one dash', 'train d --note -', 'train', { project: 'd', note: '-' }],
    [
      'a quoted value that looks like a flag',
      'train d --note "--help"',
      'train',
      { project: 'd', note: '--help' },
    ],
    [
      'a joined value that looks like a flag',
      'train d --note=--help',
      'train',
      { project: 'd', note: '--help' },
    ],
    ['a subcommand', 'train list', 'train list', {}],
    ['a subcommand with a capital', 'Train List --mine', 'train list', { mine: true }],
    ['a run', 'train status 42', 'train status', { run: 42 }],
    ['a run with its sign', 'train status #42', 'train status', { run: 42 }],
    ['the largest run', 'train status 999999999', 'train status', { run: 999_999_999 }],
    ['a switch beside a value', 'train list --mine --limit 5', 'train list', { mine: true, limit: 5 }],
    ['-- before a project named like a subcommand', 'train -- list', 'train', { project: 'list' }],
    ['-- before a project named like a flag', 'train -- --help', 'train', { project: '--help' }],
    ['an em dash alone for --', 'train — list', 'train', { project: 'list' }],
    ['a quoted project named like a subcommand', 'train "list"', 'train', { project: 'list' }],
    ['-- at the end', 'train digits --', 'train', { project: 'digits' }],
    ['-- as a value in quotes', 'train digits --note "--"', 'train', { project: 'digits', note: '--' }],
    ['a ref that a shell would run', "train d --ref '$(curl)'", 'train', { project: 'd', ref: '$(curl)' }],
    [
      'as long as may be',
      `train d --note ${'x'.repeat(900)}`,
      'train',
      { project: 'd', note: 'x'.repeat(900) },
    ],
  ];
  for (const [name, words, path, values] of rows)
    test(name, () => assert.deepEqual(parse(words), { path, values }));
});

describe('help', () => {
  const rows: [words: string, help: string[]][] = [
    ['help', []],
    ['--help', []],
    ['train', ['train']],
    ['train help', ['train']],
    ['train --help', ['train']],
    ['train -h', ['train']],
    ['train —help', ['train']],
    ['help train', ['train']],
    ['help train list', ['train', 'list']],
    ['train help list', ['train', 'list']],
    ['train list help', ['train', 'list']],
    ['train list --mine --help', ['train', 'list']],
    ['train digits --nonsense --help', ['train']],
    ['signalbox', ['signalbox']],
    ['signalbox help', ['signalbox']],
    ['signalbox help train why', ['train', 'why']],
  ];
  for (const [words, help] of rows) test(words, () => assert.deepEqual(parse(words), { ok: true, help }));
});

describe('what is refused', () => {
  type Row = [name: string, words: string, code: string, details: Record<string, unknown>];
  const rows: Row[] = [
    ['nothing', '', 'COMMAND_EMPTY', {}],
    ['spaces', ' \u00a0 ', 'COMMAND_EMPTY', {}],
    [
      'an unknown command',
      'trian digits',
      'COMMAND_UNKNOWN',
      { word: 'trian', nearest: 'train', example: 'train digits -p lr=0.1' },
    ],
    ['a command with its slash', '/train digits', 'COMMAND_UNKNOWN', { word: '/train', nearest: 'train' }],
    [
      'an unknown subcommand of a group',
      'signalbox whoam',
      'COMMAND_UNKNOWN',
      {
        word: 'signalbox whoam',
        nearest: 'signalbox whoami',
        allowed: [
          ...new Set(
            commands.filter(one => one.path[0] === 'signalbox').map(one => one.path.slice(0, 2).join(' ')),
          ),
        ],
      },
    ],
    ['help for something unknown', 'help trian', 'COMMAND_UNKNOWN', { word: 'trian', nearest: 'train' }],
    [
      'a word like what every object has',
      'constructor',
      'COMMAND_UNKNOWN',
      { word: 'constructor', nearest: undefined },
    ],
    [
      'one character too many',
      `train ${'x'.repeat(commandLimit - 5)}`,
      'COMMAND_TOO_LONG',
      { length: commandLimit + 1 },
    ],
    [
      '10,000 characters',
      `train ${'x'.repeat(9_994)}`,
      'COMMAND_TOO_LONG',
      { length: 10_000, limit: 4_000, example: 'train digits -p lr=0.1' },
    ],
    [
      'a line break',
      'train digits\ntrain list',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a line break (U+000A) there.' },
    ],
    ['a line break in quotes', 'train digits --note "a\nb"', 'COMMAND_UNREADABLE', {}],
    ['a carriage return', 'train digits\r', 'COMMAND_UNREADABLE', {}],
    ['a line separator', 'train digits\u2028', 'COMMAND_UNREADABLE', {}],
    [
      'a null character',
      'train dig\0its',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a null character (U+0000) there.' },
    ],
    [
      'an escape character',
      'train \u001b[31mdigits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a control character (U+001B) there.' },
    ],
    ['a tab', 'train\tdigits', 'COMMAND_UNREADABLE', { reason: 'It holds a tab (U+0009) there.' }],
    [
      'a right-to-left mark',
      'train dig\u200fits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a direction mark (U+200F) there.' },
    ],
    [
      'a right-to-left override',
      'train \u202edigits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a direction mark (U+202E) there.' },
    ],
    [
      'an isolate',
      'train \u2067digits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a direction mark (U+2067) there.' },
    ],
    [
      'an Arabic letter mark',
      'train \u061cdigits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a direction mark (U+061C) there.' },
    ],
    [
      'a zero-width space',
      'train dig\u200bits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds a zero-width space (U+200B) there.' },
    ],
    [
      'a byte order mark',
      '\ufefftrain digits',
      'COMMAND_UNREADABLE',
      { reason: 'It holds an invisible character (U+FEFF) there.' },
    ],
    ['half of a pair', 'train \ud83d', 'COMMAND_UNREADABLE', {}],
    [
      'an open quote',
      'train digits --note "a b',
      'COMMAND_UNREADABLE',
      { reason: 'The quote " is not closed.' },
    ],
    ['a backslash at the end', 'train digits \\', 'COMMAND_UNREADABLE', {}],
    [
      'an unknown flag',
      'train digits --gpu-count 2',
      'FLAG_UNKNOWN',
      { command: 'train', word: '--gpu-count', nearest: undefined },
    ],
    [
      'a misspelt flag',
      'train digits --prioritiy high',
      'FLAG_UNKNOWN',
      { word: '--prioritiy', nearest: '--priority' },
    ],
    ['an unknown letter', 'train digits -x 1', 'FLAG_UNKNOWN', { word: '-x' }],
    [
      'a misspelt flag with a value',
      'train digits --reff=main',
      'FLAG_UNKNOWN',
      { word: '--reff', nearest: '--ref' },
    ],
    [
      'a flag like what every object has',
      'train digits --constructor 1',
      'FLAG_UNKNOWN',
      { word: '--constructor' },
    ],
    [
      'a flag of a command without any',
      'train status 42 --mine',
      'FLAG_UNKNOWN',
      { word: '--mine', allowed: [] },
    ],
    ['a flag twice', 'train digits --ref a --ref b', 'FLAG_REPEATED', { word: '--ref' }],
    ['a switch twice', 'train list --mine --mine', 'FLAG_REPEATED', { word: '--mine' }],
    ['a pair twice', 'train digits -p lr=1 -p lr=2', 'FLAG_REPEATED', { word: '-p lr' }],
    ['a flag at the end', 'train digits --ref', 'FLAG_VALUE_MISSING', { word: '--ref' }],
    ['a flag before a flag', 'train digits --ref --gpus 2', 'FLAG_VALUE_MISSING', { word: '--ref' }],
    ['a flag before --', 'train digits --note -- x', 'FLAG_VALUE_MISSING', { word: '--note' }],
    ['an empty value', 'train digits --ref=', 'FLAG_VALUE_MISSING', { word: '--ref' }],
    ['a quoted empty value', 'train digits --ref ""', 'FLAG_VALUE_MISSING', { word: '--ref' }],
    [
      'a switch with a value',
      'train list --mine=yes',
      'VALUE_INVALID',
      { word: 'yes', name: '--mine', allowed: 'no value' },
    ],
    [
      '-1 accelerators',
      'train digits --gpus -1',
      'VALUE_INVALID',
      {
        word: '-1',
        name: '--gpus',
        allowed: 'a whole number from 0 to 1024',
        example: 'train digits --ref main --gpus 1 --time 4h --note "wider net"',
      },
    ],
    ['-1 accelerators, joined', 'train digits --gpus=-1', 'VALUE_INVALID', { word: '-1' }],
    ['0.5 accelerators', 'train digits --gpus 0.5', 'VALUE_INVALID', { word: '0.5' }],
    ['1e9 accelerators', 'train digits --gpus 1e9', 'VALUE_INVALID', { word: '1e9' }],
    ['1e1 accelerators', 'train digits --gpus 1e1', 'VALUE_INVALID', { word: '1e1' }],
    ['NaN accelerators', 'train digits --gpus NaN', 'VALUE_INVALID', { word: 'NaN' }],
    ['infinitely many accelerators', 'train digits --gpus Infinity', 'VALUE_INVALID', { word: 'Infinity' }],
    ['8 and a space accelerators', 'train digits --gpus "8 "', 'VALUE_INVALID', { word: '8 ' }],
    ['0x8 accelerators', 'train digits --gpus 0x8', 'VALUE_INVALID', { word: '0x8' }],
    ['accelerators in full-width digits', 'train digits --gpus ８', 'VALUE_INVALID', { word: '８' }],
    ['accelerators in Arabic-Indic digits', 'train digits --gpus ٨', 'VALUE_INVALID', { word: '٨' }],
    ['one accelerator too many', 'train digits --gpus 1025', 'VALUE_INVALID', { word: '1025' }],
    ['more accelerators than numbers go', `train digits --gpus ${'9'.repeat(400)}`, 'VALUE_INVALID', {}],
    [
      'a count of none where one is least',
      'train list --limit 0',
      'VALUE_INVALID',
      { word: '0', allowed: 'a whole number from 1 to 50' },
    ],
    ['run 0', 'train status 0', 'VALUE_INVALID', { word: '0', name: '<run>' }],
    ['run -5', 'train status -5', 'VALUE_INVALID', { word: '-5' }],
    ['a run with two signs', 'train status ##42', 'VALUE_INVALID', {}],
    ['a run that is a name', 'train status latest', 'VALUE_INVALID', { word: 'latest' }],
    ['a run beyond what is stored', 'train status 9999999999', 'VALUE_INVALID', {}],
    ['no time', 'train digits --time 0s', 'VALUE_INVALID', { word: '0s', name: '--time' }],
    ['a time without a unit', 'train digits --time 4', 'VALUE_INVALID', { word: '4' }],
    ['a time with a space', 'train digits --time " 4h"', 'VALUE_INVALID', { word: ' 4h' }],
    ['more than a year', 'train digits --time 366d', 'VALUE_INVALID', { word: '366d' }],
    [
      'an unknown choice',
      'train digits --priority hihg',
      'VALUE_INVALID',
      { word: 'hihg', nearest: 'high', allowed: ['low', 'normal', 'high'] },
    ],
    ['a pair without a sign', 'train digits -p lr', 'VALUE_INVALID', { word: 'lr', name: '-p' }],
    ['a pair without a name', 'train digits -p =1', 'VALUE_INVALID', { word: '=1' }],
    ['a pair with another name', 'train digits -p a-b=1', 'VALUE_INVALID', { word: 'a-b=1' }],
    [
      'a pair that would be a prototype',
      'train digits -p __proto__=1',
      'VALUE_INVALID',
      { word: '__proto__=1' },
    ],
    ['a pair of more than 1,000', `train digits -p a=${'x'.repeat(1_001)}`, 'VALUE_INVALID', {}],
    ['two words as one', 'train "dig its"', 'VALUE_INVALID', { word: 'dig its', name: '<project>' }],
    [
      'a missing subject',
      'train status',
      'ARGUMENT_MISSING',
      { command: 'train status', word: '<run>', example: 'train status 42' },
    ],
    ['an empty subject', 'train ""', 'ARGUMENT_MISSING', { word: '<project>' }],
    ['-- and nothing', 'train --', 'ARGUMENT_MISSING', { word: '<project>' }],
    [
      'a surplus word',
      'train digits more',
      'ARGUMENT_UNEXPECTED',
      { command: 'train', word: 'more', nearest: undefined },
    ],
    [
      'a pair without -p',
      'train digits lr=0.1',
      'ARGUMENT_UNEXPECTED',
      { word: 'lr=0.1', nearest: '-p lr=0.1' },
    ],
    ['a flag without dashes', 'train digits ref=main', 'ARGUMENT_UNEXPECTED', { nearest: '--ref main' }],
    [
      'a misspelt subcommand',
      'train stauts 42',
      'ARGUMENT_UNEXPECTED',
      { word: '42', nearest: 'train status' },
    ],
    ['a flag after --', 'train digits -- --gpus', 'ARGUMENT_UNEXPECTED', { word: '--gpus' }],
  ];
  for (const [name, words, code, details] of rows)
    test(name, () => {
      const result = parseCommand(words, commands);
      assert.ok(!result.ok, 'refused');
      assert.equal(result.code, code);
      for (const [key, value] of Object.entries(details)) assert.deepEqual(result.details[key], value, key);
      const shown = faultLine(fault(result.code, result.details));
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}]|undefined|\{\w+\}/u);
      assert.match(shown, /Try |Give it once, for example |Shorten it, for example /);
      assert.ok(shown.length < 700, 'it is short enough to be read');
    });
});

function of(spec: ArgumentSpec): CommandDefinition {
  return {
    path: ['try'],
    summary: 'Try.',
    access: 'none',
    examples: ['try'],
    arguments: [],
    flags: [spec],
    needs: [],
    run: async () => ({ ok: true, reply: reply('Tried.') }),
  };
}

describe('every kind gives what its type promises', () => {
  const promised: Record<ValueKind, { typed: string; value: unknown; wrong: unknown[] }> = {
    word: {
      typed: '--x=main',
      value: 'main',
      wrong: [1, true, '', 'a b', 'a\u00a0b', 'a\nb', 'x'.repeat(256), ['a']],
    },
    text: { typed: '--x="a b"', value: 'a b', wrong: [1, false, 'a\nb', 'a\u202eb', 'x'.repeat(1_001)] },
    run: { typed: '--x=#7', value: 7, wrong: ['7', 0, -7, 7.5, 1e9, Number.NaN] },
    work: { typed: '--x=s7', value: 'S7', wrong: ['7', 's7', 'S0', 'S', 0, 7.5, 1e9] },
    count: {
      typed: '--x=7',
      value: 7,
      wrong: ['7', -1, 0.5, 1e9, Number.NaN, Number.POSITIVE_INFINITY, [7]],
    },
    duration: { typed: '--x=1m30s', value: 90, wrong: ['90s', 0, -1, 0.5, 31_536_001] },
    amount: {
      typed: '--x=51.20',
      value: 51.2,
      wrong: ['51.20', -1, 1e9, Number.NaN, Number.POSITIVE_INFINITY, [7], true],
    },
    choice: { typed: '--x=high', value: 'high', wrong: ['hihg', 1, ['high']] },
    pairs: {
      typed: '--x a=1 --x b=c',
      value: { a: '1', b: 'c' },
      wrong: ['a=1', ['a'], { 'a-b': '1' }, { a: null }, { a: ['1'] }, { a: 'x\n' }, { a: Number.NaN }, 3],
    },
    switch: { typed: '--x', value: true, wrong: ['true', 1, 'yes'] },
  };
  for (const [kind, { typed, value, wrong }] of Object.entries(promised) as [
    ValueKind,
    (typeof promised)[ValueKind],
  ][]) {
    const command = of({ name: 'x', kind, summary: 'X.', choices: ['low', 'high'] });
    test(`${kind}, typed`, () =>
      assert.deepEqual(parse(`try ${typed}`, [command]), { path: 'try', values: { x: value } }));
    test(`${kind}, absent`, () => assert.deepEqual(parse('try', [command]), { path: 'try', values: {} }));
    test(`${kind}, as a value`, () => {
      assert.deepEqual(coerceValues(command, { x: value }), { ok: true, command, values: { x: value } });
      assert.deepEqual(coerceValues(command, { x: undefined }), { ok: true, command, values: {} });
    });
    for (const one of wrong)
      test(`${kind} is not ${JSON.stringify(one)?.slice(0, 40) ?? String(one)}`, () => {
        const result = coerceValues(command, { x: one });
        assert.equal(result.ok ? null : result.code, 'VALUE_INVALID');
      });
  }

  test('defineCommand ties the values to the types', async () => {
    const seen: unknown[] = [];
    const command = defineCommand({
      path: ['try'],
      summary: 'Try.',
      access: 'none',
      arguments: [{ name: 'run', kind: 'run', summary: 'A run.', required: true }],
      flags: [{ name: 'all', kind: 'switch', summary: 'All.' }],
      examples: ['try 1'],
      needs: [],
      async run(values) {
        const number: number = values.run;
        const all: boolean | undefined = values.all;
        seen.push(number, all);
        return { ok: true, reply: reply('Tried.') };
      },
    });
    const parsed = parseCommand('try #7', [command]);
    assert.ok(parsed.ok && 'values' in parsed);
    await command.run(parsed.values, context(), memoryPorts(memory()));
    assert.deepEqual(seen, [7, undefined]);
  });
});

describe('values that are typed already', () => {
  const train = commands[0];
  assert.ok(train);
  const rows: [name: string, record: Record<string, unknown>, expected: string | Record<string, unknown>][] =
    [
      [
        'all that a request takes',
        { project: 'digits', gpus: 0, time: 60, parameters: { lr: 0.1, fast: true } },
        { project: 'digits', gpus: 0, time: 60, parameters: { lr: '0.1', fast: 'true' } },
      ],
      ['null is absent', { project: 'digits', ref: null }, { project: 'digits' }],
      ['nothing', {}, 'ARGUMENT_MISSING'],
      ['an unknown name', { project: 'digits', gpsu: 1 }, 'FLAG_UNKNOWN'],
      ['a name of every object', JSON.parse('{"project": "digits", "__proto__": 1}'), 'FLAG_UNKNOWN'],
      ['half an accelerator', { project: 'digits', gpus: 0.5 }, 'VALUE_INVALID'],
      ['an empty project', { project: '' }, 'VALUE_INVALID'],
    ];
  for (const [name, record, expected] of rows)
    test(name, () => {
      const result = coerceValues(train, record);
      if (typeof expected === 'string') assert.equal(result.ok ? null : result.code, expected);
      else assert.deepEqual(result.ok && result.values, expected);
    });

  test('a misspelt name has a nearest one', () => {
    const result = coerceValues(train, { project: 'digits', gpsu: 1 });
    assert.equal(result.ok ? null : result.details.nearest, 'gpus');
  });
});

describe('random lines', () => {
  const pieces = [
    'train',
    'list',
    'status',
    ' ',
    '--',
    '-',
    '—',
    'p',
    'lr=1',
    '"',
    "'",
    '\\',
    '=',
    '#',
    '42',
    'help',
    '“',
    '”',
    '’',
    '\u00a0',
    'ref',
    '\n',
    '\u202e',
    '😀',
    '$(',
  ];
  test('never throw, and end in a command, help, or a code', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    for (let i = 0; i < 5_000; i++) {
      const length = Math.floor(random() * 14);
      const line = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)] ?? '').join('');
      const result = parseCommand(line, commands);
      if (!result.ok)
        assert.doesNotMatch(faultLine(fault(result.code, result.details)), /[\n\u202e]|undefined/, line);
    }
  });
});
