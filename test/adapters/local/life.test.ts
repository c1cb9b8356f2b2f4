import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { isGone, openWorkbench, processesIn, sleeper, until, type Workbench } from './workbench.ts';

describe('the life of an attempt', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await openWorkbench();
  });
  afterEach(() => bench.close());

  const output = (key: string, file: string) => join(bench.folder(key), '../output', file);
  const numberIn = (path: string) => () => existsSync(path) && Number(readFileSync(path, 'utf8'));
  const pidOf = (key: string, file = 'pid') => until(`the number in ${file}`, numberIn(output(key, file)));
  const running = (key: string) => until(`${key} to run`, () => bench.reports.get(key)?.state === 'running');
  const waitsFor = (file: string, then: string) =>
    `while [ ! -e "$SIGNALBOX_OUTPUT_DIR/${file}" ]; do sleep 0.05; done; ${then}`;

  test('the agent is killed while it runs: the next one adopts it and hears the true exit code', async () => {
    const agent = bench.spawnAgent({ SECRET: 'leaked' });
    const key = bench.assign({ command: [`env; ${waitsFor('go', 'exit 7')}`], shell: true });
    await running(key);
    const { pid } = bench.control(key, 'child.json');
    await agent.kill();
    assert.equal(isGone(pid), false);
    bench.startAgent();
    const { syncs } = bench.state;
    await until('the new agent', () => bench.state.syncs > syncs + 3);
    assert.equal(bench.control(key, 'child.json').pid, pid);
    writeFileSync(output(key, 'go'), '');
    const { state, exit } = await bench.end(key);
    assert.deepEqual([state, exit?.code, exit?.stopped], ['exited', 7, null]);
    assert.doesNotMatch(bench.logs.get(key) ?? '', /leaked/);
  });

  test('it ends while no agent lives: the next one reports how', async () => {
    const agent = bench.spawnAgent();
    const key = bench.assign({ command: [waitsFor('go', 'echo last words; exit 5')], shell: true });
    await running(key);
    const { pid } = bench.control(key, 'launched');
    await agent.kill();
    writeFileSync(output(key, 'go'), '');
    await until('the supervisor to end', () => isGone(pid));
    bench.startAgent();
    const { exit } = await bench.end(key);
    assert.equal(exit?.code, 5);
    assert.deepEqual(exit?.lines, ['last words']);
    assert.equal(bench.logs.get(key), 'last words\n');
  });

  test('it ends while Signalbox is away: reported when it is back, with the whole log', async () => {
    bench.startAgent();
    const key = bench.assign({ command: [waitsFor('go', 'echo bye; exit 6')], shell: true });
    await running(key);
    const { pid } = bench.control(key, 'launched');
    bench.state.away = true;
    writeFileSync(output(key, 'go'), '');
    await until('the supervisor to end', () => isGone(pid));
    bench.state.away = false;
    assert.equal((await bench.end(key)).exit?.code, 6);
    assert.equal(bench.logs.get(key), 'bye\n');
  });

  test('the supervisor is killed: lost, and nothing of it is left', async () => {
    bench.startAgent();
    const rest = 'setsid sh -c "echo \\$\\$ > $SIGNALBOX_OUTPUT_DIR/far; exec sleep 300" & sleep 300 &';
    const key = bench.assign({ command: [`${rest} ${sleeper}`], shell: true });
    await running(key);
    const pids = [await pidOf(key), await pidOf(key, 'far')];
    process.kill(bench.control(key, 'launched').pid, 'SIGKILL');
    const { state, exit, reason } = await bench.end(key);
    assert.equal(state, 'lost');
    assert.equal(exit, null);
    assert.match(reason ?? '', /ended unexpectedly/);
    assert.deepEqual(pids.map(isGone), [true, true]);
    assert.deepEqual(processesIn(bench.dataDir), []);
  });

  test('agent and supervisor are killed: the next agent ends what is left, and reports it lost', async () => {
    const agent = bench.spawnAgent();
    const key = bench.assign({ command: [sleeper], shell: true });
    await running(key);
    const pid = await pidOf(key);
    await agent.kill();
    process.kill(bench.control(key, 'launched').pid, 'SIGKILL');
    bench.startAgent();
    assert.equal((await bench.end(key)).state, 'lost');
    assert.ok(isGone(pid));
  });

  test('the supervisor dies before it wrote down whom it started: found by its environment', async () => {
    const agent = bench.spawnAgent();
    const key = bench.assign({ command: [sleeper], shell: true });
    await running(key);
    const pid = await pidOf(key);
    await agent.kill();
    process.kill(bench.control(key, 'launched').pid, 'SIGKILL');
    rmSync(join(bench.folder(key), 'control/child.json'));
    bench.startAgent();
    assert.equal((await bench.end(key)).state, 'lost');
    assert.ok(isGone(pid));
  });

  test('a process that only has the number of the command is left alone', async () => {
    const agent = bench.spawnAgent();
    const key = bench.assign({ command: [sleeper], shell: true });
    await running(key);
    await agent.kill();
    process.kill(bench.control(key, 'launched').pid, 'SIGKILL');
    const file = join(bench.folder(key), 'control/child.json');
    const child = bench.control(key, 'child.json');
    const real = child.pid;
    writeFileSync(file, JSON.stringify({ ...child, pid: process.pid }));
    bench.startAgent();
    assert.equal((await bench.end(key)).state, 'lost');
    assert.ok(isGone(real));
  });

  test('the machine was restarted: lost, and no process is looked for', async () => {
    const key = bench.assign({ command: ['true'] });
    const agent = bench.startAgent();
    bench.state.settles = false;
    await bench.end(key);
    await agent.stop();
    const control = join(bench.folder(key), 'control');
    const launched = JSON.parse(readFileSync(join(control, 'launched'), 'utf8'));
    writeFileSync(join(control, 'launched'), JSON.stringify({ ...launched, boot: 'another' }));
    rmSync(join(control, 'exit.json'));
    bench.ends.clear();
    bench.assign({ command: ['true'] }, { run: Number(key.split('-')[0]) });
    bench.startAgent();
    const { state, reason } = await bench.end(key);
    assert.equal(state, 'lost');
    assert.match(reason ?? '', /restarted/);
  });

  test('an attempt with `launched` is never started a second time', async () => {
    const agent = bench.startAgent();
    const key = bench.assign({ command: ['echo x >> $SIGNALBOX_OUTPUT_DIR/starts'], shell: true });
    bench.state.settles = false;
    await bench.end(key);
    await agent.stop();
    rmSync(join(bench.folder(key), 'control/exit.json'));
    bench.ends.clear();
    bench.assign({ command: ['true'] }, { run: Number(key.split('-')[0]) });
    bench.startAgent();
    assert.equal((await bench.end(key)).state, 'lost');
    assert.equal(readFileSync(output(key, 'starts'), 'utf8'), 'x\n');
  });

  test('an attempt that was forgotten is not started when it is asked for again', async () => {
    bench.startAgent();
    const key = bench.assign({ command: ['true'] });
    await bench.end(key);
    await until('it to be forgotten', () => !existsSync(bench.folder(key)));
    bench.assign({ command: ['true'] }, { run: Number(key.split('-')[0]) });
    await until('a warning', () => bench.warnings.some(w => /asked for again/.test(w.message)));
    assert.equal(existsSync(bench.folder(key)), false);
  });

  test('another database counts from 1 again: the old run of that number is neither reported nor continued', async () => {
    const agent = bench.startAgent();
    bench.state.settles = false;
    const key = bench.assign({ command: ['echo old > $SIGNALBOX_CHECKPOINT_DIR/c; exit 3'], shell: true });
    await bench.end(key);
    await agent.stop();
    bench.ends.clear();
    bench.logs.clear();
    bench.state.settles = true;
    bench.assign(
      { command: ['ls -A "$SIGNALBOX_CHECKPOINT_DIR"; exit 4'], shell: true },
      { run: Number(key.split('-')[0]), token: 'of the other database' },
    );
    bench.startAgent();
    assert.equal((await bench.end(key)).exit?.code, 4);
    assert.equal(bench.logs.get(key) ?? '', '');
  });

  test('an attempt whose removal was begun is removed, and not looked at', async () => {
    const agent = bench.startAgent();
    bench.state.settles = false;
    const key = bench.assign({ command: ['true'] });
    const { run } = await bench.end(key);
    await agent.stop();
    writeFileSync(join(bench.folder(key), '../forgotten-1'), JSON.stringify({ token: `token-${key}` }));
    rmSync(join(bench.folder(key), 'control/launched'));
    bench.reports.clear();
    bench.assign({ command: ['true'] }, { run });
    bench.startAgent();
    await until('it to be removed', () => !existsSync(bench.folder(key)));
    await until('a warning', () => bench.warnings.some(w => /asked for again/.test(w.message)));
    assert.equal(bench.reports.size, 0);
  });

  const deaf = `trap "" TERM; ${sleeper.replace('exec sleep 300', 'while :; do sleep 0.1; done')}`;
  const polite = `trap "echo saved; exit 0" TERM; ${sleeper.replace('exec sleep 300', 'while :; do sleep 0.05; done')}`;
  const stops = [
    { name: 'ends on SIGTERM', command: sleeper, stop: 'cancel', code: null, signal: 'SIGTERM', log: /^$/ },
    {
      name: 'does not hear SIGTERM',
      command: deaf,
      stop: 'cancel',
      code: null,
      signal: 'SIGKILL',
      log: /^$/,
    },
    {
      name: 'saves and ends with 0',
      command: polite,
      stop: 'preempt',
      code: 0,
      signal: null,
      log: /saved\n$/,
    },
  ] as const;
  for (const row of stops)
    test(`stopped: a command that ${row.name}`, async () => {
      bench.startAgent();
      const key = bench.assign({
        command: [row.command],
        shell: true,
        graceS: row.command === deaf ? 0.3 : 5,
      });
      await running(key);
      const pid = await pidOf(key);
      bench.stop(key, row.stop);
      const { exit } = await bench.end(key);
      assert.deepEqual([exit?.code, exit?.signal, exit?.stopped], [row.code, row.signal, row.stop]);
      assert.ok(isGone(pid));
      assert.match(bench.logs.get(key) ?? '', row.log);
    });

  test('stopped while halted by SIGSTOP', async () => {
    bench.startAgent();
    const key = bench.assign({ command: [sleeper], shell: true });
    await running(key);
    process.kill(await pidOf(key), 'SIGSTOP');
    bench.stop(key, 'cancel');
    assert.equal((await bench.end(key)).exit?.signal, 'SIGTERM');
  });

  test('SIGTERM to the supervisor without a wish to stop changes nothing', async () => {
    bench.startAgent();
    const key = bench.assign({ command: [waitsFor('go', 'exit 0')], shell: true });
    await running(key);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.kill(bench.control(key, 'launched').pid, signal);
    writeFileSync(output(key, 'go'), '');
    const { exit } = await bench.end(key);
    assert.deepEqual([exit?.code, exit?.stopped], [0, null]);
  });

  test('stopped before it started: its source never comes', async () => {
    bench.state.sourceStatus = 503;
    bench.startAgent();
    const key = bench.assign({ command: ['true'] });
    await until(
      'starting',
      () => bench.reports.get(key)?.state === 'starting' && bench.state.sourceTokens.length > 0,
    );
    bench.stop(key, 'cancel');
    const { state, exit } = await bench.end(key);
    assert.deepEqual([state, exit?.code, exit?.stopped], ['exited', null, 'cancel']);
  });

  test('stopped before the agent ever saw it', async () => {
    const key = bench.assign({ command: ['true'] }, { stop: 'cancel' });
    bench.startAgent();
    assert.equal((await bench.end(key)).exit?.stopped, 'cancel');
  });

  test('no longer wanted here: ended', async () => {
    bench.startAgent();
    const key = bench.assign({ command: [sleeper], shell: true });
    await running(key);
    const pid = await pidOf(key);
    bench.assignments.delete(key);
    await until('it to be gone', () => isGone(pid));
    await until('it to be forgotten', () => !existsSync(bench.folder(key)));
  });

  test('what it left in its group, and what left the group, ends with it', async () => {
    bench.startAgent();
    const far = 'setsid sh -c "echo \\$\\$ > $SIGNALBOX_OUTPUT_DIR/far; exec sleep 300" &';
    const near = 'sh -c "echo \\$\\$ > $SIGNALBOX_OUTPUT_DIR/near; exec sleep 300" &';
    const key = bench.assign({
      command: [`${far} ${near} ${waitsFor('near', waitsFor('far', 'exit 0'))}`],
      shell: true,
    });
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.ok(isGone(await pidOf(key, 'near')));
    assert.ok(isGone(await pidOf(key, 'far')));
  });

  test('over its time limit', async () => {
    bench.startAgent();
    const key = bench.assign({ command: [sleeper], shell: true, timeLimitS: 0.3 });
    const { exit } = await bench.end(key);
    assert.deepEqual([exit?.stopped, exit?.signal], ['time-limit', 'SIGTERM']);
  });

  const outlived = { command: ['sleep 4; echo still here; sleep 300'], shell: true, timeLimitS: 3 };
  test('given more time: it outlives its first limit, and is stopped at its second', async () => {
    bench.startAgent();
    const key = bench.assign(outlived);
    await running(key);
    bench.limit(key, 5);
    const { exit } = await bench.end(key);
    assert.deepEqual([exit?.stopped, exit?.signal, exit?.lines], ['time-limit', 'SIGTERM', ['still here']]);
  });

  test('given more time while no agent lives: the next one passes it on', async () => {
    const agent = bench.spawnAgent();
    const key = bench.assign({ ...outlived, command: ['sleep 4; echo still here'] });
    await running(key);
    await agent.kill();
    bench.limit(key, 600);
    bench.startAgent();
    const { exit } = await bench.end(key);
    assert.deepEqual([exit?.code, exit?.stopped, exit?.lines], [0, null, ['still here']]);
  });

  const limits: [name: string, content: string][] = [
    ['no number', '{"timeLimitS":"600"}'],
    ['nothing of it', '{}'],
    ['no JSON', '{"timeLimitS":6'],
  ];
  for (const [name, content] of limits)
    test(`a new time limit that is ${name} changes nothing`, async () => {
      const agent = bench.spawnAgent();
      const key = bench.assign({ command: [sleeper], shell: true, timeLimitS: 1 });
      await running(key);
      await agent.kill();
      writeFileSync(join(bench.folder(key), 'control/limit.json'), content);
      bench.startAgent();
      assert.equal((await bench.end(key)).exit?.stopped, 'time-limit');
    });

  const sources = [
    { name: 'refused', status: 404, tar: null, says: /There is no run #1/ },
    {
      name: 'no archive',
      status: 200,
      tar: Buffer.from('not a tar at all'.repeat(64)),
      says: /tar could not unpack it/,
    },
  ];
  for (const row of sources)
    test(`the source is ${row.name}`, async () => {
      bench.state.sourceStatus = row.status;
      if (row.tar) bench.setTar(row.tar);
      bench.startAgent();
      const { exit } = await bench.end(bench.assign({ command: ['true'] }));
      assert.equal(exit?.failure?.class, 'start-error');
      assert.match(exit?.failure?.message ?? '', row.says);
    });

  test('a checkout that an agent did not finish is made again', async () => {
    const key = bench.assign({ command: ['cat', 'file'] });
    const folder = bench.folder(key);
    mkdirSync(join(folder, 'checkout-half'), { recursive: true });
    writeFileSync(join(folder, 'checkout-half', 'file'), 'half');
    bench.setSource({ file: 'whole\n' });
    bench.startAgent();
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.equal(bench.logs.get(key), 'whole\n');
  });
});
