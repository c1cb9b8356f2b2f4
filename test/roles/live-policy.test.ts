import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { loadPolicy } from '../../src/files/policy-file.ts';
import { livePolicy } from '../../src/roles/live-policy.ts';
import { recordingLog } from '../conformance/wakeups.ts';

const role = (name: string) => `people: [{ slack: T1/U1, name: Octocat, role: ${name} }]\n`;

function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-policy-'));
  const file = join(folder, 'signalbox.yml');
  writeFileSync(file, role('trainer'));
  const config = loadConfig({ SIGNALBOX_CONFIG: file });
  const log = recordingLog();
  const live = livePolicy(config, loadPolicy(config), log);
  t.after(() => {
    live.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const changes: string[] = [];
  live.onChange(now => void changes.push(now.people[0]?.role ?? 'nobody'));
  return { folder, file, log, changes, now: () => live.current().people[0]?.role };
}

const readAgain = 'signalbox.yml was read again';

test('a person is removed: from the next look on they are gone', { timeout: 10_000 }, async t => {
  const { file, log, now } = open(t);
  assert.equal(now(), 'trainer');
  writeFileSync(file, role('none'));
  await log.until('info', readAgain);
  assert.equal(now(), 'none');
});

test('a link that leads to another file now, as in a container', { timeout: 10_000 }, async t => {
  const { folder, file, log, now } = open(t);
  writeFileSync(join(folder, 'next.yml'), role('operator'));
  symlinkSync('next.yml', join(folder, 'link'));
  renameSync(join(folder, 'link'), file);
  await log.until('info', readAgain);
  assert.equal(now(), 'operator');
});

test('a file that is not valid changes nothing, and the next valid one counts', {
  timeout: 10_000,
}, async t => {
  const { file, log, changes, now } = open(t);
  writeFileSync(file, role('boss'));
  await log.until('error', 'signalbox.yml is not valid, what it said before still holds');
  assert.equal(now(), 'trainer');
  writeFileSync(file, role('viewer'));
  await log.until('info', readAgain);
  assert.equal(now(), 'viewer');
  assert.deepEqual(changes, ['viewer']);
});
