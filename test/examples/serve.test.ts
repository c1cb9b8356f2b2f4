import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

const folder = join(import.meta.dirname, '../../examples/digits');
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH';
const root = mkdtempSync(join(tmpdir(), 'signalbox-serve-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** The first image of the data that shows a seven, and what it shows. */
function seven(): number[] {
  const lines = gunzipSync(readFileSync(join(folder, 'data/digits.csv.gz')))
    .toString()
    .trim()
    .split('\n');
  const rows = lines.map(line => line.split(',').map(Number));
  const found = rows.find(row => row[64] === 7);
  assert.ok(found);
  return found.slice(0, 64);
}

function serve(environment: Record<string, string>): ChildProcess {
  return spawn('python3', ['serve.py'], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('the model over HTTP', { skip }, () => {
  let child: ChildProcess;
  let url = '';
  const model = join(root, 'model.json');

  before(async () => {
    const trained = spawnSync('python3', ['train.py', '--epochs', '2', '--hidden', '0'], {
      cwd: folder,
      env: {
        ...process.env,
        SIGNALBOX_OUTPUT_DIR: root,
        SIGNALBOX_CHECKPOINT_DIR: join(root, 'checkpoints'),
      },
    });
    assert.equal(trained.status, 0, String(trained.stderr));
    child = serve({ SIGNALBOX_PORT: '0', SIGNALBOX_MODEL: model, SIGNALBOX_VERSION: '7' });
    assert.ok(child.stdout);
    const [line] = await once(createInterface(child.stdout), 'line');
    url = `http://${String(line).replace('serving on ', '')}`;
  });
  after(() => {
    child.kill('SIGKILL');
  });

  const post = (body: string, path = '/predict') => fetch(`${url}${path}`, { method: 'POST', body });

  test('reads a real image', async () => {
    const response = await post(JSON.stringify(seven()));
    const { digit, probabilities, version } = JSON.parse(await response.text());
    assert.deepEqual([response.status, digit, probabilities.length, version], [200, 7, 10, 7]);
  });

  test('says that it is ready', async () => {
    const response = await fetch(`${url}/healthz`);
    assert.deepEqual([response.status, await response.json()], [200, { ready: true, version: 7 }]);
  });

  const refused: [name: string, body: string, status: number, path?: string][] = [
    ['no JSON', 'seven', 400],
    ['too few numbers', JSON.stringify(seven().slice(1)), 400],
    ['a number too large', JSON.stringify([...seven().slice(1), 17]), 400],
    ['nested deeply', '['.repeat(9_000), 400],
    ['too long', ' '.repeat(10_001), 413],
    ['another path', '[]', 404, '/'],
  ];
  for (const [name, body, status, path] of refused)
    test(`refuses ${name}, and goes on`, async () => {
      const response = await post(body, path);
      assert.equal(response.status, status);
      assert.ok('error' in JSON.parse(await response.text()));
      assert.equal((await post(JSON.stringify(seven()))).status, 200);
    });

  test('ends when it is asked to', async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  });

  const measured: [name: string, environment: Record<string, string>, status: number, says: RegExp][] = [
    [
      'a model',
      { SIGNALBOX_MODEL: model },
      0,
      /^\{"step": 0, "val_loss": 0\.\d+, "val_accuracy": 0\.9\d*, "worst_recall": 0\.\d+\}\n$/,
    ],
    [
      'what is none',
      { SIGNALBOX_MODEL: join(folder, 'README.md') },
      1,
      /^evaluate: .*README\.md is not a signalbox-digits model\n$/,
    ],
    ['nothing', {}, 2, /error: name a model, or set SIGNALBOX_MODEL\n$/],
  ];
  for (const [name, environment, status, says] of measured)
    test(`measuring ${name}`, () => {
      const options = { cwd: folder, env: { PATH: process.env.PATH, ...environment } };
      const done = spawnSync('python3', ['evaluate.py'], options);
      assert.equal(done.status, status);
      assert.match(String(done.stdout) + String(done.stderr), says);
    });
});

describe('does not begin', { skip }, () => {
  const broken = join(root, 'broken.json');
  writeFileSync(broken, '{}');
  const rows: [name: string, environment: Record<string, string>, code: number, says: RegExp][] = [
    [
      'without a model',
      { SIGNALBOX_PORT: '0', SIGNALBOX_MODEL: join(root, 'none.json') },
      1,
      /^serve: .*none\.json/,
    ],
    ['with what is no model', { SIGNALBOX_PORT: '0', SIGNALBOX_MODEL: broken }, 1, /^serve: /],
    ['without a port', { SIGNALBOX_MODEL: broken }, 2, /SIGNALBOX_PORT/],
    ['with a port that is none', { SIGNALBOX_PORT: '70000', SIGNALBOX_MODEL: broken }, 2, /SIGNALBOX_PORT/],
  ];
  for (const [name, environment, code, says] of rows)
    test(name, async () => {
      const child = serve(environment);
      assert.ok(child.stderr);
      const [ended, words] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
      assert.equal(ended[0], code, words);
      assert.match(words, says);
    });
});
