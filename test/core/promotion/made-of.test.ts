import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { declaredModels } from '../../../src/core/promotion/declared.ts';
import { cardOf, signatureIn } from '../../../src/core/promotion/made-of.ts';
import { modelSchema } from '../../../src/core/promotion/model-keys.ts';

describe('signatures', () => {
  const rows: { name: string; text: string; whole?: boolean; gives: unknown }[] = [
    { name: 'under its key', text: '{"signature": {"inputs": []}}', gives: { inputs: [] } },
    { name: 'no key', text: '{"weights": []}', gives: null },
    { name: 'a key of all objects', text: '{"a": 1}', gives: null },
    { name: 'within a list', text: '[{"signature": 1}]', gives: null },
    { name: 'no JSON', text: 'weights', gives: null },
    { name: 'nothing', text: '', gives: null },
    { name: 'a file of its own', text: '{"signature": 1}', whole: true, gives: { signature: 1 } },
    { name: 'more than is kept', text: JSON.stringify({ signature: 'x'.repeat(64_001) }), gives: null },
    { name: 'signs that no JSON in Postgres has', text: '{"signature": "\\u0000"}', gives: null },
    {
      name: 'a key that means something to JavaScript',
      text: '{"__proto__": {"signature": 1}}',
      gives: null,
    },
  ];
  for (const { name, text, whole = false, gives } of rows)
    test(name, () => assert.deepEqual(signatureIn(text, whole), gives));
});

describe('cards', () => {
  const rows: { name: string; text: string; gives: string }[] = [
    { name: 'as they are', text: '# Digits\n\n\tFor *digits*.\n', gives: '# Digits\n\n\tFor *digits*.' },
    { name: 'line ends of others', text: 'a\r\nb', gives: 'a\nb' },
    { name: 'what terminals obey', text: 'a\u001b[31mb\u0007', gives: 'a[31mb' },
    { name: 'what turns text around', text: 'a\u202eb\u2066c', gives: 'abc' },
    { name: 'what is no sign', text: 'a\u0000b\uFEFFc', gives: 'abc' },
    {
      name: 'cut at a line',
      text: `${'a'.repeat(15_000)}\n${'b'.repeat(15_000)}`,
      gives: 'a'.repeat(15_000),
    },
    { name: 'cut where there is no line', text: 'a'.repeat(30_000), gives: 'a'.repeat(19_999) },
  ];
  for (const { name, text, gives } of rows) test(name, () => assert.equal(cardOf(text), gives));
});

describe('who declares a model', () => {
  const of = (project: string) => modelSchema.parse({ project, output: 'model.json' });
  const at = (source: string, project: string, name = 'faces') => ({
    source,
    models: { [name]: of(project) },
  });
  const rows: {
    name: string;
    own?: string;
    said: { source: string; models: Record<string, ReturnType<typeof of>> }[];
    owner?: string;
    gives: string | undefined;
    refused: string[];
  }[] = [
    { name: 'nobody', said: [], gives: undefined, refused: [] },
    { name: 'one repository', said: [at('b', 'b')], gives: 'b', refused: [] },
    { name: 'signalbox.yml before all', own: 'own', said: [at('b', 'b')], gives: 'own', refused: [] },
    { name: 'two, the first by name', said: [at('b', 'b'), at('a', 'a')], gives: 'a', refused: ['b'] },
    {
      name: 'two, the one that had it',
      said: [at('b', 'b'), at('a', 'a')],
      owner: 'b',
      gives: 'b',
      refused: ['a'],
    },
  ];
  for (const { name, own, said, owner, gives, refused } of rows)
    test(name, () => {
      const owners = new Map(owner === undefined ? [] : [['faces', owner]]);
      const found = declaredModels(own === undefined ? {} : { faces: of(own) }, said, owners);
      assert.equal(found.models.get('faces')?.project, gives);
      assert.deepEqual(
        found.refused.map(one => one.source),
        refused,
      );
    });
});
