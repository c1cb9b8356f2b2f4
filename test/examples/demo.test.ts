import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH';

test('the demo ends by itself, with one line of JSON that says what happened, and tells it in words beside', {
  skip,
}, async () => {
  const child = spawn(process.execPath, [join(root, 'examples/demo.ts'), '--json'], { cwd: root });
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve));
  const [out, words, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  assert.equal(code, 0, words);
  assert.equal(out.trim().split('\n').length, 1, out);

  const { ok, run, messages, sharing } = JSON.parse(out);
  assert.equal(ok, true, words);
  assert.deepEqual([run.number, run.state, messages], [1, 'succeeded', 2]);
  assert.ok(run.metrics.val_accuracy > 0.9, run.metrics.val_accuracy);

  const { resumedFromStep, explained, ...rest } = sharing;
  assert.deepEqual(rest, { teams: 3, borrowed: 1, reclaimed: 1, preemptedBy: 7, rule: 'reclaim' });
  assert.ok(resumedFromStep > 0, resumedFromStep);
  assert.match(explained[0], /team vision holds 2 .*quota of 2/);
  assert.match(explained[1], /Stopped for #7: team nlp takes back slot/);
  for (const told of [
    ...explained,
    `goes on from step ${resumedFromStep}`,
    'is running',
    '/train why 6',
    '/gpu',
  ])
    assert.ok(words.includes(told), `${told} is not in:\n${words}`);
});
