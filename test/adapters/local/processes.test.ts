import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createOnce, readJson, writeDurable } from '../../../src/adapters/local/files.ts';
import { takeLock } from '../../../src/adapters/local/lock.ts';
import {
  hasEnvironment,
  identify,
  isAlive,
  listProcesses,
  listWithPs,
} from '../../../src/adapters/local/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'signalbox-processes-'));
after(() => rmSync(root, { recursive: true, force: true }));

describe('who is who', () => {
  const self = identify(process.pid);
  assert.ok(self);

  test('a process is known by its number, its start and the boot', () => {
    assert.equal(isAlive(self), true);
    assert.equal(isAlive({ ...self, start: '1' }), false);
    assert.equal(isAlive({ ...self, boot: 'another' }), false);
    assert.equal(isAlive({ ...self, pid: 2 ** 22 + 1 }), false);
  });

  test('one that has ended is not alive, also before it is collected', async () => {
    const child = spawn('sleep', ['300']);
    const identity = identify(child.pid ?? 0);
    assert.ok(identity && isAlive(identity));
    child.kill('SIGKILL');
    // No turn of the event loop, and so nobody collects it.
    while (isAlive(identity));
    await once(child, 'exit');
    assert.equal(isAlive(identity), false);
  });

  const skip = process.platform !== 'linux' && 'reads /proc';
  test('by its environment', { skip }, async () => {
    const child = spawn('sleep', ['300'], { env: { PATH: process.env.PATH, A: '1', B: 'x=y' } });
    const pid = child.pid ?? 0;
    const rows: [string[], boolean][] = [
      [['A=1'], true],
      [['A=1', 'B=x=y'], true],
      [['A=1', 'C=1'], false],
      [['A='], false],
      [['A=11'], false],
    ];
    for (const [entries, expected] of rows)
      assert.equal(hasEnvironment(pid, entries), expected, entries.join());
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(hasEnvironment(pid, ['A=1']), false);
  });

  test('/proc and ps show the same family', async () => {
    const child = spawn('sleep', ['300'], { detached: true });
    const of = (rows: ReturnType<typeof listProcesses>) => rows.find(row => row.pid === child.pid);
    const [one, other] = [of(listProcesses()), of(listWithPs(['-A']))];
    assert.equal(one?.group, child.pid);
    assert.equal(other?.group, child.pid);
    assert.match(other?.start ?? '', /^\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}$/);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});

describe('files that are there whole or not at all', () => {
  test('made once', () => {
    const path = join(root, 'once');
    assert.equal(createOnce(path, { by: 'first' }), true);
    assert.equal(createOnce(path, { by: 'second' }), false);
    assert.deepEqual(readJson(path), { by: 'first' });
  });

  test('replaced', () => {
    const path = join(root, 'replaced');
    writeDurable(path, [1]);
    writeDurable(path, [2]);
    assert.deepEqual(readJson(path), [2]);
    assert.deepEqual(
      readdirSync(root).filter(name => name.startsWith('replaced')),
      ['replaced'],
    );
  });

  test('absent or torn', () => {
    assert.equal(readJson(join(root, 'absent')), null);
    writeFileSync(join(root, 'torn'), '{"by"');
    assert.equal(readJson(join(root, 'torn')), null);
  });
});

describe('the lock of an agent', () => {
  let folders = 0;
  const folderWith = (content: string | null) => {
    const folder = mkdtempSync(join(root, `lock-${folders++}-`));
    if (content !== null) writeFileSync(join(folder, 'agent.lock'), content);
    return folder;
  };
  const self = identify(process.pid);
  const rows: [name: string, content: string | null, taken: boolean][] = [
    ['free', null, true],
    ['of a process that is gone', JSON.stringify({ ...self, pid: 2 ** 22 + 1 }), true],
    ['of a number that another process has now', JSON.stringify({ ...self, start: '1' }), true],
    ['of another boot', JSON.stringify({ ...self, boot: 'another' }), true],
    ['torn', '{"pid"', true],
    ['of one that lives', JSON.stringify(self), false],
  ];
  for (const [name, content, taken] of rows)
    test(name, () => {
      const folder = folderWith(content);
      if (!taken) return assert.throws(() => takeLock(folder, 'local'), /AGENT_RUNNING|Another agent/);
      const release = takeLock(folder, 'local');
      assert.equal(JSON.parse(readFileSync(join(folder, 'agent.lock'), 'utf8')).pid, process.pid);
      release();
      assert.deepEqual(readdirSync(folder), []);
    });

  test('a claim that a dead process left does not block it', () => {
    const gone = { ...self, pid: 2 ** 22 + 1 };
    const folder = folderWith(JSON.stringify(gone));
    writeFileSync(join(folder, `agent.lock.after-${gone.pid}-${gone.start}`), JSON.stringify(gone));
    takeLock(folder, 'local')();
    assert.deepEqual(readdirSync(folder), []);
  });
});
