import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { SignalboxError } from '../../src/core/errors.ts';
import { parsePolicy } from '../../src/files/policy-file.ts';
import { parseSecrets } from '../../src/files/secret-values.ts';
import { readSecretsFile, secretsIn } from '../../src/roles/secrets-file.ts';

/** What a refusal says, or null. */
function reasonOf(work: () => unknown): string | null {
  try {
    work();
  } catch (err) {
    if (err instanceof SignalboxError) return err.message;
    throw err;
  }
  return null;
}

const plain = (values: ReturnType<typeof parseSecrets>) =>
  Object.fromEntries([...values].map(([project, secrets]) => [project, Object.fromEntries(secrets)]));

describe('what a secrets file says', () => {
  const good: [name: string, text: string, values: Record<string, Record<string, string>>][] = [
    ['nothing', '', {}],
    ['only comments', '# later\n\n', {}],
    [
      'YAML',
      'digits:\n  A_KEY: value-1\n  B_KEY: value-2\nother: { A_KEY: value-3 }\n',
      { digits: { A_KEY: 'value-1', B_KEY: 'value-2' }, other: { A_KEY: 'value-3' } },
    ],
    [
      'words that YAML reads otherwise',
      'digits: { A: 0123456, B: "true  ", C: 2026-01-01, D: 1e999999 }',
      { digits: { A: '0123456', B: 'true  ', C: '2026-01-01', D: '1e999999' } },
    ],
    ['several lines', 'digits:\n  A_KEY: |\n    one\n    two\n', { digits: { A_KEY: 'one\ntwo\n' } }],
    [
      'KEY=VALUE',
      '# mine\ndigits.A_KEY=a=b #c\n\nother.B_KEY="quoted value"\r\n',
      { digits: { A_KEY: 'a=b #c' }, other: { B_KEY: 'quoted value' } },
    ],
    ['half a quote', 'digits.A_KEY="value', { digits: { A_KEY: '"value' } }],
    ['as short as may be', 'digits: { A: sixsix }', { digits: { A: 'sixsix' } }],
  ];
  for (const [name, text, values] of good)
    test(name, () => assert.deepEqual(plain(parseSecrets(text, 'file')), values));

  const bad: [name: string, text: string, says: RegExp][] = [
    ['a short value', 'digits: { A_KEY: hunte }', /digits\.A_KEY has fewer than 6 characters/],
    ['no value', 'digits: { A_KEY: }', /digits\.A_KEY /],
    [
      'a long value',
      `digits: { A_KEY: ${'hunter2'.repeat(1_200)} }`,
      /digits\.A_KEY has more than 8192 bytes/,
    ],
    ['a null character', 'digits: { A_KEY: "hunter2\\0x" }', /digits\.A_KEY holds a null character/],
    [
      'a name of Signalbox',
      'digits: { SIGNALBOX_TOKEN: hunter2hunter2 }',
      /digits\.SIGNALBOX_TOKEN is no name/,
    ],
    ['a name of the loader', 'digits.LD_PRELOAD=hunter2hunter2', /digits\.LD_PRELOAD is no name/],
    ['a name that is none', 'digits: { A-KEY: hunter2hunter2 }', /digits\.A-KEY is no name/],
    ['no project', 'A_KEY: hunter2hunter2', /A_KEY is not as it should be/],
    ['too deep', 'digits: { A_KEY: { x: hunter2hunter2 } }', /digits\.A_KEY is not as it should be/],
    ['a list', '- hunter2hunter2', /It is not as it should be/],
    ['a word', 'hunter2hunter2', /It is not as it should be/],
    ['broken YAML', 'digits:\n  A_KEY: "hunter2hunter2\n', /Line \d is not YAML/],
    ['twice in YAML', 'digits: { A_KEY: hunter2hunter2, A_KEY: hunter2hunter3 }', /Line 1 is not YAML/],
    [
      'twice in lines',
      'digits.A_KEY=hunter2hunter2\ndigits.A_KEY=hunter2hunter3',
      /digits\.A_KEY stands in it twice/,
    ],
    [
      'a line without a project',
      'digits.A_KEY=hunter2hunter2\nB_KEY=hunter2hunter2',
      /Line 2 is not project\.NAME=value/,
    ],
  ];
  for (const [name, text, says] of bad)
    test(`${name} is refused, and not repeated`, () => {
      const reason = reasonOf(() => parseSecrets(text, '/etc/secrets'));
      assert.match(reason ?? '', /^The secrets file \/etc\/secrets is not used\. /);
      assert.match(reason ?? '', says);
      assert.doesNotMatch(reason ?? '', /hunte/);
    });
});

