import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { baselineWish, mayBeBaseline, whereOf } from '../../src/core/baseline.ts';
import type { Run, RunSpec } from '../../src/core/run.ts';
import { later, liveRun } from '../support/live-run.ts';

const pull = { repo: 7, number: 17, base: 'main' };
const ofPull: Partial<RunSpec> = { trigger: 'pull-request', ref: 'wider', pull };
const atPull = {
  kind: 'github',
  installation: 1,
  repo: 7,
  name: 'octo-org/digits',
  issue: 17,
  pull: true,
  user: 'octocat',
} as const;

function run(spec: Partial<RunSpec>, changes: Partial<Run> = {}): Run {
  return liveRun({ number: 42, ...changes }, spec);
}

describe('what a run is to be held against', () => {
  const main = { kind: 'base', branch: 'main' };
  const previous = { kind: 'previous' };
  const rows: [name: string, spec: Partial<RunSpec>, wish: unknown][] = [
    ['a run of a pull request: the branch that goes to', ofPull, main],
    ['the same where the project says so', { ...ofPull, compare: 'base' }, main],
    ['the previous one where the project says so', { ...ofPull, compare: 'previous' }, previous],
    ['of a pull request from before its base was kept', { trigger: 'pull-request', ref: 'wider' }, previous],
    ['what a merge brought: the branch it came to', { trigger: 'merge', ref: 'main' }, main],
    ['the same, against the previous one', { trigger: 'merge', ref: 'main', compare: 'previous' }, previous],
    ['asked for by hand', { trigger: 'command', ref: 'main' }, previous],
    ['asked for by hand, which goes to no branch', { trigger: 'command', compare: 'base' }, previous],
    ['by the API', { trigger: 'api' }, previous],
    ['a lease', { kind: 'lease' }, null],
  ];
  for (const [name, spec, wish] of rows)
    test(name, () => {
      assert.deepEqual(baselineWish(run(spec)), wish);
    });
});

describe('what may be the baseline', () => {
  const ended = { number: 38, state: 'succeeded', endedAt: later(100) } as const;
  const merged: Partial<RunSpec> = { trigger: 'merge', ref: 'main' };
  const own = run(ofPull);
  const rows: [name: string, held: Run, other: Run, may: 'yes' | 'no' | 'ask'][] = [
    ['a merge into its base', own, run(merged, ended), 'yes'],
    ['a newer one than the run itself', own, run(merged, { ...ended, number: 50 }), 'yes'],
    ['one asked for by the name of its base', own, run({ ref: 'main' }, ended), 'yes'],
    ['one of the API by that name', own, run({ ref: 'main', trigger: 'api' }, ended), 'yes'],
    ['one asked for by another name', own, run({ ref: 'HEAD' }, ended), 'ask'],
    ['one asked for by its commit', own, run({ ref: 'a'.repeat(40) }, ended), 'ask'],
    ['a merge into another branch', own, run({ ...merged, ref: 'release' }, ended), 'no'],
    ['a folder that is not in Git', own, run({ ref: 'HEAD', sha: 'sha256:0' }, ended), 'no'],
    ['itself', { ...own, ...ended }, { ...own, ...ended }, 'no'],
    ['one that failed', own, run(merged, { ...ended, state: 'failed' }), 'no'],
    ['one that runs', own, run(merged, { ...ended, state: 'running' }), 'no'],
    ['a lease', own, run({ ...merged, kind: 'lease' }, ended), 'no'],
    ['of another project', own, run({ ...merged, project: 'others' }, ended), 'no'],
    ['another run of the same pull request', own, run(ofPull, ended), 'no'],
    ['a run of another pull request', own, run({ ...ofPull, pull: { ...pull, number: 18 } }, ended), 'no'],
    [
      'a run of a pull request whose branch has the name of the base',
      own,
      run({ ...ofPull, ref: 'main' }, ended),
      'no',
    ],
    [
      'what ended after it',
      { ...own, state: 'succeeded', endedAt: later(99) },
      run(merged, { ...ended, number: 50 }),
      'no',
    ],
    [
      'what ended when it did',
      { ...own, state: 'succeeded', endedAt: later(100) },
      run(merged, ended),
      'yes',
    ],
    ['of one by hand: the one before', run({}), run({}, ended), 'yes'],
    ['of one by hand: a merge before', run({}), run(merged, ended), 'yes'],
    ['of one by hand: one after it', run({}), run({}, { ...ended, number: 43 }), 'no'],
    ['of one by hand: a run of a pull request', run({}), run(ofPull, ended), 'no'],
    [
      'the one before in the same pull request',
      run({ ...ofPull, compare: 'previous' }),
      run(ofPull, ended),
      'yes',
    ],
    [
      'the one before in another pull request',
      run({ ...ofPull, compare: 'previous' }),
      run({ ...ofPull, pull: { ...pull, number: 18 } }, ended),
      'no',
    ],
    [
      'the one before in a pull request of that number elsewhere',
      run({ ...ofPull, compare: 'previous' }),
      run({ ...ofPull, pull: { ...pull, repo: 8 } }, ended),
      'no',
    ],
    [
      'of the same pull request, from before that was kept',
      run({ ...ofPull, compare: 'previous' }),
      run({ trigger: 'pull-request' }, { ...ended, place: atPull }),
      'yes',
    ],
  ];
  for (const [name, held, other, may] of rows)
    test(`${name}: ${may}`, () => {
      const wish = baselineWish(held);
      assert.ok(wish);
      assert.equal(mayBeBaseline(held, wish, other), may);
    });
});

test('where a baseline stands is said where it is known', () => {
  const words = (spec: Partial<RunSpec>) => whereOf({ kind: 'previous' }, run(spec));
  assert.equal(whereOf({ kind: 'base', branch: 'main' }, run({ ref: 'HEAD' })), ' on main');
  assert.equal(words({ ref: 'main' }), ' on main');
  assert.equal(words({ ref: 'HEAD' }), '');
  assert.equal(words({ ref: 'aaaaaaa' }), '');
  assert.equal(words(ofPull), '');
});
