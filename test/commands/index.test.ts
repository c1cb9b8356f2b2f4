import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';

test('the list is the folder', () => {
  const files = readdirSync(join(import.meta.dirname, '../../commands'))
    .filter(file => file !== 'index.ts')
    .map(file => file.replace(/\.ts$/, ''));
  const listed = commands.map(command => command.path.join('-'));
  assert.deepEqual(listed.sort(), files.sort());
});

describe('names', () => {
  for (const command of commands)
    test(command.path.join(' '), () => {
      const specs = [...command.arguments, ...command.flags];
      const names = [...specs.map(spec => spec.name), ...specs.flatMap(spec => spec.short ?? [])];
      assert.equal(new Set(names).size, names.length, 'each is there once');
      assert.ok(!names.includes('help') && !names.includes('h'), 'help is the grammar’s');
      for (const spec of specs) assert.match(spec.summary, /^\p{Lu}.*\.$/u);
      for (const example of command.examples) assert.ok(example.startsWith(command.path.join(' ')));
    });
});
