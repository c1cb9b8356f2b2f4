import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fixture } from './fixture.ts';

const run = promisify(execFile);
const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com', '-c', 'credential.helper='];

async function checkout(t: Parameters<typeof fixture>[0], options = {}) {
  const made = await fixture(t, options);
  const folder = await mkdtemp(path.join(tmpdir(), 'clone-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const git = async (...args: string[]) =>
    (
      await run('git', [...identity, ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' },
      })
    ).stdout.trim();
  const url = (password: string) =>
    made.repo.cloneUrl.replace('http://', password ? `http://x-access-token:${password}@` : 'http://');
  return { ...made, git, url };
}

const rows: [name: string, isPrivate: boolean, password: 'right' | 'wrong' | 'none', works: boolean][] = [
  ['a private one with a token', true, 'right', true],
  ['a private one with another', true, 'wrong', false],
  ['a private one without', true, 'none', false],
  ['a public one without', false, 'none', true],
  ['a public one with another, which Git keeps to itself until it is asked', false, 'wrong', true],
];
for (const [name, isPrivate, password, works] of rows)
  test(`${name}: ${works ? 'cloned' : 'refused'}`, async t => {
    const { github, repo, git, url } = await checkout(t, { private: isPrivate });
    const passwords = { right: github.issue(repo.installation), wrong: 'ghs_wrong', none: '' };
    const cloned = git('clone', '-q', url(passwords[password]), '.').then(
      () => true,
      () => false,
    );
    assert.equal(await cloned, works);
  });

test('a commit of a pull request is fetched by its name alone, after its branch moved on', async t => {
  const { github, repo, git, url } = await checkout(t, { private: true });
  const fork = await repo.fork('monalisa');
  const sha = await fork.push({ by: 'monalisa', branch: 'b', files: { a: '1' } });
  await repo.open({ by: 'monalisa', from: { fork, branch: 'b' } });
  await fork.forcePush({ by: 'monalisa', branch: 'b', files: { a: '2' } });
  await git('init', '-q');
  await git('fetch', '-q', '--depth=1', url(github.issue(repo.installation)), sha);
  assert.equal(await git('rev-parse', 'FETCH_HEAD'), sha);
});

test('what the app pushes is told, and needs the right', async t => {
  const { github, repo, git, url, heard } = await checkout(t);
  const there = url(github.issue(repo.installation));
  await git('clone', '-q', there, '.');
  await git('commit', '-q', '--allow-empty', '-m', 'x');
  await git('push', '-q', there, 'HEAD:refs/heads/b');
  await github.deliveries.settled();
  assert.deepEqual(heard.names(), ['push']);
  assert.equal(heard.all[0]?.payload.after, await repo.head('b'));
  await assert.rejects(git('push', '-q', there, 'HEAD:refs/pull/1/head'), /hidden ref/);
  github.installations.grant(repo.installation, { contents: 'read' });
  await assert.rejects(git('push', '-q', there, 'HEAD:refs/heads/c'), /403/);
  await repo.rename('hubot', 'numbers');
  await git('fetch', '-q', there);
});
