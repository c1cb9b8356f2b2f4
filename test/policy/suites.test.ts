import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { quick, special, testFiles } from '../../scripts/suites.ts';
import { filesOf, readModules, repository, textOf } from '../support/modules.ts';

const servers = /^test\/support\/(postgres|redis)\.ts$/;

describe('suites', async () => {
  const files = await filesOf(['test/**/*.ts']);
  const imports = new Map(
    readModules(files.map(file => ({ file, text: textOf(file) }))).map(module => [
      module.file,
      module.imports,
    ]),
  );

  test('a quick test needs no server, whatever it imports', async () => {
    const slow = (await testFiles(quick)).flatMap(file =>
      reached(file)
        .filter(target => servers.test(target))
        .map(target => `${file} reaches ${target}`),
    );
    assert.deepEqual(slow, []);
  });

  test('a test with servers is found to have them', () => {
    assert.ok(
      files.some(file => file.endsWith('.test.ts') && reached(file).some(target => servers.test(target))),
    );
  });

  test('every quick suite exists', async () => {
    const folders = await readdir(path.join(repository, 'test'));
    assert.deepEqual(
      quick.filter(name => !folders.includes(name)),
      [],
    );
  });

  test('npm test takes every test but the special ones', async () => {
    const all = await testFiles();
    const rest = await testFiles(special);
    assert.deepEqual([...all, ...rest].sort(), files.filter(file => file.endsWith('.test.ts')).sort());
    assert.deepEqual(
      all.filter(file => rest.includes(file)),
      [],
    );
  });

  function reached(from: string, seen = new Set<string>()): string[] {
    for (const target of imports.get(from) ?? [])
      if (!seen.has(target)) {
        seen.add(target);
        reached(target, seen);
      }
    return [...seen];
  }
});
