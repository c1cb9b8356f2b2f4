import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { commands } from '../../commands/index.ts';
import { webhooks } from '../../webhooks/index.ts';
import { repository } from '../support/modules.ts';

interface List {
  folder: string;
  list: readonly object[];
  /** What every definition has, and nothing else that a file may export. */
  mark: string;
  nameOf(entry: object): string;
}

const lists: List[] = [
  {
    folder: 'commands',
    list: commands,
    mark: 'access',
    nameOf: entry => ('path' in entry ? [entry.path].flat().join('-') : ''),
  },
  {
    folder: 'webhooks',
    list: webhooks,
    mark: 'translate',
    nameOf: entry => ('name' in entry ? String(entry.name) : ''),
  },
];

describe('each list is its folder', () => {
  for (const { folder, list, mark, nameOf } of lists) {
    test(`${folder}: every file exports one definition, which ${folder}/index.ts lists`, async () => {
      const files = (await readdir(path.join(repository, folder))).filter(file => file !== 'index.ts').sort();
      const defined = await Promise.all(files.map(file => definitionsOf(path.join(folder, file), mark)));
      for (const [at, values] of defined.entries()) assert.equal(values.length, 1, `${folder}/${files[at]}`);
      const unlisted = files.filter((_, at) => !list.some(entry => entry === defined[at]?.[0]));
      assert.deepEqual(unlisted, []);
      assert.equal(list.length, files.length);
    });

    test(`${folder}: every file is named for what it defines`, () => {
      const names = list.map(nameOf);
      assert.equal(new Set(names).size, names.length);
      return readdir(path.join(repository, folder)).then(files =>
        assert.deepEqual([...names.map(name => `${name}.ts`), 'index.ts'].sort(), files.sort()),
      );
    });
  }
});

async function definitionsOf(file: string, mark: string): Promise<unknown[]> {
  const module: Record<string, unknown> = await import(pathToFileURL(path.join(repository, file)).href);
  return Object.values(module).filter(value => typeof value === 'object' && value !== null && mark in value);
}
