import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { type Delivery, deliverLog, markAt } from '../../../src/adapters/local/deliver-log.ts';
import { logOffsets, logWriter } from '../../../src/adapters/local/log-writer.ts';
import { ServiceError } from '../../../src/adapters/local/service.ts';
import type { AgentLogRequest } from '../../../src/core/agent-protocol.ts';
import type { MetricPoint } from '../../../src/core/ports.ts';
import { openWorkbench, until, type Workbench } from './workbench.ts';

const root = mkdtempSync(join(tmpdir(), 'signalbox-log-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => join(root, String(folders++));
const limits = { fileBytes: 1 << 20, files: 4 };

function textIn(folder: string): string {
  return logOffsets(folder)
    .map(offset => readFileSync(join(folder, `${offset}.log`), 'utf8'))
    .join('');
}

describe('the log as it is written', () => {
  const long = 'x'.repeat(16_384);
  const cutNote = ' [cut: a line of more than 16384 characters]';
  const rows: [name: string, chunks: (string | number[])[], text: string][] = [
    ['lines', ['a\nb\n'], 'a\nb\n'],
    ['a last line without an end', ['a\nb'], 'a\nb\n'],
    ['a line in pieces', ['a', 'b', 'c\n'], 'abc\n'],
    ['Windows line ends, also split', ['a\r\nb\r', '\nc\r\n'], 'a\nb\nc\n'],
    ['a progress bar', ['10%\r20%', '\r30%\r\nend\n'], '10%\n20%\n30%\nend\n'],
    ['a carriage return at the very end', ['a\r'], 'a\n'],
    ['a letter split between chunks', [[0xc3], [0xa9, 0x0a]], 'é\n'],
    ['bytes that are no UTF-8', [[0x61, 0xff, 0xfe, 0x62, 0x0a]], 'a\ufffd\ufffdb\n'],
    ['half a letter at the end', [[0x61, 0xc3]], 'a\ufffd\n'],
    ['NUL', ['a\0b\n'], 'a\ufffdb\n'],
    ['empty lines stay', ['a\n\n\nb\n'], 'a\n\n\nb\n'],
    ['nothing', [], ''],
    ['a line as long as may be', [`${long}\n`], `${long}\n`],
    ['a line too long', [`${long}yz\nnext\n`], `${long}${cutNote}\nnext\n`],
    ['a line too long in pieces', [`${long}y`, 'z', 'z\nnext\n'], `${long}${cutNote}\nnext\n`],
    ['a line too long that never ends', [`${long}y`, 'z'], `${long}${cutNote}\n`],
    [
      'half of a pair is not left behind by a cut',
      [`${long.slice(1)}😀😀\n`],
      `${long.slice(1)}${cutNote}\n`,
    ],
  ];
  for (const [name, chunks, text] of rows)
    test(name, () => {
      const folder = newFolder();
      const log = logWriter(folder, limits);
      for (const chunk of chunks) log.write(Buffer.from(chunk as string));
      log.end();
      assert.equal(textIn(folder), text);
    });

  test('files are named for their first byte, and the oldest go', () => {
    const folder = newFolder();
    const log = logWriter(folder, { fileBytes: 100, files: 3 });
    for (let i = 100; i < 200; i++) log.write(Buffer.from(`line ${i}\n`));
    log.end();
    const offsets = logOffsets(folder);
    assert.deepEqual(readdirSync(folder).length, 3);
    assert.deepEqual(
      offsets,
      [729, 828, 891].map((_, i) => offsets[i]),
    );
    assert.ok(textIn(folder).endsWith('line 199\n'));
    assert.equal((offsets[0] ?? 0) + Buffer.byteLength(textIn(folder)), 900);
  });
});

describe('the log as it is delivered', () => {
  /** Signalbox's side; `loseAnswers` of the stored chunks are never answered. */
  function newDelivery(
    folder: string,
    problems: { loseAnswers?: number; refuse?: boolean; away?: number } = {},
  ) {
    const received = { text: '', points: [] as MetricPoint[], requests: 0 };
    let ended = true;
    const appendLog = async (_run: number, _attempt: number, chunk: AgentLogRequest) => {
      received.requests++;
      if (problems.refuse) throw new ServiceError('no', 'refused', 404);
      if (problems.away && problems.away-- > 0) throw new ServiceError('no', 'away', null);
      if (chunk.offset === Buffer.byteLength(received.text) && chunk.text !== '') {
        received.text += chunk.text;
        received.points.push(...chunk.points);
        if (problems.loseAnswers && problems.loseAnswers-- > 0) throw new ServiceError('lost', 'away', null);
      }
      return Buffer.byteLength(received.text);
    };
    const nobody = async () => {
      throw new Error('not asked for here');
    };
    const quiet = () => {};
    const delivery: Delivery = {
      run: 1,
      attempt: 1,
      logFolder: folder,
      deliveryFile: `${folder}.json`,
      service: {
        ...{ sync: nobody, source: nobody, addMetrics: nobody, appendLog },
        ...{ record: nobody, outputs: nobody, content: nobody },
      },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      signal: new AbortController().signal,
      ended: () => ended,
    };
    return { delivery, received, setEnded: (value: boolean) => (ended = value) };
  }

  function written(lines: string[], bounds = limits): string {
    const folder = newFolder();
    const log = logWriter(folder, bounds);
    for (const line of lines) log.write(Buffer.from(`${line}\n`));
    log.end();
    return folder;
  }

  test('all of it, in pieces of at most 200 kB', async () => {
    const folder = written(Array.from({ length: 30_000 }, (_, i) => `line ${i} of some length, é`));
    const { delivery, received } = newDelivery(folder);
    await deliverLog(delivery);
    assert.equal(received.text, textIn(folder));
    assert.ok(received.requests > 4, String(received.requests));
  });

  test('an answer that is lost repeats nothing, and the count of steps goes on', async () => {
    const lines = Array.from({ length: 12_000 }, (_, i) => JSON.stringify({ loss: i }));
    const folder = written(lines);
    const { delivery, received } = newDelivery(folder, { loseAnswers: 1 });
    await deliverLog(delivery);
    assert.equal(received.text, textIn(folder));
    assert.deepEqual(
      received.points.map(p => p.step),
      lines.map((_, i) => i),
    );
  });

  test('another agent goes on where the first one was', async () => {
    const folder = newFolder();
    const log = logWriter(folder, limits);
    const { delivery, received, setEnded } = newDelivery(folder);
    setEnded(false);
    const first = new AbortController();
    const going = deliverLog({ ...delivery, signal: first.signal });
    log.write(Buffer.from('{"loss": 1}\n{"loss": 2}\n'));
    await until('the first lines', () => received.points.length === 2);
    first.abort();
    await assert.rejects(going);
    log.write(Buffer.from('{"loss": 3}\nend'));
    log.end();
    setEnded(true);
    await deliverLog(delivery);
    assert.deepEqual(
      received.points.map(p => p.step),
      [0, 1, 2],
    );
    assert.equal(received.text, '{"loss": 1}\n{"loss": 2}\n{"loss": 3}\nend\n');
  });

  test('what rotation took away is said, once, and the rest follows', async () => {
    const folder = written(
      Array.from({ length: 100 }, (_, i) => `line ${100 + i}`),
      { fileBytes: 100, files: 3 },
    );
    const { delivery, received } = newDelivery(folder, { loseAnswers: 2 });
    await deliverLog(delivery);
    const missing = logOffsets(folder)[0];
    const [note, ...rest] = received.text.split('\n');
    assert.match(note ?? '', new RegExp(`\\] ${missing} bytes of the log are missing here`));
    assert.equal(rest.join('\n'), textIn(folder));
  });

  test('refused: given up at once', async () => {
    const { delivery, received } = newDelivery(written(['a']), { refuse: true });
    await deliverLog(delivery);
    assert.equal(received.requests, 1);
  });

  test('no log: nothing is asked', async () => {
    const { delivery, received } = newDelivery(newFolder());
    await deliverLog(delivery);
    assert.equal(received.requests, 0);
  });

  test('marks', () => {
    const marks = [
      { size: 100, offset: 500, counter: 3 },
      { size: 180, offset: 900, counter: 4 },
    ];
    assert.deepEqual(markAt([], 50), { size: 50, offset: 50, counter: 0 });
    assert.deepEqual(markAt(marks, 100), { size: 100, offset: 500, counter: 3 });
    assert.deepEqual(markAt(marks, 200), { size: 200, offset: 920, counter: 4 });
  });
});

describe('the log of a run', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await openWorkbench();
  });
  afterEach(() => bench.close());

  test('is delivered once while agents are killed and answers are lost', async () => {
    const key = bench.assign({
      command: [
        'i=0; while [ $i -lt 40 ]; do echo "{\\"n\\": $i}"; i=$((i+1)); sleep 0.03; done; printf "no end"',
      ],
      shell: true,
    });
    for (let killed = 1; killed <= 2; killed++) {
      const agent = bench.spawnAgent();
      await until('more lines', () => bench.points.length > killed * 5);
      bench.state.loseLogAnswers = 1;
      await agent.kill();
    }
    bench.startAgent();
    assert.equal((await bench.end(key)).exit?.code, 0);
    const lines = Array.from({ length: 40 }, (_, i) => `{"n": ${i}}\n`);
    assert.equal(bench.logs.get(key), `${lines.join('')}no end\n`);
    assert.deepEqual(
      bench.points.map(p => [p.step, p.value]),
      lines.map((_, i) => [i, i]),
    );
  });

  test('a value that is not finite is told too', async () => {
    bench.startAgent();
    const key = bench.assign({ command: ['echo', '{"step": 1, "loss": NaN}'] });
    await bench.end(key);
    assert.deepEqual(bench.points, [
      { name: 'step', step: 1, value: 1 },
      { name: 'loss', step: 1, value: Number.NaN },
    ]);
  });
});
