import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import type { Role } from '../../src/core/actor.ts';
import { parseCommand } from '../../src/core/grammar.ts';
import { helpReply, usageOf } from '../../src/core/help.ts';
import { plain, type Reply } from '../../src/core/reply.ts';

function lines(reply: Reply): string[] {
  return reply.blocks.flatMap(block => {
    if (block.kind === 'list') return block.items.map(plain);
    if (block.kind === 'fields') return block.rows.map(row => `${row.label}: ${plain(row.value)}`);
    return block.kind === 'text' || block.kind === 'context' ? [plain(block.text)] : [];
  });
}

test('usage names every word and flag', () => {
  const [train] = commands;
  assert.ok(train);
  assert.equal(
    usageOf(train),
    'train <project> [--ref ref] [--gpus n] [--gpu gpu] [--pool pool] [--priority low|normal|high] [--time 4h] [-p name=value]... [--sweep name=value]... [--early-stop median] [--note text] [--dry-run]',
  );
});

test('everything', () => {
  const reply = helpReply([], commands, 'operator', 'slack');
  const [list] = reply.blocks;
  assert.ok(list?.kind === 'list');
  assert.equal(list.items.length, commands.length);
  assert.equal(plain(list.items[0] ?? []), 'train <project>: Ask for a run of a project.');
  assert.deepEqual(helpReply(['signalbox'], commands, 'operator', 'slack'), reply);
});

describe('one command', () => {
  for (const command of commands)
    test(command.path.join(' '), () => {
      const shown = lines(helpReply(command.path, commands, 'operator', 'slack'));
      const words = usageOf({ ...command, flags: [] });
      assert.equal(shown[0], command.flags.length > 0 ? `${words} [flags]` : words);
      for (const spec of [...command.arguments, ...command.flags])
        assert.ok(
          shown.some(line => line.includes(spec.summary)),
          spec.name,
        );
      for (const example of command.examples) assert.ok(shown.includes(example), example);
    });
});

describe('the role decides what is listed', () => {
  const rows: [role: Role, path: string[], listed: string[]][] = [
    ['none', [], ['signalbox whoami', 'signalbox link', 'signalbox unlink']],
    [
      'viewer',
      ['train'],
      [
        ...['train list', 'train status', 'train why', 'train logs', 'train compare'],
        ...['train artifacts', 'train chart'],
      ],
    ],
    ['none', ['train'], []],
  ];
  for (const [role, path, listed] of rows)
    test(`${role}: ${path.join(' ') || 'everything'}`, () => {
      const { data } = helpReply(path, commands, role, 'slack');
      const found = (data as { commands: { path: string[] }[] }).commands.map(one => one.path.join(' '));
      assert.deepEqual(found, listed);
    });
});

describe('what is shown is understood', () => {
  for (const command of commands)
    for (const example of command.examples)
      test(example, () => {
        const parsed = parseCommand(example, commands);
        assert.ok(parsed.ok && 'command' in parsed);
        assert.equal(parsed.command, command);
      });
});
