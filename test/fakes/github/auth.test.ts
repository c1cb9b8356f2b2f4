import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { githubApp } from '../../../src/adapters/github/app.ts';
import { recordingLog } from '../../adapters/slack/support.ts';
import { startGitHub } from './fake.ts';
import { clientOf, fixture, refusal } from './fixture.ts';

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});

function jwt(key: string, head: object, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(head)}.${part(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key).toString('base64url')}`;
}

const usual = { alg: 'RS256', typ: 'JWT' };
const rows: [
  name: string,
  status: number,
  change: { iss?: unknown; iat?: number; exp?: number },
  head?: object,
][] = [
  ['ten minutes', 200, {}],
  ['a clock that is half a minute ahead', 200, { iat: 30, exp: 630 }],
  ['the id as text', 200, { iss: 'text' }],
  ['more than ten minutes', 401, { exp: 700 }],
  ['over', 401, { iat: -700, exp: -1 }],
  ['issued in two minutes', 401, { iat: 120, exp: 300 }],
  ['another app', 401, { iss: 1 }],
  ['no algorithm', 401, {}, { alg: 'none' }],
  ['another algorithm', 401, {}, { alg: 'HS256' }],
];
for (const [name, status, change, head = usual] of rows)
  test(`a token of the app: ${name}: ${status}`, async t => {
    const { github, clock } = await fixture(t);
    const now = Math.floor(clock.now() / 1000);
    const iss = change.iss === 'text' ? String(github.app.id) : (change.iss ?? github.app.id);
    const claims = { iss, iat: now + (change.iat ?? -60), exp: now + (change.exp ?? 540) };
    const ask = (key: string) =>
      fetch(`${github.apiUrl}/app`, {
        headers: { authorization: `Bearer ${jwt(key, head, claims)}`, 'user-agent': 'a-test' },
      });
    const answer = await ask(github.app.privateKey);
    assert.equal(answer.status, status);
    const said: unknown = await answer.json();
    if (status === 401) assert.deepEqual(Object.keys(said ?? {}), ['message', 'documentation_url', 'status']);
    assert.equal((await ask(stranger.toString())).status, 401, 'signed with another key');
  });

test('the adapter of the house gets in with its key', async t => {
  const github = await startGitHub({ secret: 'x' });
  t.after(() => github.close());
  const repo = await github.repo('octo-org/digits', { private: true });
  const app = githubApp({
    appId: String(github.app.id),
    privateKey: github.app.privateKey,
    apiUrl: github.apiUrl,
    clock: () => new Date(),
    log: recordingLog().log,
  });
  const ask = () =>
    app.inInstallation(repo.installation, async client => {
      const { data } = await client.rest.repos.get({ owner: 'octo-org', repo: 'digits' });
      return data.id;
    });
  assert.equal(await ask(), repo.id);
  assert.equal(await app.inOrg('octo-org', async () => 'in'), 'in');
  await ask();
  assert.equal(github.tokens().length, 1, 'one token is enough');
});

test('a token of an installation is good for an hour', async t => {
  const { clock, client, at } = await fixture(t);
  clock.advance(3_599_000);
  assert.equal((await client.rest.repos.get(at)).status, 200);
  clock.advance(1_000);
  assert.equal((await refusal(client.rest.repos.get(at))).status, 401);
});

const rights: [name: string, isPrivate: boolean, installed: boolean, read: number, write: number][] = [
  ['installed, public', false, true, 200, 201],
  ['installed, private', true, true, 200, 201],
  ['not installed, public', false, false, 200, 403],
  ['not installed, private', true, false, 404, 404],
];
for (const [name, isPrivate, installed, read, write] of rights)
  test(`${name}: reads ${read}, writes ${write}`, async t => {
    const { github, client, repo: other } = await fixture(t);
    const repo = await github.repo('octo-org/models', { private: isPrivate, installed });
    await repo.issue('octocat', 'A question');
    const at = { owner: 'octo-org', repo: 'models' };
    const status = (asked: Promise<{ status: number }>) =>
      asked.then(
        answer => answer.status,
        error => error.status,
      );
    assert.equal(await status(client.rest.repos.get(at)), read);
    assert.equal(
      await status(client.rest.issues.createComment({ ...at, issue_number: 1, body: 'x' })),
      write,
    );
    const nobody = clientOf(github, 0);
    assert.equal(await status(nobody.rest.repos.get(at)), isPrivate ? 404 : 200);
    assert.ok(other.installation > 0);
  });

test('a right that was taken away is gone from tokens that were given out', async t => {
  const { github, client, repo, at } = await fixture(t);
  await repo.issue('octocat', 'A question');
  const comment = () => client.rest.issues.createComment({ ...at, issue_number: 1, body: 'x' });
  assert.equal((await comment()).status, 201);
  github.installations.grant(repo.installation, { issues: 'read', pull_requests: 'read' });
  const error = await refusal(comment());
  assert.deepEqual(
    [error.status, error.message.split(' - ')[0]],
    [403, 'Resource not accessible by integration'],
  );
  assert.equal((await client.rest.issues.get({ ...at, issue_number: 1 })).status, 200);
  await github.installations.suspend(repo.installation);
  assert.equal((await refusal(client.rest.repos.get(at))).status, 403);
  await github.installations.uninstall(repo.installation || [...github.world.installations.keys()][0] || 0);
  assert.equal((await refusal(client.rest.repos.get(at))).status, 401);
});
