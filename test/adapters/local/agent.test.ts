import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SignalboxError } from '../../../src/core/errors.ts';
import { openWorkbench, until, type Workbench } from './workbench.ts';

describe('what a command gets', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let bench: Workbench;
  before(async () => {
    bench = await openWorkbench();
    bench.setSource({ 'train.sh': '#!/bin/sh\nprintf "%s|" "$@"; echo; pwd\n', 'plain.txt': 'no program' });
    process.env.SECRET_OF_THE_AGENT = 'leaked';
    bench.startAgent();
  });
  after(async () => {
    delete process.env.SECRET_OF_THE_AGENT;
    await bench.close();
  });

  const exits = [
    { name: 'ends with 0', command: ['true'], code: 0 },
    { name: 'ends with 3', command: ['sh', '-c', 'exit 3'], code: 3 },
    { name: 'is ended by a signal', command: ['sh', '-c', 'kill -SEGV $$'], signal: 'SIGSEGV' },
    { name: 'is ended by SIGKILL from elsewhere', command: ['sh', '-c', 'kill -KILL $$'], signal: 'SIGKILL' },
    {
      name: 'is not there',
      command: ['no-such-program'],
      failure: ['start-error', /no-such-program was not found/],
    },
    {
      name: 'may not be executed',
      command: ['/etc/passwd'],
      failure: ['start-error', /may not be executed/],
    },
    { name: 'is a folder', command: ['/tmp'], failure: ['start-error', /may not be executed/] },
    { name: 'holds NUL', command: ['echo', 'a\0b'], failure: ['start-error', /could not be started/] },
    { name: 'is empty', command: [''], failure: ['start-error', /./] },
    {
      name: 'runs out of memory on the GPU, which its log says',
      command: [
        'sh',
        '-c',
        'echo torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB; exit 1',
      ],
      code: 1,
    },
    {
      name: 'speaks of memory and ends well',
      command: ['sh', '-c', 'echo MemoryError; exit 0'],
      code: 0,
    },
  ] as const;
  for (const row of exits)
    test(`a command that ${row.name}`, async () => {
      const { state, exit } = await bench.end(bench.assign({ command: [...row.command] }));
      assert.equal(state, 'exited');
      assert.equal(exit?.code, 'code' in row ? row.code : null);
      assert.equal(exit?.signal, 'signal' in row ? row.signal : null);
      assert.equal(exit?.stopped, null);
      assert.equal(exit?.failure?.class, 'failure' in row ? row.failure[0] : undefined);
      if ('failure' in row) assert.match(exit?.failure?.message ?? '', row.failure[1]);
    });

  test('arguments stay single arguments whatever they hold, in the folder of the source', async () => {
    const hostile = ['$(touch x)', '; touch x', 'a b', 'line\nbreak', '--flag', '', '"', '\u202e'];
    const key = bench.assign({ command: ['./train.sh', ...hostile] });
    assert.equal((await bench.end(key)).exit?.code, 0);
    const lines = bench.logs.get(key) ?? '';
    assert.ok(lines.startsWith(`${hostile.join('|')}|\n`), lines);
    assert.ok(lines.trimEnd().endsWith(`/runs/${key.replace('-', '/')}/work`), lines);
  });

  test('a shell only where the project says so', async () => {
    const [plain, shell] = [['echo $HOME && exit 4'], ['test -n "$SIGNALBOX_PARAM_LR" && exit 4']];
    const refused = await bench.end(bench.assign({ command: plain }));
    assert.equal(refused.exit?.failure?.class, 'start-error');
    const key = bench.assign({ command: shell, shell: true, parameters: { lr: 0.1 } });
    assert.equal((await bench.end(key)).exit?.code, 4);
  });

  test('a clean environment', async () => {
    const environment = { OWN: 'of the project', SIGNALBOX_RUN: '999', CUDA_VISIBLE_DEVICES: '7' };
    const key = bench.assign({ command: ['env', '-0'], environment, parameters: { lr: 0.1, Deep: true } });
    const { run, exit } = await bench.end(key);
    assert.equal(exit?.code, 0);
    // NUL is replaced in a log.
    const log = bench.logs.get(key) ?? '';
    const seen = Object.fromEntries(log.split('\ufffd').map(entry => entry.split(/=(.*)/s).slice(0, 2)));
    const folders = join(bench.folder(key), '..');
    const expected = {
      PATH: seen.PATH,
      HOME: join(bench.folder(key), 'home'),
      TMPDIR: join(bench.folder(key), 'tmp'),
      LANG: 'C.UTF-8',
      PYTHONUNBUFFERED: '1',
      RANK: '0',
      WORLD_SIZE: '1',
      LOCAL_RANK: '0',
      MASTER_ADDR: '127.0.0.1',
      MASTER_PORT: seen.MASTER_PORT,
      OWN: 'of the project',
      SIGNALBOX_PARAM_LR: '0.1',
      SIGNALBOX_PARAM_DEEP: 'true',
      SIGNALBOX_RUN: String(run),
      SIGNALBOX_ATTEMPT: key,
      SIGNALBOX_PROJECT: 'digits',
      SIGNALBOX_SHA: 'a'.repeat(40),
      SIGNALBOX_METRICS_URL: `${bench.url}/v1/runs/${run}/metrics`,
      SIGNALBOX_METRICS: join(bench.folder(key), 'metrics.jsonl'),
      SIGNALBOX_TOKEN: `token-${key}`,
      SIGNALBOX_CHECKPOINT_DIR: join(folders, 'checkpoints'),
      SIGNALBOX_OUTPUT_DIR: join(folders, 'output'),
      SIGNALBOX_RANK: '0',
      SIGNALBOX_WORLD_SIZE: '1',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      CUDA_VISIBLE_DEVICES: '',
      ROCR_VISIBLE_DEVICES: '',
      HIP_VISIBLE_DEVICES: '',
    };
    const { '\n': _, '': __, ...rest } = seen;
    assert.deepEqual(rest, expected);
    assert.match(seen.PATH ?? '', /\/usr\/bin/);
  });

  test('the GPUs that it was given and no others', async () => {
    const key = bench.assign(
      { command: ['sh', '-c', 'echo $CUDA_VISIBLE_DEVICES'] },
      { kind: 'gpu', indices: [3, 1] },
    );
    await bench.end(key);
    assert.equal(bench.logs.get(key), '3,1\n');
  });

  test('an accelerator that the machine has not is no reason to run without', async () => {
    const key = bench.assign({ command: ['true'] }, { kind: 'gpu', indices: [1_000] });
    const { exit } = await bench.end(key);
    assert.equal(exit?.failure?.class, 'start-error');
    assert.match(exit?.failure?.message ?? '', /is not on the machine any more/);
  });

  test('checkpoints for all attempts of a run; what was put out stays, the rest goes', async () => {
    const write = 'echo one > $SIGNALBOX_CHECKPOINT_DIR/c; echo model > $SIGNALBOX_OUTPUT_DIR/model';
    const first = bench.assign({ command: [write], shell: true });
    const { run } = await bench.end(first);
    const second = bench.assign(
      { command: ['cat "$SIGNALBOX_CHECKPOINT_DIR/c"'], shell: true },
      { run, attempt: 2 },
    );
    await bench.end(second);
    assert.equal(bench.logs.get(second), 'one\n');
    for (const key of [first, second])
      await until('it to be forgotten', () => !existsSync(bench.folder(key)));
    assert.equal(readFileSync(join(bench.folder(first), '../output/model'), 'utf8'), 'model\n');
  });

  test('/dev/stdout can be opened, and both outputs keep their order', async () => {
    const key = bench.assign({
      command: ['echo 1; echo 2 >&2; echo 3 > /dev/stdout; echo 4 >&2'],
      shell: true,
    });
    await bench.end(key);
    assert.equal(bench.logs.get(key), '1\n2\n3\n4\n');
  });

  test('its files and its token are for itself', async () => {
    const key = bench.assign({ command: ['sleep', '300'] });
    await until('running', () => bench.reports.get(key)?.state === 'running');
    const mode = (path: string) => statSync(join(bench.folder(key), path)).mode & 0o777;
    for (const path of ['control', 'work', 'home', 'tmp', '../output', '../checkpoints'])
      assert.equal(mode(path), 0o700, path);
    assert.equal(mode('control/plan.json'), 0o600);
    assert.ok(bench.state.sourceTokens.includes(`Bearer token-${key}`));
    bench.stop(key, 'cancel');
    await bench.end(key);
  });
});

