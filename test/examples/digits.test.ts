import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

const folder = join(import.meta.dirname, '../../examples/digits');
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH';

const root = mkdtempSync(join(tmpdir(), 'signalbox-digits-'));
after(() => rmSync(root, { recursive: true, force: true }));

type Place = { checkpoints: string; output: string; env: NodeJS.ProcessEnv };
type Ended = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

function newPlace(): Place {
  const place = mkdtempSync(join(root, 'run-'));
  const [checkpoints, output] = [join(place, 'checkpoints'), join(place, 'output')];
  const env = { ...process.env, SIGNALBOX_CHECKPOINT_DIR: checkpoints, SIGNALBOX_OUTPUT_DIR: output };
  return { checkpoints, output, env };
}

/** Runs one of the project's programs to its end; `killAfterTwo` is the signal to send at the second metric line. */
function run(
  place: Place,
  program: string,
  args: string[],
  more: { killAfterTwo?: NodeJS.Signals; stdin?: string } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [join(folder, program), ...args], { env: place.env, cwd: root });
    let [stdout, stderr, killed] = ['', '', false];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (more.killAfterTwo && !killed && stdout.split('"val_accuracy"').length > 2) {
        killed = child.kill(more.killAfterTwo);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => {}).end(more.stdin ?? '');
    child.on('error', reject).on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const metricLine = z.object({
  epoch: z.int(),
  epochs: z.int(),
  step: z.int(),
  loss: z.number(),
  val_loss: z.number(),
  val_accuracy: z.number().min(0).max(1),
});
const modelFile = z.object({
  format: z.literal('signalbox-digits'),
  format_version: z.literal(1),
  parameters: z.object({ lr: z.number(), epochs: z.int(), hidden: z.int(), batch: z.int(), seed: z.int() }),
  data_sha256: z.string(),
  metrics: z.object({ loss: z.number(), val_loss: z.number(), val_accuracy: z.number() }),
  layers: z.array(z.object({ weights: z.array(z.array(z.number())), biases: z.array(z.number()) })),
});
const checkpointFile = z.object({ epoch: z.int(), done: z.int() });
const prediction = z.object({ digit: z.int(), probabilities: z.array(z.number()).length(10) });

function metricsOf(stdout: string) {
  const lines = stdout.split('\n').filter(line => line.startsWith('{'));
  return lines.map(line => metricLine.parse(JSON.parse(line)));
}

const readModel = (place: Place) => readFileSync(join(place.output, 'model.json'), 'utf8');
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';
const packed = readFileSync(join(folder, 'data/digits.csv.gz'));
const rows = gunzipSync(packed).toString('ascii').trimEnd().split('\n');

describe('examples/digits: the data', () => {
  test('is the file that its README states', () => {
    const digest = createHash('sha256').update(packed).digest('hex');
    assert.match(readFileSync(join(folder, 'data/README.md'), 'utf8'), new RegExp(`sha256: \`${digest}\``));
    assert.equal(rows.length, 1797);
  });
});

describe('examples/digits: training', { skip, concurrency: 2 }, () => {
  const learners = [
    { name: 'with hidden units', args: ['--epochs', '5'], shape: [32, 10] },
    { name: 'without', args: ['--epochs', '5', '--hidden', '0'], shape: [10] },
  ];
  for (const { name, args, shape } of learners) {
    test(`${name}: over 90 % on held-out digits, and the model reads digits`, async () => {
      const place = newPlace();
      const ended = await run(place, 'train.py', args);
      assert.equal(ended.code, 0, ended.stderr);

      const lines = metricsOf(ended.stdout);
      assert.deepEqual(
        lines.map(({ epoch, step, epochs }) => [epoch, step, epochs]),
        [1, 2, 3, 4, 5].map(epoch => [epoch, epoch, 5]),
      );
      const { metrics, layers, data_sha256 } = modelFile.parse(JSON.parse(readModel(place)));
      assert.ok(metrics.val_accuracy > 0.9, `val_accuracy ${metrics.val_accuracy}`);
      assert.equal(lines.at(-1)?.val_accuracy, metrics.val_accuracy);
      assert.deepEqual(
        layers.map(layer => layer.weights.length),
        shape,
      );
      assert.equal(data_sha256, createHash('sha256').update(packed).digest('hex'));
      assert.deepEqual(readdirSync(place.output), ['model.json'], 'no temporary file stays');

      const row = (rows[0] ?? '').split(',').map(Number);
      const answer = await run(place, 'predict.py', [], { stdin: JSON.stringify(row.slice(0, 64)) });
      assert.equal(answer.code, 0, answer.stderr);
      assert.equal(prediction.parse(JSON.parse(answer.stdout)).digit, row[64]);
    });
  }

  // The interrupted run has too many epochs to end by itself, so the signal always comes in the middle; at the second
  // metric line the first checkpoint is whole, even for SIGKILL.
  const interruptions = [
    { signal: 'SIGTERM', code: 143, killedBy: null },
    { signal: 'SIGINT', code: 130, killedBy: null },
    { signal: 'SIGKILL', code: null, killedBy: 'SIGKILL' },
  ] as const;
  for (const { signal, code, killedBy } of interruptions) {
    test(`stopped by ${signal} and resumed: the same model as without the stop`, async () => {
      const small = ['--hidden', '8', '--seed', '7'];
      const stopped = newPlace();
      const first = await run(stopped, 'train.py', [...small, '--epochs', '1000'], { killAfterTwo: signal });
      assert.deepEqual([first.code, first.signal], [code, killedBy], first.stderr);
      assert.throws(() => readModel(stopped), 'a stopped run has no model');

      const saved = readFileSync(join(stopped.checkpoints, 'checkpoint.json'), 'utf8');
      const at = checkpointFile.parse(JSON.parse(saved));
      assert.ok(code === null || at.done > 0, 'a stop that was asked for saves the middle of an epoch');
      const epochs = ['--epochs', String(at.epoch + 2)];
      const second = await run(stopped, 'train.py', [...small, ...epochs]);
      assert.equal(second.code, 0, second.stderr);
      assert.ok(second.stdout.includes(`resuming in epoch ${at.epoch + 1}, image ${at.done}, from`));
      assert.deepEqual(
        metricsOf(second.stdout).map(line => line.epoch),
        [at.epoch + 1, at.epoch + 2],
      );

      const whole = newPlace();
      const third = await run(whole, 'train.py', [...small, ...epochs]);
      assert.equal(third.code, 0, third.stderr);
      assert.ok(!third.stdout.includes('resuming'));
      assert.equal(readModel(stopped), readModel(whole));
    });
  }

  test('each parameter changes the model, the same ones do not', async () => {
    const base = ['--epochs', '1', '--hidden', '0'];
    const variants = [[], [], ['--lr', '0.2'], ['--seed', '1'], ['--batch', '16'], ['--hidden', '4']];
    const layers: string[] = [];
    for (const variant of variants) {
      const place = newPlace();
      const ended = await run(place, 'train.py', [...base, ...variant]);
      assert.equal(ended.code, 0, ended.stderr);
      layers.push(JSON.stringify(modelFile.parse(JSON.parse(readModel(place))).layers));
    }
    assert.equal(layers[0], layers[1]);
    assert.equal(new Set(layers).size, variants.length - 1);
  });
});

