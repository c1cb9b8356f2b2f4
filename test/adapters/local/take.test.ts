import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openWorkbench, until, type Workbench } from './workbench.ts';

describe('an attempt is taken before it begins', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, () => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await openWorkbench();
  });
  afterEach(() => bench.close());

  const inControl = (key: string, file: string) => existsSync(join(bench.folder(key), 'control', file));
  const isTouched = (key: string) =>
    inControl(key, 'launched') || existsSync(join(bench.folder(key), 'work'));
  const takesOf = (key: string) => bench.state.takes.filter(take => take.startsWith(`${key} `));
  const someSyncs = async () => {
    const { syncs } = bench.state;
    await until('some syncs', () => bench.state.syncs > syncs + 5);
  };
  const command = { command: ['true'] };

  test('nothing of it is begun until it is answered, however long that takes', async () => {
    bench.state.gives = false;
    const key = bench.assign(command);
    bench.startAgent();
    await until('it to be asked for', () => takesOf(key).length > 0);
    await someSyncs();
    assert.equal(isTouched(key), false);
    assert.equal(inControl(key, 'assignment.json'), true, 'the key is on disk before it is said');
    bench.state.gives = true;
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.equal(takesOf(key).length, 1, 'always under one key');
  });

  test('killed after it has asked: the next agent asks under the same key', async () => {
    bench.state.gives = false;
    const key = bench.assign(command);
    const agent = bench.spawnAgent();
    await until('it to be asked for', () => takesOf(key).length > 0);
    await agent.kill();
    bench.startAgent();
    await someSyncs();
    assert.equal(isTouched(key), false);
    bench.state.gives = true;
    assert.equal((await bench.end(key)).exit?.code, 0);
    assert.equal(takesOf(key).length, 1);
  });

  test('killed when it was given, before it heard: the next agent knows its key again, and begins', async () => {
    bench.state.gives = false;
    const key = bench.assign(command);
    const agent = bench.spawnAgent();
    const [said = ''] = await until('it to be asked for', () => takesOf(key).length > 0 && takesOf(key));
    await agent.kill();
    bench.take(key, said.split(' ')[1] ?? '');
    bench.startAgent();
    assert.equal((await bench.end(key)).exit?.code, 0);
  });

  test('taken back while it asks: it is not begun, then or later', async () => {
    bench.state.gives = false;
    const key = bench.assign(command);
    bench.startAgent();
    await until('it to be asked for', () => takesOf(key).length > 0);
    bench.state.gives = true;
    bench.assignments.delete(key);
    await until('its folder to go', () => !existsSync(bench.folder(key)));
    assert.equal(existsSync(join(bench.folder(key), '../output')), false, 'nothing ever ran');
    assert.equal(bench.ends.has(key), false, 'it is nobody’s end any more');
  });

  test('stopped while it asks: it ends as stopped', async () => {
    bench.state.gives = false;
    const key = bench.assign(command);
    bench.startAgent();
    await until('it to be asked for', () => takesOf(key).length > 0);
    bench.stop(key, 'preempt');
    const { exit } = await bench.end(key);
    assert.deepEqual([exit?.code, exit?.stopped], [null, 'preempt']);
  });

  test('under a key that this machine does not have: it is lost, and not begun a second time', async () => {
    const key = bench.assign(command, { taken: 'somebody-elses' });
    bench.startAgent();
    const { state, reason } = await bench.end(key);
    assert.equal(state, 'lost');
    assert.match(reason ?? '', /knows nothing of having taken it/);
    assert.equal(isTouched(key), false);
  });

  const before: [name: string, taken: string | undefined][] = [
    ['a service from before there were keys', undefined],
    ['an attempt from before there were keys', ''],
  ];
  for (const [name, taken] of before)
    test(`${name}: it is begun at once`, async () => {
      const key = bench.assign(command, { taken });
      bench.startAgent();
      assert.equal((await bench.end(key)).exit?.code, 0);
      assert.deepEqual(takesOf(key), []);
    });

  test('asking does not wait for the next look', async () => {
    // Assigned before the agent begins: from its first look on, only the bell makes it quick.
    const key = bench.assign(command);
    bench.startAgent({ intervalMs: 60_000 });
    await until('it to be launched', () => inControl(key, 'launched'));
  });
});
