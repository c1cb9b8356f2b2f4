import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createGitSource } from '../../src/adapters/git/source.ts';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { repositoryStore } from '../../src/adapters/postgres/repositories.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { pullHeads } from '../../src/app/pull-head.ts';
import { type RepositoryPorts, repositoryChanged } from '../../src/app/repository-changed.ts';
import type { GitHubPlace } from '../../src/core/actor.ts';
import type { PullRequest } from '../../src/core/repository-event.ts';
import { parsePolicy } from '../../src/files/policy-file.ts';
import { readRepositoryFile } from '../../src/files/repository-file.ts';
import { githubPullRequest } from '../../webhooks/github-pull-request.ts';
import { githubPush } from '../../webhooks/github-push.ts';
import { gitDoor } from '../support/git-door.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { spec } from '../support/run.ts';

const skip = spawnSync('git', ['--version']).status === 0 ? false : 'git is not on the PATH';
const token = 'ghs_only-for-this-test';
const now = new Date('2026-01-02T00:00:00Z');

const policy = parsePolicy(
  `teams: { research: {} }
pools: { lab: {}, sandbox: { isolated: true } }
projects:
  digits: { team: research, github: Octo-Org/digits, command: [python3, train.py] }
  other: { team: research, github: octo-org/other, command: [python3, train.py] }
  kept: { team: research, github: octo-org/digits, command: [python3, train.py], cancelOnClose: false }
`,
  'signalbox.yml',
);

const file = `projects:
  digits: { command: [python3, train.py, '{lr}'], parameters: { lr: { type: number, default: 0.1 } } }
rules:
  always: { project: digits, on: { merge: { branches: [main, 'release/**'] } }, parameters: { lr: 0.3 } }
  model: { project: digits, on: { merge: { branches: [main], paths: ['model/**'] } }, priority: low }
  labelled: { project: digits, on: { merge: { branches: [main], labels: [Train] } } }
`;