describe('examples/digits: failing', { skip, concurrency: 2 }, () => {
  const quick = ['--epochs', '1', '--hidden', '0'];
  const refused: { name: string; args: string[]; code: number; says: RegExp }[] = [
    { name: 'diverges', args: ['--lr', '1e9'], code: 1, says: /^train: the loss diverged to .* lower --lr/ },
    { name: 'diverges without hidden units', args: ['--lr=1e9', '--hidden=0'], code: 1, says: /diverged/ },
    { name: 'lr is no number', args: ['--lr', 'fast'], code: 2, says: /--lr: 'fast' is not a number from/ },
    { name: 'lr is NaN', args: ['--lr', 'nan'], code: 2, says: /--lr: 'nan' is not a number/ },
    { name: 'lr is infinite', args: ['--lr', 'inf'], code: 2, says: /--lr: 'inf' is not a number/ },
    { name: 'lr is negative', args: ['--lr=-0.1'], code: 2, says: /--lr: '-0.1' is not a number/ },
    {
      name: 'no epochs',
      args: ['--epochs', '0'],
      code: 2,
      says: /--epochs: '0' is not a whole number from 1/,
    },
    {
      name: 'half a unit',
      args: ['--hidden', '1.5'],
      code: 2,
      says: /--hidden: '1.5' is not a whole number/,
    },
    { name: 'shortened flag', args: ['--epoch', '3'], code: 2, says: /unrecognized arguments: --epoch 3/ },
    { name: 'stray word', args: ['please'], code: 2, says: /unrecognized arguments: please/ },
  ];
  for (const { name, args, code, says } of refused) {
    test(`${name}: exit code ${code}, and the last line says why`, async () => {
      const place = newPlace();
      const ended = await run(place, 'train.py', args);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(lastLine(ended.stderr), says);
      assert.throws(() => readModel(place), 'no model is left');
    });
  }

  test('a checkpoint of other settings, of more epochs, or a broken one is refused', async () => {
    const place = newPlace();
    assert.equal((await run(place, 'train.py', [...quick, '--epochs', '2'])).code, 0);
    const checks: [string[], RegExp][] = [
      [[...quick, '--epochs', '2', '--lr', '0.2'], /was made with --lr 0\.1 --hidden 0 --batch 32 --seed 0;/],
      [quick, /has 2 epochs behind it/],
    ];
    for (const [args, says] of checks) {
      const ended = await run(place, 'train.py', args);
      assert.equal(ended.code, 1);
      assert.match(lastLine(ended.stderr), says);
    }
    writeFileSync(join(place.checkpoints, 'checkpoint.json'), '{"settings"');
    const broken = await run(place, 'train.py', quick);
    assert.equal(broken.code, 1);
    assert.match(lastLine(broken.stderr), /is not a checkpoint of this program; remove it/);
  });

  test('predict.py refuses a missing or strange model, and a bad image', async () => {
    const place = newPlace();
    const blank = JSON.stringify(new Array(64).fill(0));
    const missing = await run(place, 'predict.py', [], { stdin: blank });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^predict: .*model\.json/);

    mkdirSync(place.output);
    writeFileSync(join(place.output, 'model.json'), '{"format": "other", "format_version": 1, "layers": []}');
    const strange = await run(place, 'predict.py', [], { stdin: blank });
    assert.equal(strange.code, 1);
    assert.match(strange.stderr, /is not a signalbox-digits model/);

    assert.equal((await run(place, 'train.py', quick)).code, 0);
    const images: [string, number][] = [
      [blank, 0],
      ['', 2],
      ['{}', 2],
      [JSON.stringify(new Array(63).fill(0)), 2],
      [JSON.stringify([...new Array(63).fill(0), 17]), 2],
      [JSON.stringify([...new Array(63).fill(0), true]), 2],
      [`[${'0,'.repeat(63)}NaN]`, 2],
    ];
    for (const [stdin, code] of images) {
      const ended = await run(place, 'predict.py', [], { stdin });
      assert.equal(ended.code, code, `${stdin}: ${ended.stderr}`);
    }
  });
});
