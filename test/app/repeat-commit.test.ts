import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeatCommit } from '../../src/app/repeat-commit.ts';
import type { GitHubPlace } from '../../src/core/actor.ts';
import type { Run } from '../../src/core/run.ts';
import { aRun } from '../support/a-run.ts';
import { spec } from '../support/run.ts';

const sha = 'a'.repeat(40);
const place: GitHubPlace = {
  kind: 'github',
  ...{ installation: 1, repo: 7, name: 'octo-org/digits', issue: 0, pull: false, user: 'octocat' },
};
const said = {
  ...{ kind: 'repeat' as const, key: 'github:abc', place, sha },
  actor: { kind: 'github' as const, id: 'octocat', name: 'octocat' },
  account: { id: 3, account: 'github:octocat' },
};
const pressed = new Date('2026-01-01T12:00:00Z');

const ended = (number: number, project: string, changes: Partial<Run> = {}) =>
  aRun({
    ...{ number, spec: spec({ project, sha }), state: 'failed' as const },
    place: { ...place, issue: 12, pull: true },
    createdAt: new Date(pressed.getTime() - 60_000),
    ...changes,
  });
const late = { createdAt: new Date(pressed.getTime() + 1_000) };

const rows: { name: string; runs: Run[]; keys: string[] }[] = [
  { name: 'nothing', runs: [], keys: [] },
  { name: 'the newest of a project', runs: [ended(4, 'a'), ended(2, 'a')], keys: ['github:abc:4'] },
  {
    name: 'each project',
    runs: [ended(4, 'a'), ended(2, 'b')],
    keys: ['github:abc:4', 'github:abc:2'],
  },
  { name: 'one at work', runs: [ended(4, 'a', { state: 'running' }), ended(2, 'a')], keys: [] },
  {
    name: 'told again after half of it was done: the same keys',
    runs: [ended(5, 'a', { ...late, state: 'queued' }), ended(4, 'a'), ended(2, 'b')],
    keys: ['github:abc:4', 'github:abc:2'],
  },
  {
    name: 'what was done has ended already: the same key',
    runs: [ended(5, 'a', late), ended(4, 'a')],
    keys: ['github:abc:4'],
  },
  {
    name: 'what serves or evaluates',
    runs: [ended(4, 'a', { spec: spec({ project: 'a', sha, kind: 'evaluate' }) })],
    keys: [],
  },
];
for (const { name, runs, keys } of rows)
  test(`all checks of a commit again: ${name}`, async () => {
    const wanted = await repeatCommit(said, { runs: { atCommit: async () => runs } }, pressed);
    assert.deepEqual(wanted?.intents.map(one => one.key) ?? [], keys);
    for (const one of wanted?.intents ?? []) assert.equal(one.place.kind === 'github' && one.place.issue, 12);
  });
