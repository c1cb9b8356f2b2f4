import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { generated } from '../../scripts/generated.ts';
import { errors } from '../../src/core/errors.ts';
import { filesOf, repository, textOf } from '../support/modules.ts';

describe('generated files are what the source makes of them (else: npm run generate)', () => {
  for (const { path: name, render } of generated)
    test(name, () => {
      assert.ok(existsSync(path.join(repository, name)), `${name} is missing`);
      assert.equal(textOf(name), render());
    });
});

describe('the catalogue of errors', () => {
  const catalogue = Object.entries(errors);
  const documented = textOf('docs/errors.md')
    .split('\n')
    .flatMap(line => /^\| `([A-Z_]+)` \| (\d+) \|/.exec(line) ?? [])
    .filter((_, at) => at % 3 === 1);

  test('docs/errors.md has every code once and no other', () => {
    assert.deepEqual(documented, Object.keys(errors));
  });

  test('every entry says what happened, why, and what to do, each in whole sentences', () => {
    for (const [code, { status, what, why, todo }] of catalogue) {
      assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
      assert.ok(status >= 400 && status < 600, code);
      for (const text of [what, why, todo])
        assert.match(text, /^([A-Za-z{`].*[.?]|\{\w+\})$/, `${code}: ${text}`);
    }
  });

  test('every code is used', async () => {
    const files = await filesOf(['{src,commands,webhooks}/**/*.ts']);
    const text = files
      .filter(file => file !== 'src/core/errors.ts')
      .map(textOf)
      .join('\n');
    const unused = Object.keys(errors).filter(code => !new RegExp(`['"]${code}['"]`).test(text));
    assert.deepEqual(unused, []);
  });
});