describe('what happens in a repository', { skip }, () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-repository-')));
  const origin = join(root, 'octo-org', 'digits.git');
  const tree = join(root, 'tree');
  let server: TestServer;
  let database: Database;
  let door: Awaited<ReturnType<typeof gitDoor>>;
  let ports: RepositoryPorts;
  const pulls = new Map<number, PullRequest & { merged?: string }>();
  const lines: unknown[] = [];
  /** What could be seen of processes while one fetched. */
  const shown: string[] = [];

  const env = { PATH: process.env.PATH, HOME: root, GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...args: string[]) => {
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'push.default=nothing'];
    return execFileSync('git', ['-C', tree, ...who, ...args], {
      encoding: 'utf8',
      env,
      stdio: 'pipe',
    }).trim();
  };
  function commit(files: Record<string, string>): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    git('add', '-A');
    git('commit', '-q', '--allow-empty', '-m', 'change');
    return git('rev-parse', 'HEAD');
  }

  before(async () => {
    server = await startServer();
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
    mkdirSync(tree, { recursive: true });
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', origin], { env });
    // As GitHub: every commit is given out by its number.
    execFileSync('git', ['-C', origin, 'config', 'uploadpack.allowAnySHA1InWant', 'true'], { env });
    execFileSync('git', ['init', '-q', '-b', 'main', tree], { env });
    git('remote', 'add', 'origin', origin);
    commit({ '.signalbox.yml': file, 'train.py': 'pass' });
    git('push', '-q', 'origin', 'main');
    door = await gitDoor(root, token, () => {
      if (shown.length === 0) shown.push(...processes());
    });
    const write = (fields: object, message: string) => lines.push({ message, ...fields });
    const log = { debug: write, info: write, warn: write, error: write };
    ports = {
      repositories: repositoryStore(database.db),
      runs: runStore(database.db),
      source: createGitSource({
        cacheDir: join(root, 'cache'),
        log,
        github: async ({ id }) => ({
          key: String(id),
          open: async () => ({ url: `${door.url}/octo-org/digits.git`, token }),
        }),
      }),
      pullRequests: {
        get: async (_, number) => pulls.get(number) ?? null,
        mergedBy: async (_, sha) => [...pulls.values()].find(one => one.merged === sha) ?? null,
        review: async () => null,
      },
      readFile: readRepositoryFile,
      log,
    };
  });
  after(async () => {
    await door?.close();
    await database?.close();
    await server?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const told = (id = 7, name = 'octo-org/digits') => ({
    repository: { id, full_name: name, pushed_at: Date.parse('2026-01-01T12:00:00Z') / 1_000 },
    installation: { id: 1 },
    sender: { login: 'Octocat' },
  });

  async function hear(definition: typeof githubPush | typeof githubPullRequest, payload: object) {
    const said = definition.translate(payload);
    if (said.kind !== 'repository') return assert.equal(said.kind, 'ignore');
    await repositoryChanged(said.event, policy, ports, now);
  }

  let pullNumber = 0;
  /** A pull request that is merged in one of GitHub's three ways, with both deliveries that tell of it. */
  function merge(
    files: Record<string, string>[],
    {
      labels = [],
      how = 'merge',
      base = 'main',
    }: { labels?: string[]; how?: 'merge' | 'squash' | 'rebase'; base?: string } = {},
  ) {
    const number = ++pullNumber;
    git('checkout', '-q', base);
    const first = git('rev-parse', 'HEAD');
    git('checkout', '-q', '-b', `change-${number}`);
    for (const one of files) commit(one);
    const head = git('rev-parse', 'HEAD');
    git('checkout', '-q', base);
    if (how === 'merge') git('merge', '-q', '--no-ff', '-m', 'merge', head);
    if (how === 'squash') {
      git('merge', '-q', '--squash', head);
      git('commit', '-q', '-m', 'squash');
    }
    if (how === 'rebase') {
      // The same changes on a base that moved on, as other commits.
      git('cherry-pick', '--keep-redundant-commits', '-x', `${first}..${head}`);
      if (git('rev-parse', 'HEAD') === head) git('commit', '-q', '--amend', '-m', 'rebased');
    }
    const sha = git('rev-parse', 'HEAD');
    git('push', '-q', '-f', 'origin', base, `${head}:refs/pull/${number}/head`);
    pulls.set(number, {
      number,
      base: { branch: base, sha: first },
      head: { branch: `change-${number}`, sha: head, repo: 7 },
      labels,
      author: 'octocat',
      merged: sha,
    });
    const closed = {
      ...told(),
      action: 'closed',
      number,
      pull_request: {
        number,
        merged: true,
        merge_commit_sha: sha,
        closed_at: '2026-01-01T12:00:01Z',
        user: { login: 'octocat' },
        labels: labels.map(name => ({ name })),
        base: { ref: base, sha: first },
        head: { ref: `change-${number}`, sha: head, repo: { id: 7 } },
      },
    };
    const pushed = { ...told(), ref: `refs/heads/${base}`, before: first, after: sha, forced: false };
    return { sha, head, number, closed, pushed };
  }

  const rulesOf = async (sha: string) => {
    const runs = await runStore(database.db).list({ limit: 1_000 });
    return runs
      .filter(run => run.spec.sha === sha)
      .map(
        run => `${run.priority} ${run.spec.trigger} ${run.spec.ref} ${run.spec.command.slice(2).join(' ')}`,
      )
      .sort();
  };
  const always = 'normal merge main 0.3';
  const model = 'low merge main 0.1';
  const labelled = 'normal merge main 0.1';

  const orders: { name: string; tell: ('closed' | 'pushed')[] }[] = [
    { name: 'both deliveries', tell: ['closed', 'pushed'] },
    { name: 'in the other order', tell: ['pushed', 'closed'] },
    { name: 'each twice', tell: ['pushed', 'closed', 'pushed', 'closed'] },
    { name: 'only the pull request', tell: ['closed'] },
    { name: 'only the push', tell: ['pushed'] },
  ];
  for (const { name, tell } of orders)
    for (const how of ['merge', 'squash', 'rebase'] as const)
      test(`${how}, ${name}: one run for each rule`, async () => {
        const made = merge([{ 'model/net.py': `${name} ${how}` }, { 'docs.md': `${name} ${how}` }], {
          labels: ['train'],
          how,
        });
        for (const one of tell)
          await (one === 'closed' ? hear(githubPullRequest, made.closed) : hear(githubPush, made.pushed));
        assert.deepEqual(await rulesOf(made.sha), [model, labelled, always].sort());
      });

  test('both at once, several times', async () => {
    const made = merge([{ 'model/net.py': 'at once' }]);
    await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        i % 2 ? hear(githubPullRequest, made.closed) : hear(githubPush, made.pushed),
      ),
    );
    assert.deepEqual(await rulesOf(made.sha), [model, always]);
  });

  test('other paths and no label', async () => {
    const made = merge([{ 'docs.md': 'other paths' }], { labels: ['training'] });
    await hear(githubPush, made.pushed);
    await hear(githubPullRequest, made.closed);
    assert.deepEqual(await rulesOf(made.sha), [always]);
  });

  test('a run shows where it was merged, its source is this repository by its id', async () => {
    const made = merge([{ 'docs.md': 'place' }]);
    await hear(githubPush, made.pushed);
    const [run] = await runStore(database.db).list({ limit: 1 });
    assert.equal(run?.spec.source, 'github:octo-org/digits#7');
    assert.deepEqual(run?.requestedBy, { kind: 'github', id: 'octocat', name: 'Octocat' });
    assert.equal(run?.place.kind === 'github' && run.place.issue, made.number);
  });

  test('a push that is told before GitHub knows of the merge: the run moves to its pull request', async () => {
    const made = merge([{ 'docs.md': 'moves' }], { labels: ['train'] });
    const pull = pulls.get(made.number);
    assert.ok(pull);
    pulls.set(made.number, { ...pull, merged: 'not known yet' });
    await hear(githubPush, made.pushed);
    const [before] = await runStore(database.db).list({ limit: 1 });
    assert.deepEqual([before?.spec.sha, before?.place.kind], [made.sha, 'http']);
    await hear(githubPullRequest, made.closed);
    assert.deepEqual(await rulesOf(made.sha), [labelled, always].sort());
    const moved = await runStore(database.db).get(before?.number ?? 0);
    assert.equal(moved?.place.kind === 'github' && moved.place.issue, made.number);
    const { rows } = await database.pool.query('select kind from surfaces where run = $1 order by kind', [
      before?.number,
    ]);
    assert.deepEqual(
      rows.map(row => row.kind),
      ['check', 'run'],
    );
    // A repeat moves nothing, and one that shows elsewhere stays there.
    await hear(githubPullRequest, made.closed);
    await runStore(database.db).showAt(before?.number ?? 0, { kind: 'queue' });
    assert.deepEqual((await runStore(database.db).get(before?.number ?? 0))?.place, moved?.place);
  });

  test('a commit that GitHub tells of before it gives it out is tried again, and one that is gone is not', async () => {
    const made = merge([{ 'docs.md': 'too soon' }]);
    const at = Date.parse('2026-01-01T12:00:00Z');
    const without: RepositoryPorts = {
      ...ports,
      source: {
        ...ports.source,
        pin: async (source, sha) =>
          sha === made.sha || sha === made.head
            ? { ok: false, code: 'unknown', refs: [] }
            : await ports.source.pin(source, sha),
      },
    };
    const opened = {
      ...made.closed,
      action: 'opened',
      pull_request: { ...made.closed.pull_request, updated_at: '2026-01-01T12:00:00Z' },
    };
    for (const said of [
      githubPush.translate(made.pushed),
      githubPullRequest.translate(made.closed),
      githubPullRequest.translate(opened),
    ]) {
      assert.ok(said.kind === 'repository');
      const told = (minutes: number, looked?: true) =>
        repositoryChanged(
          { ...said.event, ...(looked ? { looked } : {}) },
          ...([policy, without, new Date(at + minutes * 60_000)] as const),
        );
      await assert.rejects(told(1), /GitHub has no commit [0-9a-f]{40} yet/);
      await told(11);
      await told(1, true);
    }
    // Where it is the head no more, nobody waits for it.
    const proposed = githubPullRequest.translate(opened);
    const pull = pulls.get(made.number);
    assert.ok(pull && proposed.kind === 'repository');
    for (const over of [{ head: { ...pull.head, sha: 'd'.repeat(40) } }, { isOpen: false }]) {
      pulls.set(made.number, { ...pull, ...over });
      await repositoryChanged(proposed.event, policy, without, new Date(at));
    }
    pulls.set(made.number, pull);
    assert.deepEqual(await rulesOf(made.sha), []);
    await hear(githubPush, made.pushed);
    assert.deepEqual(await rulesOf(made.sha), [always]);
  });

  test('closed without a merge starts nothing', async () => {
    const made = merge([{ 'docs.md': 'closed' }]);
    await hear(githubPullRequest, {
      ...made.closed,
      pull_request: { ...made.closed.pull_request, merged: false },
    });
    assert.deepEqual(await rulesOf(made.sha), []);
  });

  for (const [name, change] of [
    ['a branch that no rule names', { ref: 'refs/heads/develop' }],
    ['a tag named as a branch', { ref: 'refs/tags/main' }],
    ['a branch of the merge queue', { ref: 'refs/heads/gh-readonly-queue/main/pr-1' }],
    ['a branch that is gone', { after: '0'.repeat(40) }],
    ['a repository that took the name later', { repository: { ...told(8).repository } }],
    ['a repository that nobody names', { repository: { ...told(9, 'octo-org/else').repository } }],
    ['no installation', { installation: null }],
  ] as const)
    test(`${name} starts nothing`, async () => {
      const made = merge([{ 'model/net.py': name }]);
      await hear(githubPush, { ...made.pushed, ...change });
      assert.deepEqual(await rulesOf(made.sha), []);
    });

  test('the repository is the same under another name', async () => {
    const made = merge([{ 'docs.md': 'renamed' }]);
    await hear(githubPush, { ...made.pushed, repository: told(7, 'octo-org/numbers').repository });
    assert.deepEqual(await rulesOf(made.sha), [always]);
  });

  test('a branch named like a commit leads nobody astray', async () => {
    const made = merge([{ 'docs.md': 'the merged one' }]);
    git('checkout', '-q', '-b', 'astray');
    const other = commit({ 'docs.md': 'another' });
    git('push', '-q', 'origin', `${other}:refs/heads/${made.sha}`);
    git('checkout', '-q', 'main');
    await hear(githubPush, made.pushed);
    const [run] = await runStore(database.db).list({ limit: 1 });
    assert.equal(run?.spec.sha, made.sha);
    const text = await ports.source.file('github:octo-org/digits#7', made.sha, 'docs.md');
    assert.equal(await text?.text(), 'the merged one');
    git('push', '-q', 'origin', `:refs/heads/${made.sha}`);
  });

  test('a .signalbox.yml that is not valid starts nothing, and the next one does', async () => {
    const broken = merge([{ '.signalbox.yml': `${file}rule: {}\n` }]);
    await hear(githubPush, broken.pushed);
    assert.deepEqual(await rulesOf(broken.sha), []);
    const good = merge([{ '.signalbox.yml': file }]);
    await hear(githubPush, good.pushed);
    assert.deepEqual(await rulesOf(good.sha), [always]);
  });

  test('closing stops the runs of that pull request alone, where the project wants it', async () => {
    const made = merge([{ 'docs.md': 'stop' }]);
    const runs = runStore(database.db);
    const at = (issue: number): GitHubPlace => ({
      kind: 'github',
      ...{ installation: 1, repo: 7, name: 'octo-org/digits', issue, pull: true, user: 'octocat' },
      saidAt: '2026-01-01T12:00:00Z',
    });
    const ask = async (key: string, issue: number, changes: Parameters<typeof spec>[0] = {}) => {
      const wanted = spec({ trigger: 'pull-request', ...changes });
      const requestedBy = { kind: 'github', id: 'octocat', name: 'octocat' } as const;
      return (
        await runs.create({ key, spec: wanted, priority: 'normal', requestedBy, place: at(issue), at: now })
      ).run.number;
    };
    const own = await ask('own', made.number);
    const others = await ask('others', made.number + 1_000);
    const merged = await ask('merged', made.number, { trigger: 'merge' });
    const keeps = await ask('keeps', made.number, { project: 'kept' });
    await hear(githubPullRequest, {
      ...made.closed,
      pull_request: { ...made.closed.pull_request, merged: false },
    });
    const states = await Promise.all(
      [own, others, merged, keeps].map(async one => (await runs.get(one))?.state),
    );
    assert.deepEqual(states, ['cancelled', 'queued', 'queued', 'queued']);
  });

  describe('the head of a pull request', () => {
    const place = (issue: number, saidAt: string): GitHubPlace => ({
      kind: 'github',
      ...{ installation: 1, repo: 7, name: 'octo-org/digits', issue, pull: true, user: 'octocat', saidAt },
    });
    async function propose(fork: boolean) {
      const made = merge([{ 'train.py': `proposal ${pullNumber}`, '.signalbox.yml': 'rules: 1' }]);
      const pull = pulls.get(made.number);
      assert.ok(pull);
      const known = { ...pull, head: { ...pull.head, repo: fork ? 99 : 7 } };
      pulls.set(made.number, known);
      git('push', '-q', '-f', 'origin', `${pull.base.sha}:refs/heads/main`);
      git('reset', '-q', '--hard', pull.base.sha);
      const payload = (action: string, head: string, at: string, before?: string) => ({
        ...told(),
        ...{ action, number: made.number, ...(before ? { before } : {}) },
        pull_request: {
          ...made.closed.pull_request,
          head: { ref: pull.head.branch, sha: head, repo: { id: fork ? 99 : 7 } },
          updated_at: at,
        },
      });
      await hear(githubPullRequest, payload('opened', made.head, '2026-01-01T10:00:00Z'));
      return {
        ...made,
        async push(at: string): Promise<string> {
          git('checkout', '-q', `change-${made.number}`);
          const sha = commit({ 'train.py': `pushed ${at}` });
          git('push', '-q', '-f', 'origin', `${sha}:refs/pull/${made.number}/head`);
          git('checkout', '-q', 'main');
          pulls.set(made.number, { ...known, head: { ...known.head, sha } });
          await hear(githubPullRequest, payload('synchronize', sha, at, made.head));
          return sha;
        },
      };
    }
    const heads = () => pullHeads(ports);
    const shaAt = async (issue: number, saidAt: string, said: string | null = null) => {
      const found = await heads().at(place(issue, saidAt), said, policy);
      return found.ok ? found.sha : found.code;
    };

    test('is what was seen, also when something is pushed before the run starts', async () => {
      const made = await propose(false);
      const later = await made.push('2026-01-01T11:10:00Z');
      assert.equal(await shaAt(made.number, '2026-01-01T11:00:00Z'), made.head);
      assert.equal(await shaAt(made.number, '2026-01-01T11:20:00Z'), later);
      assert.equal(await shaAt(made.number, '2026-01-01T11:09:30Z'), 'HEAD_UNSURE');
      assert.equal(await shaAt(made.number, '2026-01-01T11:09:30Z', later.slice(0, 12)), later);
      assert.equal(await shaAt(made.number, '2026-01-01T11:09:30Z', made.head), 'HEAD_OTHER');
      assert.equal(await shaAt(made.number, '2026-01-01T11:09:30Z', 'main'), 'HEAD_OTHER');
    });

    test('the base branch says what is run, never the proposal', async () => {
      const made = await propose(false);
      const found = await heads().at(place(made.number, '2026-01-01T11:00:00Z'), null, policy);
      assert.ok(found.ok);
      assert.deepEqual(found.policy.projects.digits?.command, ['python3', 'train.py', '{lr}']);
      assert.deepEqual(Object.keys(found.policy.projects), ['digits', 'kept']);
    });

    test('of a fork it runs only once it is approved, and not after a push', async () => {
      const made = await propose(true);
      const by = { kind: 'github', id: 'hubot', name: 'hubot' } as const;
      const approve = async (said: string, saidAt: string) => {
        const found = await heads().approve(
          { place: place(made.number, saidAt), said, key: `${said} ${saidAt}`, by, role: 'trainer' },
          policy,
        );
        return found.ok ? found.sha : found.code;
      };
      assert.equal(await shaAt(made.number, '2026-01-01T11:00:00Z'), 'FORK_UNAPPROVED');
      assert.equal(await approve('abcdef1', '2026-01-01T11:00:00Z'), 'HEAD_OTHER');
      assert.equal(await approve(made.head.slice(0, 6), '2026-01-01T11:00:00Z'), 'HEAD_OTHER');
      assert.equal(await approve(made.head.slice(0, 10), '2026-01-01T11:00:00Z'), made.head);
      assert.equal(await shaAt(made.number, '2026-01-01T11:00:00Z'), made.head);
      const later = await made.push('2026-01-01T11:10:00Z');
      assert.equal(await shaAt(made.number, '2026-01-01T11:20:00Z'), 'FORK_UNAPPROVED');
      assert.equal(await approve(made.head, '2026-01-01T11:20:00Z'), 'HEAD_OTHER');
      // The approval was written before the push that it names was there.
      assert.equal(await approve(later, '2026-01-01T11:05:00Z'), 'HEAD_OTHER');
    });
  });

  describe('what is asked for elsewhere takes its command from the repository', () => {
    const commandOf = async (sha: string, proposed = false) => {
      const wish = { project: 'digits', source: 'github:octo-org/digits', sha, proposed };
      const said = await pullHeads(ports).commit(wish, policy);
      return said.ok ? said.policy.projects.digits?.command.at(-1) : [said.code, said.details.where];
    };
    const own = (word: string) =>
      file.replace("'{lr}'", `'{lr}', ${word}`).replace('parameters: { lr: 0.3 }', 'priority: low');
    function branchOff(branch: string, files: Record<string, string>) {
      git('checkout', '-q', '-B', branch, 'main');
      const sha = commit(files);
      git('push', '-q', '-f', 'origin', branch);
      git('checkout', '-q', 'main');
      return sha;
    }

    test('as it is at the commit where a trusted branch has it, else as the default branch has it', async () => {
      const older = git('rev-parse', 'main');
      const feature = branchOff('feature', { '.signalbox.yml': own('theirs') });
      const release = branchOff('release/1', { '.signalbox.yml': own('released') });
      const lookalike = branchOff('releases', { '.signalbox.yml': own('theirs') });
      const worse = branchOff('release/2', { '.signalbox.yml': 'rule: {}' });
      assert.equal(await commandOf(older), '{lr}');
      assert.equal(await commandOf(feature), '{lr}');
      assert.equal(await commandOf(lookalike), '{lr}');
      assert.equal(await commandOf(release), 'released');
      assert.equal(await commandOf(release, true), '{lr}');
      assert.deepEqual(await commandOf(worse), [
        'REPOSITORY_FILE_INVALID',
        `.signalbox.yml:1:1 at ${worse.slice(0, 7)}`,
      ]);
      git('checkout', '-q', 'main');
      const newer = commit({ '.signalbox.yml': own('newer') });
      git('push', '-q', 'origin', 'main');
      assert.equal(await commandOf(newer), 'newer');
      assert.equal(await commandOf(older), '{lr}');
      assert.equal(await commandOf(feature), 'newer');
      assert.equal(await commandOf(newer, true), 'newer');
      commit({ '.signalbox.yml': file });
      git('push', '-q', 'origin', 'main');
    });

    test('the default branch broken, and what it had before', async () => {
      const before = git('rev-parse', 'main');
      const feature = branchOff('other', { 'train.py': 'other' });
      commit({ '.signalbox.yml': 'rule: {}' });
      git('push', '-q', 'origin', 'main');
      assert.deepEqual(await commandOf(feature), [
        'REPOSITORY_FILE_INVALID',
        '.signalbox.yml:1:1 of the default branch',
      ]);
      assert.equal(await commandOf(before), '{lr}');
      commit({ '.signalbox.yml': file });
      git('push', '-q', 'origin', 'main');
    });

    test('a link is not followed, and a file that is not there changes nothing', async () => {
      git('checkout', '-q', '-B', 'release/link', 'main');
      rmSync(join(tree, '.signalbox.yml'));
      symlinkSync('train.py', join(tree, '.signalbox.yml'));
      const link = commit({});
      rmSync(join(tree, '.signalbox.yml'));
      const none = commit({});
      git('push', '-q', '-f', 'origin', 'release/link');
      git('checkout', '-q', 'main');
      assert.deepEqual(await commandOf(link), [
        'REPOSITORY_FILE_INVALID',
        `.signalbox.yml:1:1 at ${link.slice(0, 7)}`,
      ]);
      assert.equal(await commandOf(none), 'train.py');
    });
  });

  test('a file that is as it was is not read again', async () => {
    let reads = 0;
    const readFile: RepositoryPorts['readFile'] = (...said) => {
      reads += 1;
      return readRepositoryFile(...said);
    };
    const other = { ...policy };
    const told = async (made: ReturnType<typeof merge>) => {
      const said = githubPush.translate(made.pushed);
      assert.ok(said.kind === 'repository');
      await repositoryChanged(said.event, other, { ...ports, readFile }, now);
    };
    for (const text of ['one', 'two', 'three']) await told(merge([{ 'docs.md': text }]));
    assert.equal(reads, 1);
    await told(merge([{ '.signalbox.yml': `${file}# changed\n` }]));
    assert.equal(reads, 2);
    await told(merge([{ '.signalbox.yml': file }]));
    assert.equal(reads, 2);
  });

  test('the token is in no list of processes, log or mirror', async () => {
    assert.ok(door.asked.some(one => one.authorized));
    if (process.platform === 'linux') assert.ok(shown.some(text => text.includes('fetch')));
    assert.ok(!shown.some(text => text.includes(token)));
    assert.ok(!JSON.stringify(lines).includes(token));
    const found = spawnSync('grep', ['-r', '-l', token, join(root, 'cache')], { encoding: 'utf8' });
    assert.equal(found.stdout, '');
  });
});

/** The words and the environment of every other process, as far as they are to be seen. */
function processes(): string[] {
  if (process.platform !== 'linux') return [];
  const others = readdirSync('/proc').filter(name => /^\d+$/.test(name) && name !== String(process.pid));
  return others.flatMap(pid =>
    ['cmdline', 'environ'].flatMap(file => {
      try {
        return readFileSync(join('/proc', pid, file), 'utf8');
      } catch {
        // It is somebody else's, or has ended.
        return [];
      }
    }),
  );
}
