import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formsOfValue, type Secret, secretHider } from '../../src/core/hide-secrets.ts';

const key = 'wandb+key/with=signs&9f8e7d';
const quoted = 'a "quoted" \\ value, ünd $more';
const lines = 'first line of it\nsecond line of it\nend';
const secrets: Secret[] = [
  { name: 'KEY', value: key },
  { name: 'LONG', value: `${key}-and-more` },
  { name: 'WIDE', value: `${key}-and-more, and still more, so that it fills more than a line` },
  { name: 'TAIL', value: '9f8e7d-overlaps' },
  { name: 'TWICE', value: 'abcabcabc' },
  { name: 'QUOTED', value: quoted },
  { name: 'LINES', value: lines },
  { name: 'SHORT', value: 'sixsix' },
];
const base64 = (text: string) => Buffer.from(text).toString('base64');
const wrapped = base64(`${key}-and-more, and still more, so that it fills more than a line`).replace(
  /.{76}(?=.)/g,
  '$&\n',
);

const rows: [name: string, text: string, shown: string][] = [
  ['nothing', 'epoch 3: loss=0.3\n', 'epoch 3: loss=0.3\n'],
  ['no text', '', ''],
  ['a value', `key ${key}.`, 'key [secret KEY].'],
  ['a value twice', `${key}${key}`, '[secret KEY][secret KEY]'],
  ['all but its last character', key.slice(0, -1), key.slice(0, -1)],
  ['all but its first character', key.slice(1), key.slice(1)],
  ['in capitals', key.toUpperCase(), key.toUpperCase()],
  ['one that begins with another', `${key}-and-more`, '[secret LONG]'],
  ['almost one that begins with another', `${key}-and-mor`, '[secret KEY]-and-mor'],
  ['two that overlap', `${key}-overlaps`, '[secret KEY]'],
  ['one that overlaps with itself', 'abcabcabcabc!', '[secret TWICE]!'],
  ['one that might go on', 'abcabcabcab!', '[secret TWICE]ab!'],
  ['in base64', base64(key), '[secret KEY]'],
  ['in base64 for addresses', Buffer.from('???>>>~~~').toString('base64url'), 'Pz8_Pj4-fn5-'],
  ['in base64 behind one byte', base64(`:${key}`), `On[secret KEY]${base64(`:${key}`).slice(-3)}`],
  ['in base64 behind two bytes', base64(`::${key}`), `Ojp[secret KEY]${base64(`::${key}`).slice(-2)}`],
  ['in base64 behind three', base64(`:::${key}`), 'Ojo6[secret KEY]'],
  ['in base64 with a line break', base64(`${key}\n`), `[secret KEY]${base64(`${key}\n`).slice(36)}`],
  ['in base64 on lines', wrapped, '[secret WIDE]'],
  ['in an address', `?key=${encodeURIComponent(key)}&x=1`, '?key=[secret KEY]&x=1'],
  ['in an address with small digits', 'wandb%2bkey%2fwith%3dsigns%269f8e7d', '[secret KEY]'],
  ['in a form', new URLSearchParams({ q: quoted }).toString(), 'q=[secret QUOTED]'],
  ["as Python's quote writes it", 'wandb%2Bkey/with%3Dsigns%269f8e7d', '[secret KEY]'],
  ['in JSON', JSON.stringify({ quoted }), '{"quoted":"[secret QUOTED]"}'],
  ["in Python's JSON", 'a \\"quoted\\" \\\\ value, \\u00fcnd $more', '[secret QUOTED]'],
  ['in hexadecimal digits', Buffer.from(key).toString('hex'), '[secret KEY]'],
  ['of several lines', `<${lines}>`, '<[secret LINES]>'],
  ['one line of several', '2: second line of it', '2: [secret LINES]'],
  ['a short line of several', 'the end', 'the end'],
  ['as short as may be', 'sixsixsix', '[secret SHORT]'],
];

describe('secrets are hidden', () => {
  const hider = secretHider(secrets);
  for (const [name, text, shown] of rows) {
    test(name, () => assert.equal(hider.hide(text), shown));

    test(`${name}, in pieces`, () => {
      for (let at = 0; at <= text.length; at++) {
        const stream = hider.stream();
        const said = stream.take(text.slice(0, at)) + stream.take(text.slice(at)) + stream.end();
        assert.equal(said, shown, `cut at ${at}`);
      }
      const stream = hider.stream();
      assert.equal([...text].map(stream.take).join('') + stream.end(), shown, 'letter by letter');
    });
  }

  test('only what may be the beginning of one waits', () => {
    const stream = hider.stream();
    assert.equal(stream.take('loss 0.3\n'), 'loss 0.3\n');
    assert.equal(stream.take('loss w'), 'loss ');
    assert.equal(stream.take('ide\n'), 'wide\n');
    assert.equal(stream.take(key), '', 'it may be the longer one');
    assert.equal(stream.take('\n'), '[secret KEY]\n');
  });

  test('without secrets nothing waits', () => assert.equal(secretHider([]).stream().take('w'), 'w'));

  test('text that never stops being one is not kept for ever', () => {
    const stream = secretHider([{ name: 'DASHES', value: '-'.repeat(20) }]).stream();
    let said = '';
    for (let i = 0; i < 300; i++) said += stream.take('-'.repeat(1_000));
    assert.ok(said.length > 0);
    assert.match(`${said}${stream.end()}`, /^(?:\[secret DASHES\])+-{0,19}$/);
  });

  test('no form is shorter than a secret may be', () => {
    assert.ok(formsOfValue('sixsix').every(form => form.length >= 6));
  });
});
