import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Policy } from '../../src/core/project.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openGitHubTown } from './github-town.ts';

const files = { '.signalbox.yml': 'rules: {}\n', 'train.py': 'pass\n' };
type Town = Awaited<ReturnType<typeof openGitHubTown>>;

describe('a commit of a fork runs once somebody who may write there has approved it', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  async function propose(t: TestContext, role: 'read' | 'write' = 'read') {
    const roles = {
      octocat: 'write',
      hubot: role,
      boss: 'admin',
      keeper: 'maintain',
      helper: 'triage',
    } as const;
    const town = await openGitHubTown(t, server, {
      files,
      private: true,
      roles: { ...roles, reader: 'read' },
    });
    // Each row has its own people.
    town.said.policy.people = [];
    const fork = await town.repo.fork('hubot');
    const push = (text: string) =>
      fork.push({ by: 'hubot', branch: 'theirs', files: { 'train.py': `${text}\n` } });
    await push('theirs');
    const pull = await town.repo.open({ by: 'hubot', from: { fork, branch: 'theirs' } });
    await town.work();
    // Long enough before the comments that nobody doubts which head they mean.
    await town.database.pool.query("update github_pushes set at = at - interval '10 minutes'");
    const head = () => town.repo.pull(pull).pull.head.sha;
    const say = async (by: string, words: string) => {
      await town.repo.comment(by, pull, words);
      await town.work();
    };
    const approvals = async () => (await town.repositories.approvals(town.place.repo, pull)).length;
    return { town, pull, push, head, say, approvals };
  }

  const people = (role: 'approver' | 'none' | 'operator', login: string) => (policy: Policy) => {
    policy.people.push({ github: login, name: login, role, teams: [] });
  };
  const strict = (policy: Policy) => {
    if (policy.projects.digits) policy.projects.digits.forks = 'approver';
  };
  const rows: {
    name: string;
    by: string;
    ok: boolean;
    first?: (policy: Policy) => void;
    before?: (town: Town) => void;
    also?: (policy: Policy) => void;
  }[] = [
    { name: 'write', by: 'octocat', ok: true },
    { name: 'maintain', by: 'keeper', ok: true },
    { name: 'admin', by: 'boss', ok: true },
    { name: 'triage', by: 'helper', ok: false },
    { name: 'read', by: 'reader', ok: false },
    { name: 'none', by: 'stranger', ok: false },
    { name: 'its author, who may only read', by: 'hubot', ok: false },
    {
      name: 'write that was taken away since',
      by: 'octocat',
      ok: false,
      before: town => town.repo.permit('octocat', 'read'),
    },
    {
      name: 'write that was given since',
      by: 'reader',
      ok: true,
      before: town => town.repo.permit('reader', 'write'),
    },
    { name: 'an approver who may not write', by: 'reader', ok: false, first: people('approver', 'reader') },
    { name: 'an operator who may not write', by: 'reader', ok: false, first: people('operator', 'reader') },
    {
      name: 'write, of whom signalbox.yml says none',
      by: 'octocat',
      ok: false,
      first: people('none', 'octocat'),
    },
    {
      name: 'write, where nobody trains who is not named',
      by: 'octocat',
      ok: false,
      first: policy => {
        policy.defaultRole = 'viewer';
      },
    },
    { name: 'write, where the project wants approvers', by: 'octocat', ok: false, first: strict },
    {
      name: 'an approver with write, where the project wants approvers',
      by: 'octocat',
      ok: true,
      first: strict,
      also: people('approver', 'octocat'),
    },
    {
      name: 'an approver who may not write, where the project wants approvers',
      by: 'reader',
      ok: false,
      first: strict,
      also: people('approver', 'reader'),
    },
  ];
  for (const { name, by, ok, first, before, also } of rows)
    test(`${name}: ${ok ? 'may' : 'may not'}`, async t => {
      const { town, pull, head, say, approvals } = await propose(t);
      first?.(town.said.policy);
      also?.(town.said.policy);
      await town.repo.comment(by, pull, `/train approve ${head().slice(0, 12)}`);
      before?.(town);
      await town.work();
      assert.deepEqual(await town.refused(), ok ? [] : ['ACCESS_DENIED']);
      assert.equal(await approvals(), ok ? 1 : 0);
      assert.deepEqual(await town.refused(), ok ? [] : ['ACCESS_DENIED']);
      town.said.policy.people.push({ github: 'boss', name: 'boss', role: 'trainer', teams: [] });
      await say('boss', `/train digits --ref ${head()}`);
      const [run] = await town.runs.list({ limit: 1 });
      assert.equal(run?.spec.sha, ok ? head() : undefined);
    });

  test('what the others of a repository may, whoever approves may not by it', async t => {
    const { town, say } = await propose(t);
    await say('octocat', '/train approve 42');
    assert.deepEqual(await town.refused(), ['ACCESS_DENIED']);
  });

  test('a push makes it void, and what was approved before is not the head any more', async t => {
    const { town, push, head, say, approvals } = await propose(t);
    const old = head();
    await say('octocat', `/train approve ${old}`);
    await push('other');
    await town.work();
    await say('octocat', `/train digits --ref ${head()}`);
    await say('octocat', `/train digits --ref ${old}`);
    await say('octocat', `/train approve ${old}`);
    assert.equal(await approvals(), 1);
    assert.deepEqual((await town.refused()).sort(), ['FORK_UNAPPROVED', 'FORK_UNAPPROVED', 'HEAD_OTHER']);
    assert.deepEqual(await town.runs.list({ limit: 1 }), []);
  });

  test('too few digits, and what may be a run, are refused', async t => {
    const { town, head, say, approvals } = await propose(t);
    await say('octocat', `/train approve ${head().slice(0, 6)}`);
    await say('octocat', '/train approve 1234567');
    await say('octocat', `/train approve main`);
    assert.equal(await approvals(), 0);
    assert.equal((await town.refused()).length, 3);
  });
});
