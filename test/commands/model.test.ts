import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelList } from '../../commands/model-list.ts';
import { modelShow } from '../../commands/model-show.ts';
import type { CommandDefinition, Outcome } from '../../src/core/command.ts';
import type { ModelAlias } from '../../src/core/ports.ts';
import { modelSchema } from '../../src/core/promotion/model-keys.ts';
import type { ModelVersion } from '../../src/core/promotion/version.ts';
import { modelJsonSchema, versionJsonSchema } from '../../src/core/promotion/version-json.ts';
import { context, memory, memoryPorts } from '../support/memory-ports.ts';
import { modelPorts } from '../support/models.ts';
import { versionOf } from '../support/version.ts';

const at = new Date('2026-01-01T12:00:00Z');
const live = (alias: string, number: number | null, model = 'digits'): ModelAlias => ({
  ...{ model, alias, number, at, moved: null },
});

async function say(
  command: CommandDefinition,
  values: Record<string, unknown>,
  known: Parameters<typeof modelPorts>[0] = {},
): Promise<Outcome> {
  return await command.run(values, context(), { ...memoryPorts(memory()), ...modelPorts(known) });
}

function textOf(outcome: Outcome): string {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return JSON.stringify([outcome.reply.title, outcome.reply.blocks]);
}

describe('model list', () => {
  test('what is newest, and what serves', async () => {
    const outcome = await say(modelList, {}, { aliases: [live('production', 6), live('staging', null)] });
    const said = textOf(outcome);
    assert.match(said, /One model:/);
    assert.match(said, /"digits","digits","7, of run #42","production 6"/);
    assert.ok(outcome.ok);
    const { models } = outcome.reply.data as { models: unknown[] };
    const [model] = models.map(one => modelJsonSchema.parse(one));
    assert.deepEqual(model?.serves, { production: 6 });
    assert.deepEqual(model?.environments, ['staging', 'production']);
  });

  test('one that is declared and has no versions yet, and one that is not declared any more', async () => {
    const faces = modelSchema.parse({ project: 'faces', output: 'model.onnx' });
    const said = textOf(await say(modelList, {}, { policies: new Map([['faces', faces]]) }));
    assert.match(said, /2 models:/);
    assert.match(said, /"digits \(no longer declared\)"/);
    assert.match(said, /"faces","faces","–","–"/);
  });

  test('of one project, or none', async () => {
    assert.match(textOf(await say(modelList, { project: 'digits' })), /One model:/);
    assert.match(textOf(await say(modelList, { project: 'other' })), /no such models/);
    assert.match(
      textOf(await say(modelList, {}, { versions: [], models: [], policies: new Map() })),
      /signalbox\.yml/,
    );
  });
});

describe('model show', () => {
  const rows: { name: string; version?: Partial<ModelVersion>; says: RegExp[]; not?: RegExp }[] = [
    {
      name: 'all of it',
      says: [
        /digits 7: val_accuracy 0\.9312\./,
        /train status 42/,
        /"val_accuracy","0\.9312","0\.9418","higher is better"/,
        /"val_loss","0\.2217","0\.2093","lower is better"/,
        /"learning_rate","0\.001","–","–"/,
        /data\/test\.csv\.gz/,
        /Reads handwritten digits/,
        /18\.4 kB/,
      ],
    },
    { name: 'no metrics', version: { metrics: [], primaryMetric: null }, says: [/reported no metrics/] },
    { name: 'no card', version: { card: null }, says: [/Signature/], not: /"Card"/ },
    { name: 'no signature', version: { signature: null }, says: [/"Card"/], not: /"Signature"/ },
    { name: 'no inputs', version: { inputs: {} }, says: [/digits 7/], not: /"Inputs"/ },
    {
      name: 'what is not finite',
      version: {
        metrics: [{ ...(versionOf().metrics[0] ?? assert.fail()), value: Number.NaN }],
      },
      says: [/"val_accuracy","not finite"/],
    },
    {
      name: 'names of others',
      version: { output: 'a\u202eb.json', inputs: { 'x\u001b[31my': `sha256:${'0'.repeat(64)}` } },
      says: [/"ab\.json/, /xy /],
      not: /\\u001b|\u202e/,
    },
    {
      name: 'a long card',
      version: { card: 'x'.repeat(20_000) },
      says: [/x\\n…/],
    },
  ];
  for (const { name, version, says, not } of rows)
    test(name, async () => {
      const outcome = await say(modelShow, { model: 'digits' }, { versions: [versionOf(version)] });
      const said = textOf(outcome);
      for (const one of says) assert.match(said, one);
      if (not) assert.doesNotMatch(said, not);
      assert.ok(outcome.ok);
      versionJsonSchema.parse(outcome.reply.data);
    });

  const places: { name: string; aliases: ModelAlias[]; says: RegExp }[] = [
    { name: 'nowhere', aliases: [], says: /\["nowhere"\]/ },
    {
      name: 'here',
      aliases: [live('staging', 7), live('production', 7)],
      says: /"bold":"staging, production"/,
    },
    { name: 'another one', aliases: [live('production', 6)], says: /nowhere; production has version 6/ },
    { name: 'nothing any more', aliases: [live('production', null)], says: /\["nowhere"\]/ },
  ];
  for (const { name, aliases, says } of places)
    test(`live: ${name}`, async () =>
      assert.match(textOf(await say(modelShow, { model: 'digits' }, { aliases })), says));

  test('in MLflow, and what somebody else did there', async () => {
    const mlflow = modelSchema.parse({
      ...{ project: 'digits', output: 'model.json', registry: { kind: 'mlflow', name: 'digits-mlflow' } },
    });
    const policies = new Map([['digits', mlflow]]);
    assert.match(
      textOf(await say(modelShow, { model: 'digits' }, { policies })),
      /"In MLflow","value":\["not yet"\]/,
    );
    const moved = { ...live('production', 7), moved: { to: '3', at } };
    const registered = { remote: '9', address: 'https://mlflow.example.com/9' };
    const said = textOf(
      await say(modelShow, { model: 'digits' }, { policies, registered, aliases: [moved] }),
    );
    assert.match(said, /"link":"https:\/\/mlflow\.example\.com\/9","text":"digits-mlflow version 9"/);
    assert.match(said, /The alias production was moved to version 3 by somebody else/);
  });

  test('where Signalbox has an address, its content is a link', async () => {
    const said = textOf(
      await say(modelShow, { model: 'digits' }, { address: 'https://signalbox.example.com' }),
    );
    assert.match(said, /"link":"https:\/\/signalbox\.example\.com\/v1\/runs\/42\/artifacts\/model\.json"/);
  });

  const failures: { name: string; values: Record<string, unknown>; code: string; near?: string }[] = [
    { name: 'no such model', values: { model: 'digit' }, code: 'MODEL_UNKNOWN', near: 'digits' },
    { name: 'a name of all objects', values: { model: 'constructor' }, code: 'MODEL_UNKNOWN' },
    { name: 'no such version', values: { model: 'digits', version: 8 }, code: 'VERSION_UNKNOWN' },
  ];
  for (const { name, values, code, near } of failures)
    test(name, async () => {
      const outcome = await say(modelShow, values);
      assert.ok(!outcome.ok);
      assert.equal(outcome.code, code);
      if (near) assert.equal(outcome.details.nearest, near);
    });

  test('a model without versions', async () => {
    const models = [{ name: 'digits', project: 'digits', output: 'model.json', newest: 0 }];
    const said = textOf(await say(modelShow, { model: 'digits' }, { versions: [], models }));
    assert.match(said, /no versions yet/);
    assert.match(said, /The next run of digits/);
  });
});
