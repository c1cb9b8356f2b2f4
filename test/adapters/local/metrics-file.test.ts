import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type FilePlace,
  fileStart,
  makeMetricsFile,
  nextMetrics,
} from '../../../src/adapters/local/metrics-file.ts';
import { openWorkbench, until, type Workbench } from './workbench.ts';

describe('a metrics file', () => {
  let folder: string;
  let path: string;
  let at: FilePlace;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-metrics-'));
    path = join(folder, 'metrics.jsonl');
    at = fileStart;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** All that is there now: points as `name@step=value`, and whether something could not be read. */
  function read(ended = false, hide = (text: string) => text): { points: string[]; unread: boolean } {
    const all = { points: [] as string[], unread: false };
    for (let chunk = nextMetrics(path, at, ended, hide); chunk; chunk = nextMetrics(path, at, ended, hide)) {
      all.points.push(...chunk.points.map(p => `${p.name}@${p.step}=${p.value}`));
      all.unread ||= chunk.unread;
      at = chunk.after;
    }
    return all;
  }
  const none = { points: [], unread: false };

  test('a line waits for its end, and the last one for the end of the command', () => {
    assert.deepEqual(read(), none);
    writeFileSync(path, '{"step": 1, "loss": 0.5}\n{"step": 2, "lo');
    assert.deepEqual(read(), { points: ['step@1=1', 'loss@1=0.5'], unread: false });
    assert.deepEqual(read(), none);
    appendFileSync(path, 'ss": 0.4}\r\n\n  \nmetric loss=0.3 step=3');
    assert.deepEqual(read(), { points: ['step@2=2', 'loss@2=0.4'], unread: false });
    assert.deepEqual(read(true), { points: ['loss@3=0.3', 'step@3=3'], unread: false });
    assert.deepEqual(read(true), none);
  });

  test('a torn last line is told, not guessed', () => {
    writeFileSync(path, '{"step": 1, "loss": 0.');
    assert.deepEqual(read(true), { points: [], unread: true });
  });

  test('a file that became shorter, and another in its place, are read from their beginning', () => {
    writeFileSync(path, '{"a": 1}\n{"a": 2}\n');
    assert.deepEqual(read().points, ['a@0=1', 'a@1=2']);
    truncateSync(path);
    appendFileSync(path, '{"a": 3}\n');
    assert.deepEqual(read().points, ['a@2=3']);
    rmSync(path);
    writeFileSync(join(folder, 'between'), '');
    writeFileSync(path, '{"a": 4}\n{"a": 5}\n');
    assert.deepEqual(read().points, ['a@3=4', 'a@4=5']);
  });

  test('a line that is too long is left out, and those around it are not', () => {
    const long = `{"text": "${'x'.repeat(900_000)}", "b": 1}`;
    writeFileSync(path, `{"a": 1}\n${long}\n{"a": 2}\n${'y'.repeat(500_000)}`);
    assert.deepEqual(read(true), { points: ['a@0=1', 'a@1=2'], unread: true });
  });

  const rows: [what: string, content: string | Uint8Array, points: string[], unread: boolean][] = [
    ['not finite', '{"step": 1, "a": NaN, "b": Infinity}\n', ['step@1=1', 'a@1=NaN', 'b@1=NaN'], false],
    ['words', 'loss is 3\n{"a": 1}\n', ['a@0=1'], true],
    ['an object without numbers', '{"phase": "eval"}\n', [], true],
    ['a byte order mark', '\ufeff{"a": 1}\n', ['a@0=1'], false],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x7b, 0x7d, 0x0a]), [], true],
    ['a name that no metric may have, which is told', '{"a:b": 1, "c": 2}\n', ['a:b@0=1', 'c@0=2'], false],
    ['a name without end', `{"${'x'.repeat(5_000)}": 1}\n`, [`${'x'.repeat(200)}@0=1`], false],
    ['empty lines', '\n\n \n', [], false],
  ];
  for (const [what, content, points, unread] of rows)
    test(what, () => {
      writeFileSync(path, content);
      assert.deepEqual(read(true), { points, unread });
    });

  test('a secret in a name is hidden as in the log, and then no metric may have it', () => {
    writeFileSync(path, '{"hunter2x": 1, "b": 2}\n{"c": 3}\n');
    const hide = (text: string) => text.replaceAll('hunter2x', '[secret A]');
    assert.deepEqual(read(true, hide), { points: ['[secret A]@0=1', 'b@0=2', 'c@1=3'], unread: false });
  });

  test('a link, a folder and a pipe are left alone', () => {
    writeFileSync(join(folder, 'other'), '{"a": 1}\n');
    symlinkSync('other', path);
    assert.deepEqual(read(true), none);
    assert.throws(() => makeMetricsFile(path, null), /ELOOP/);
    rmSync(path);
    mkdirSync(path);
    assert.deepEqual(read(true), none);
  });

  test('it is there before the command is, for its user alone', () => {
    makeMetricsFile(path, null);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    appendFileSync(path, '{"a": 1}\n');
    makeMetricsFile(path, null);
    assert.deepEqual(read().points, ['a@0=1']);
  });
});

describe('the metrics file of a run', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await openWorkbench();
  });
  afterEach(() => bench.close());

  test('is delivered while agents are killed and answers are lost, to its end', async () => {
    const key = bench.assign({
      command: [
        'i=0; while [ $i -lt 40 ]; do echo "{\\"n\\": $i}" >> "$SIGNALBOX_METRICS"; i=$((i+1)); sleep 0.03; done; printf "{\\"last\\": 1}" >> "$SIGNALBOX_METRICS"',
      ],
      shell: true,
    });
    for (let killed = 1; killed <= 2; killed++) {
      const agent = bench.spawnAgent();
      await until('more lines', () => bench.fromFile.length > killed * 5);
      bench.state.loseMetricsAnswers = 1;
      await agent.kill();
    }
    bench.startAgent();
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.deepEqual(
      bench.fromFile.map(p => `${p.name}@${p.step}=${p.value}`),
      [...Array.from({ length: 40 }, (_, i) => `n@${i}=${i}`), 'last@40=1'],
    );
    assert.equal(bench.logs.get(key), undefined, 'nothing of it is in the log');
    assert.equal(bench.state.unread, false);
  });

  test('one that was removed, or made into something else, ends nothing', async () => {
    bench.startAgent();
    const key = bench.assign({
      command: ['rm "$SIGNALBOX_METRICS"; ln -s /etc/passwd "$SIGNALBOX_METRICS"; echo done'],
      shell: true,
    });
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.deepEqual(bench.fromFile, []);
    assert.equal(bench.logs.get(key), 'done\n');
  });
});
