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

  const { ok, run, messages, sharing, curve, pullRequest, promotion } = JSON.parse(out);
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
  assert.deepEqual(promotion, { version: 1, state: 'live', approvedBy: 'hubot', rolledBack: true });
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
    'hubot presses [Approve]',
    'nobody approves their own promotion',
    'P1: digits 1 to production is live',
    'P2: digits 2 to production was halted',
    'At 25 % of the requests its check gave 1, and < 5% must hold. Version 1 answers all requests again.',
  ])
    assert.ok(words.includes(told), `${told} is not in:\n${words}`);
  for (const untold of [
    'Not so',
    'P2: digits 2 to production is live',
    'Version null',
    'approved by octocat',
  ])
    assert.ok(!words.includes(untold), `${untold} is in:\n${words}`);
  // A curve of each run, the second behind the first.
  assert.match(words, /\| {3}#1 {2}[▁-█]{10,}/);
  assert.match(words, /\| {3}#9 +[▁-█]{5}\n.*\| {3}#8 \(main\) +[▁-█]{5}\n/);
  // A real image, before and after the bad one, by the same version.
  const reads = words.match(/ {2}Version 1 answers 200: \{"digit": \d, .*\n/g) ?? [];
  assert.equal(reads.length, 2, words);
  const [, digit] = /"digit": (\d)/.exec(reads[0] ?? '') ?? [];
  assert.match(words, new RegExp(`It is a ${digit}\\.`));
  assert.match(words, /\| Version 1: \d+ answers, \d+ right, 0 errors\n/);
  const [, answers, right, errors] = /Version 2: (\d+) answers, (\d+) right, (\d+) errors/.exec(words) ?? [];
  assert.deepEqual([errors, right], [answers, '0']);
  await leftNothing();
});

const interruptions: [while_: string, says: string][] = [
  ['it trains', 'is running'],
  ['a model serves', 'P1: digits 1 to production is live'],
];
for (const [while_, says] of interruptions)
  test(`interrupted while ${while_}, the demo leaves neither a process nor a folder`, { skip }, async t => {
    const { child, exited, interrupt, leftNothing } = await startDemo(t);
    const failed = text(child.stderr);
    let words = '';
    let interrupted = false;
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      words += chunk;
      if (interrupted || !words.includes(says)) continue;
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
