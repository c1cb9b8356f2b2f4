import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { filesOf, repository, textOf } from '../support/modules.ts';

const self = 'test/policy/language.test.ts';
const text =
  /\.(ts|mts|js|mjs|json|jsonc|md|yml|yaml|py|sh|toml|txt|example|html|svg|sql)$|(^|\/)(Dockerfile|\.[a-z]+rc|run|AGENTS)$/;
const code = /\.(ts|mts|js|mjs)$/;
const javascript = /\.m?[jt]s$/;

interface Rule {
  name: string;
  files: RegExp;
  wrong: RegExp;
  /** Lines that break it, and lines that nearly do. */
  hits: string[];
  misses: string[];
}

const rules: Rule[] = [
  {
    name: 'nothing is left for later',
    files: text,
    wrong: /\b(TODO|FIXME|XXX|HACK)\b/,
    hits: ['// TODO: later', '# FIXME', '/* XXX */'],
    misses: ["todo: 'Try again.'", 'TODOS', 'f.todo'],
  },
  {
    name: 'no path of one machine',
    files: text,
    wrong: /(?<![\w.~*})-])\/(work|root|home\/\w[\w.-]*|Users\/\w[\w.-]*)\//,
    hits: ["'/work/main/x'", 'cd /root/x', '"/home/someone/x"', '/Users/someone/x'],
    misses: ['src/work/x', './root/x', '/homes/a/b', '/worker/x', '/v1/root/x', 'closed to them (`/root`)'],
  },
  {
    name: 'no host of a package registry',
    files: text,
    wrong:
      /registry\.(npmjs|yarnpkg)\.|npmmirror\.com|pypi\.org\/simple|^\s*(\/\/.*:_authToken|registry\s*=)/,
    hits: ['https://registry.npmjs.org/left', 'registry=https://packages.example.com/'],
    misses: [
      'the package registry',
      'const registry = new Registry();',
      'import { register } from "prom-client"',
    ],
  },
  {
    name: 'no test is picked out or put off',
    files: code,
    wrong: /\b(test|it|describe|suite)\.(only|todo)\(|\bonly: true\b/,
    hits: ["test.only('x', () => {})", 'describe.todo(', '{ only: true }'],
    misses: ["test('only this')", 'read.only(', 'readonly: true'],
  },
  {
    name: 'no default exports',
    // A reporter of the test runner is its module's default.
    files: /^(?!scripts\/slow-files\.ts$).*\.m?ts$/,
    wrong: /^\s*export default\b|^\s*export \{[^}]*\bas default\b/,
    hits: ['export default function x() {}', 'export { x as default };', '  export default {'],
    misses: [
      "const a = 'export default';",
      'export const defaults = {};',
      "export { default as x } from 'y';",
    ],
  },
  {
    name: 'no type is forced',
    files: javascript,
    wrong: /@ts-(ignore|nocheck|expect-error)|\bas any\b/,
    hits: ['// @ts-ignore', 'x as any'],
    misses: ['as anything', 'ts-ignored'],
  },
];

describe('a rule finds what breaks it, and not what nearly does', () => {
  for (const { name, wrong, hits, misses } of rules) {
    for (const line of hits) test(`${name}: ${line}`, () => assert.match(line, wrong));
    for (const line of misses) test(`${name}, but not: ${line}`, () => assert.doesNotMatch(line, wrong));
  }
});

describe('the repository', async () => {
  const files = (await tracked()).filter(file => file !== self && existsSync(path.join(repository, file)));
  const sources = new Map(
    files.filter(file => text.test(file)).map(file => [file, textOf(file).split('\n')]),
  );

  for (const rule of rules)
    test(rule.name, () => {
      const found = [...sources]
        .filter(([file]) => rule.files.test(file))
        .flatMap(([file, lines]) =>
          lines.flatMap((line, at) =>
            rule.wrong.test(line) ? [`${file}:${at + 1}: ${line.trim().slice(0, 120)}`] : [],
          ),
        );
      assert.deepEqual(found, []);
    });

  test('file names are kebab-case', () => {
    assert.deepEqual(
      files.filter(
        file =>
          /\.(ts|mts|mjs)$/.test(file) &&
          !/^[a-z0-9]+([.-][a-z0-9]+)*\.(ts|mts|mjs)$/.test(path.basename(file)),
      ),
      [],
    );
  });
});

/** What is in the repository or would be added to it; from a copy without Git, all that is there. */
async function tracked(): Promise<string[]> {
  if (!existsSync(path.join(repository, '.git'))) return await filesOf(['**/*', '.*/**/*', '.*']);
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', words, { cwd: repository, encoding: 'utf8' }).split('\0').filter(Boolean);
}