describe('one agent for a pool', () => {
  let bench: Workbench;
  before(async () => {
    bench = await openWorkbench();
  });
  after(() => bench.close());

  test('a second one is refused, the lock of a dead one is taken over', async () => {
    const first = bench.spawnAgent();
    await until('the first agent', () => bench.state.syncs > 0);
    await assert.rejects(bench.startAgent().done, (err: unknown) => {
      assert.ok(err instanceof SignalboxError);
      assert.equal(err.fault.code, 'AGENT_RUNNING');
      return err.message.includes(String(first.pid));
    });
    await first.kill();
    const before = bench.state.syncs;
    const third = bench.startAgent();
    await until('the third agent', () => bench.state.syncs > before);
    await third.stop();
    const fourth = bench.startAgent();
    const again = bench.state.syncs;
    await until('the fourth agent', () => bench.state.syncs > again);
    await fourth.stop();
  });

  test('CPU slots are what a machine without GPUs has', async () => {
    const offers = { slots: 3, accelerators: 'none' as const };
    const agent = bench.startAgent({ offers: () => offers });
    await until('its accelerators', () => bench.state.accelerators.length === 3);
    offers.slots = 4;
    await until('one more, without a restart', () => bench.state.accelerators.length === 4);
    const [one] = bench.state.accelerators as { kind: string; index: number; healthy: boolean }[];
    assert.deepEqual([one?.kind, one?.index, one?.healthy], ['cpu', 0, true]);
    await agent.stop();
  });
});
