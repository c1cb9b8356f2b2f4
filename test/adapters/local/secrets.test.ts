import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Secrets } from '../../../src/adapters/local/secrets.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import { openWorkbench, until, type Workbench } from './workbench.ts';

const mine = 'value-of-digits-1a2b3c';
const other = 'value-of-another-4d5e6f';

/** What a machine holds; unfit while `broken`. */
function machine(): Secrets & { broken: boolean } {
  const values = new Map([
    ['digits', new Map([['A_KEY', mine]])],
    ['letters', new Map([['B_KEY', other]])],
  ]);
  return {
    file: '/etc/secrets.yml',
    broken: false,
    read() {
      if (this.broken)
        throw new SignalboxError('SECRETS_UNFIT', { file: this.file, reason: 'It is no file.' });
      return values;
    },
    known: () => [
      { name: 'A_KEY', value: mine },
      { name: 'B_KEY', value: other },
    ],
  };
}

describe('secrets on a machine', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let bench: Workbench;
  before(async () => {
    bench = await openWorkbench();
  });
  after(() => bench.close());

  const script = (text: string) => ({ command: [text], shell: true });
  const filesBelow = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n');

  test('reach the command alone', async () => {
    const agent = bench.startAgent({ secrets: machine() });
    const key = bench.assign({
      ...script(
        'test "$(printf %s "$A_KEY" | wc -c)" = 22 && echo "it is $A_KEY and not <$B_KEY>"; echo waiting; sleep 300',
      ),
      secrets: ['A_KEY'],
    });
    await until('its words', () => /waiting/.test(bench.logs.get(key) ?? ''));
    const { pid } = bench.control(key, 'launched');
    for (const part of ['cmdline', 'environ'])
      assert.ok(!readFileSync(`/proc/${pid}/${part}`, 'utf8').includes(mine), part);
    assert.ok(readFileSync(`/proc/${bench.control(key, 'child.json').pid}/environ`, 'utf8').includes(mine));
    assert.ok(!filesBelow(bench.root).includes(mine));
    assert.equal(bench.logs.get(key), 'it is [secret A_KEY] and not <>\nwaiting\n');
    bench.stop(key, 'cancel');
    await bench.end(key);
    await agent.stop();
  });

  test('of others are hidden too, when a run comes by them on another way', async () => {
    const agent = bench.startAgent({ secrets: machine() });
    const key = bench.assign(script(`echo "found ${other} and xoxb-1234567890-abcdef"`));
    await bench.end(key);
    assert.equal(bench.logs.get(key), 'found [secret B_KEY] and [redacted]\n');
    await agent.stop();
  });

  const failing: [
    name: string,
    project: string,
    names: string[],
    secrets: 'none' | 'fit' | 'broken',
    says: RegExp,
  ][] = [
    [
      'of another project',
      'digits',
      ['A_KEY', 'B_KEY'],
      'fit',
      /^The secret B_KEY of digits is missing .* no value for it\. Put it below digits in \/etc\/secrets\.yml there/,
    ],
    [
      'that every object has',
      'digits',
      ['constructor'],
      'fit',
      /^The secret constructor of digits is missing/,
    ],
    [
      'on a machine that holds none',
      'digits',
      ['A_KEY'],
      'none',
      /^The secret A_KEY of digits is missing .* started without SIGNALBOX_SECRETS\./,
    ],
    [
      'while the file is not fit',
      'digits',
      ['A_KEY'],
      'broken',
      /^The secrets file \/etc\/secrets\.yml is not used\. It is no file\./,
    ],
  ];
  for (const [name, project, names, kind, says] of failing)
    test(`one ${name}: the command is not started`, async () => {
      const held = machine();
      held.broken = kind === 'broken';
      const agent = bench.startAgent(kind === 'none' ? {} : { secrets: held });
      const { exit } = await bench.end(bench.assign({ project, secrets: names }));
      assert.equal(exit?.failure?.class, 'start-error');
      assert.match(exit?.failure?.message ?? '', says);
      await agent.stop();
    });

  test('a run that needs none starts while the file is not fit', async () => {
    const agent = bench.startAgent({ secrets: Object.assign(machine(), { broken: true }) });
    const key = bench.assign(script(`echo ${mine}`));
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.equal(bench.logs.get(key), '[secret A_KEY]\n');
    await agent.stop();
  });
});
