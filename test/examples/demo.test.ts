import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH';

/** The demo in a process group of its own, as a terminal would start it, with a folder for all that it writes while it runs. */
async function startDemo(t: TestContext, ...words: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'demo-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, [join(root, 'examples/demo.ts'), ...words], {
    cwd: root,
    detached: true,
    env: { ...process.env, TMPDIR: folder },
  });
  return {
    child,
    exited: new Promise<number | null>(resolve => child.once('exit', resolve)),
    interrupt: () => process.kill(-(child.pid ?? 0), 'SIGINT'),
    async leftNothing() {
      assert.deepEqual(await readdir(folder), []);
      const processes = execFileSync('ps', ['-A', '-o', 'pid=,args=']).toString().split('\n');
      assert.deepEqual(
        processes.filter(line => line.includes(folder)),
        [],
      );
    },
  };
}

test('the demo ends by itself, with one line of JSON that says what happened, and tells it in words beside', {
  skip,
}, async t => {
  const { child, exited, leftNothing } = await startDemo(t, '--json');
  const [out, words, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  assert.equal(code, 0, words);
  assert.equal(out.trim().split('\n').length, 1, out);

  const { ok, run, messages, sharing, curve, pullRequest } = JSON.parse(out);
  assert.equal(ok, true, words);
  assert.deepEqual([run.number, run.state, messages], [1, 'succeeded', 2]);
  assert.ok(run.metrics.val_accuracy > 0.9, run.metrics.val_accuracy);
  assert.deepEqual(curve, { metric: 'val_accuracy', points: 25 });

  const { resumedFromStep, explained, ...rest } = sharing;
  assert.deepEqual(rest, { teams: 3, borrowed: 1, reclaimed: 1, preemptedBy: 7, rule: 'reclaim' });
  assert.ok(resumedFromStep > 0, resumedFromStep);
  assert.match(explained[0], /team vision holds 2 .*quota of 2/);
  assert.match(explained[1], /Stopped for #7: team nlp takes back slot/);

  assert.deepEqual(pullRequest, {
    ...{ run: 9, state: 'succeeded', against: 8, verdict: 'better' },
    ...{ mergeRun: 10, mergeState: 'succeeded' },
  });
  for (const told of [
    ...explained,
    `goes on from step ${resumedFromStep}`,
    'is running',
    '/train why 6',
    '/gpu',
    'signalbox chart 1',
    '/train digits -p lr=0.3',
    'Held against: #8 on main',
    'digits (run 9): success',
  ])
    assert.ok(words.includes(told), `${told} is not in:\n${words}`);
  // A curve of each run, the second behind the first.
  assert.match(words, /\| {3}#1 {2}[▁-█]{10,}/);
  assert.match(words, /\| {3}#9 +[▁-█]{5}\n.*\| {3}#8 \(main\) +[▁-█]{5}\n/);
  await leftNothing();
});

test('interrupted while it trains, the demo leaves neither a process nor a folder', { skip }, async t => {
  const { child, exited, interrupt, leftNothing } = await startDemo(t);
  const failed = text(child.stderr);
  let words = '';
  let interrupted = false;
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    words += chunk;
    if (interrupted || !words.includes('is running')) continue;
    interrupted = true;
    interrupt();
  }
  assert.deepEqual([await exited, await failed], [130, ''], words);
  assert.match(words, /Interrupted/);
  const url = /Ready after .* at (http:\S+)/.exec(words)?.[1];
  assert.ok(url, words);
  await assert.rejects(fetch(url));
  await leftNothing();
});