describe('the secrets file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-secrets-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, mode: number) => {
    const path = join(folder, name);
    writeFileSync(path, 'digits: { A_KEY: hunter2hunter2 }');
    chmodSync(path, mode);
    return path;
  };

  for (const mode of [0o600, 0o400])
    test(`may have the mode ${mode.toString(8)}`, () =>
      assert.equal(readSecretsFile(file(`fit-${mode}`, mode)).get('digits')?.size, 1));
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o700, 0o610, 0o4600])
    test(`may not have the mode ${mode.toString(8)}`, () =>
      assert.match(
        reasonOf(() => readSecretsFile(file(`unfit-${mode}`, mode))) ?? '',
        /Its mode is 0?\d+, which is more/,
      ));

  test('may lie behind a link, whose end counts', () => {
    for (const [mode, fit] of [
      [0o600, true],
      [0o644, false],
    ] as const) {
      const link = join(folder, `link-${mode}`);
      symlinkSync(file(`end-${mode}`, mode), link);
      assert.equal(reasonOf(() => readSecretsFile(link)) === null, fit);
    }
  });

  test('is no folder', () => {
    mkdirSync(join(folder, 'folder'));
    assert.match(reasonOf(() => readSecretsFile(join(folder, 'folder'))) ?? '', /It is no file\./);
  });

  const skip = process.getuid?.() !== 0 && 'only root can give a file away';
  test('belongs to the user of the agent', { skip }, () => {
    const path = file('of-another', 0o600);
    chownSync(path, 65_534, 65_534);
    assert.match(
      reasonOf(() => readSecretsFile(path)) ?? '',
      /It belongs to the user 65534, and the agent is 0\./,
    );
  });

  test('is read anew, and what it held before is still known', () => {
    const path = file('changes', 0o600);
    const remembered: string[] = [];
    const secrets = secretsIn(path, forms => remembered.push(...forms));
    writeFileSync(path, 'digits: { A_KEY: hunter3hunter3 }');
    assert.equal(secrets.read().get('digits')?.get('A_KEY'), 'hunter3hunter3');
    secrets.read();
    assert.deepEqual(secrets.known(), [
      { name: 'A_KEY', value: 'hunter2hunter2' },
      { name: 'A_KEY', value: 'hunter3hunter3' },
    ]);
    assert.ok(remembered.includes('hunter2hunter2') && remembered.includes('hunter3hunter3'));
    assert.equal(new Set(remembered).size, remembered.length);
  });
});

describe('the secrets of a project', () => {
  const policy = (secrets: string, environment = '{}') =>
    parsePolicy(
      `teams: { research: {} }\nprojects:\n  digits:\n    team: research\n    source: .\n    command: [a]\n    environment: ${environment}\n    secrets: ${secrets}\n`,
      'signalbox.yml',
    ).projects.digits?.secrets;

  test('are for everything but pull requests', () =>
    assert.deepEqual(policy('{ HF_TOKEN: {} }'), {
      HF_TOKEN: { triggers: ['command', 'merge', 'schedule', 'drift', 'api'] },
    }));
  test('or for what is named', () =>
    assert.deepEqual(policy('{ A_KEY: { triggers: [pull-request] }, B_KEY: { triggers: [] } }'), {
      A_KEY: { triggers: ['pull-request'] },
      B_KEY: { triggers: [] },
    }));

  const bad: [secrets: string, says: RegExp, environment?: string][] = [
    ['{ PATH: {} }', /^signalbox\.yml:8:\d+: projects\.digits\.secrets\.PATH is not valid/],
    ['{ SIGNALBOX_TOKEN: {} }', /secrets\.SIGNALBOX_TOKEN is not valid/],
    [
      '{ A_KEY: { triggers: [pull_request] } }',
      /triggers\.0 is not valid\. .*Allowed: command, pull-request, merge, schedule, drift, api, promotion\./,
    ],
    [
      '{ A_KEY: { trigger: [merge] } }',
      /trigger is not valid\. There is no such key here\..*Did you mean triggers\?/,
    ],
    ['{ A_KEY: value }', /secrets\.A_KEY is not valid/],
    ['[A_KEY]', /secrets is not valid/],
    ['{ A_KEY: {} }', /A_KEY is not valid\. It stands under `environment` too/, '{ A_KEY: seen }'],
  ];
  for (const [secrets, says, environment] of bad)
    test(`${secrets} is refused`, () =>
      assert.match(reasonOf(() => policy(secrets, environment)) ?? '', says));
});
