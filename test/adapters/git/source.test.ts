import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { withLock } from '../../../src/adapters/git/lock.ts';
import { createGitSource } from '../../../src/adapters/git/source.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { Resolved } from '../../../src/core/ports.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-source-')));
after(() => rmSync(root, { recursive: true, force: true }));
const skip = spawnSync('git', ['--version']).status === 0 ? false : 'git is not on the PATH';

const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const cacheDir = join(root, 'cache');
const source = createGitSource({ cacheDir, baseDir: root, log });

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Always the same commits, whatever the machine has configured; and not those of a hook that this may run in. */
const env = {
  PATH: process.env.PATH,
  HOME: root,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
};

function inRepo(repo: string, ...args: string[]): string {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.org'];
  return execFileSync('git', ['-C', join(root, repo), ...who, ...args], { encoding: 'utf8', env }).trim();
}

function newRepo(repo: string): void {
  mkdirSync(join(root, repo), { recursive: true });
  execFileSync('git', ['init', '--quiet', '-b', 'main', join(root, repo)], { env });
}

function commit(repo: string, message: string): string {
  inRepo(repo, 'add', '-A');
  inRepo(repo, 'commit', '--quiet', '--allow-empty', '-m', message);
  return inRepo(repo, 'rev-parse', 'HEAD');
}

/** The content of an archive by path; links as `-> target`. */
async function archived(of: string, sha: string): Promise<Record<string, string>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await source.archive(of, sha)) chunks.push(chunk);
  const folder = mkdtempSync(join(root, 'archive-'));
  execFileSync('tar', ['-x', '-C', folder, '-f', '-'], { input: Buffer.concat(chunks) });
  const list = execFileSync('find', ['.', '-type', 'f', '-o', '-type', 'l'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const names = list
    .split('\n')
    .filter(Boolean)
    .map(name => name.slice(2))
    .sort();
  return Object.fromEntries(names.map(name => [name, readFileSync(join(folder, name), 'utf8')]));
}

function shaOf(resolved: Resolved): string {
  assert.ok(resolved.ok, JSON.stringify(resolved));
  return resolved.sha;
}

describe('a folder in a Git repository', { skip }, () => {
  let first = '';
  let second = '';
  before(() => {
    newRepo('repo');
    write('repo/top', 'one\n');
    write('repo/digits/train.py', 'v1\n');
    write('repo/digits/left-out', 'still there\n');
    write('repo/.gitattributes', 'digits/left-out export-ignore\n');
    first = commit('repo', 'first');
    inRepo('repo', 'branch', 'old');
    inRepo('repo', 'branch', 'same');
    inRepo('repo', 'branch', 'alike');
    inRepo('repo', 'branch', 'feature/x.y');
    inRepo('repo', 'tag', 'alike');
    inRepo('repo', 'tag', '-a', 'v1', '-m', 'noted');
    inRepo('repo', 'branch', first.slice(0, 5));
    inRepo('repo', 'branch', 'deadbeef1');
    inRepo('repo', 'branch', 'cafe');
    write('repo/digits/train.py', 'v2\n');
    second = commit('repo', 'second');
    inRepo('repo', 'tag', 'same');
    inRepo('repo', 'update-ref', `refs/heads/${first}`, second);
    write('repo/digits/train.py', 'not committed\n');
  });

  test('refs', async () => {
    const rows: [ref: string, expected: string | { code: string; reason?: RegExp }][] = [
      ['HEAD', second],
      ['main', second],
      ['old', first],
      ['feature/x.y', first],
      ['v1', first],
      ['refs/heads/old', first],
      ['alike', first],
      ['cafe', first],
      [second, second],
      ['same', { code: 'ambiguous', reason: /a branch and a tag/ }],
      [first, { code: 'ambiguous', reason: /a branch and looks like a commit/ }],
      [first.slice(0, 5), { code: 'ambiguous', reason: /looks like a commit/ }],
      ['deadbeef1', { code: 'ambiguous', reason: /looks like a commit/ }],
      [second.slice(0, 10), { code: 'ambiguous', reason: /beginning of a commit/ }],
      [second.toUpperCase().slice(0, 10), { code: 'ambiguous', reason: /beginning of a commit/ }],
      ['0'.repeat(40), { code: 'unknown' }],
      ['mai', { code: 'unknown' }],
      ['no-such', { code: 'unknown' }],
      ['', { code: 'unknown' }],
      ['-h', { code: 'unknown' }],
      ['--output=/tmp/x', { code: 'unknown' }],
      ['main~1', { code: 'unknown' }],
      ['main^{tree}', { code: 'unknown' }],
      ['main:digits', { code: 'unknown' }],
      ['old..main', { code: 'unknown' }],
      ['@{1}', { code: 'unknown' }],
      [':/first', { code: 'unknown' }],
      ['main\n', { code: 'unknown' }],
      ['main ', { code: 'unknown' }],
      ['\u202emain', { code: 'unknown' }],
      ['$(touch x)', { code: 'unknown' }],
      ['../main', { code: 'unknown' }],
      ['x'.repeat(10_000), { code: 'unknown' }],
    ];
    for (const [ref, expected] of rows) {
      const resolved = await source.resolve('repo/digits', ref);
      if (typeof expected === 'string') assert.deepEqual(resolved, { ok: true, sha: expected }, ref);
      else {
        assert.equal(!resolved.ok && resolved.code, expected.code, `${ref}: ${JSON.stringify(resolved)}`);
        if (expected.reason) assert.match('reason' in resolved ? resolved.reason : '', expected.reason);
        if (!resolved.ok && resolved.code === 'unknown') assert.ok(resolved.refs.includes('main'));
      }
    }
  });

  test('is archived as it was at the commit, only that folder, with all its files', async () => {
    assert.deepEqual(await archived('repo/digits', first), {
      'train.py': 'v1\n',
      'left-out': 'still there\n',
    });
    assert.deepEqual(await archived('repo/digits', second), {
      'train.py': 'v2\n',
      'left-out': 'still there\n',
    });
    assert.deepEqual(Object.keys(await archived('repo', second)).sort(), [
      '.gitattributes',
      'digits/left-out',
      'digits/train.py',
      'top',
    ]);
  });

  test('a commit that is not there, and what is no commit, are refused', async () => {
    for (const sha of ['0'.repeat(40), 'main', '--output=x', 'HEAD', ''])
      await assert.rejects(source.archive('repo/digits', sha), (err: unknown) => {
        return err instanceof SignalboxError && err.fault.code === 'SOURCE_UNAVAILABLE';
      });
  });

  test('nothing that the repository configures is run', async () => {
    const mark = join(root, 'was-run');
    newRepo('evil');
    write('evil/file', 'x\n');
    write('evil/.gitattributes', 'file filter=evil\n');
    const sha = commit('evil', 'first');
    for (const key of [
      'filter.evil.smudge',
      'core.fsmonitor',
      'core.sshCommand',
      'tar.tar.command',
      'core.pager',
    ])
      inRepo('evil', 'config', key, `touch ${mark}; cat`);
    rmSync(mark, { force: true });
    assert.equal(shaOf(await source.resolve('evil', 'HEAD')), sha);
    assert.equal((await archived('evil', sha)).file, 'x\n');
    assert.equal(existsSync(mark), false);
  });

  test('what was never committed is taken as it is, under HEAD alone', async () => {
    newRepo('unborn');
    write('unborn/file', 'x\n');
    write('repo/new/file', 'y\n');
    for (const [folder, text] of [
      ['unborn', 'x\n'],
      ['repo/new', 'y\n'],
    ] as const) {
      const sha = shaOf(await source.resolve(folder, 'HEAD'));
      assert.match(sha, /^sha256:/);
      assert.deepEqual(await archived(folder, sha), { file: text });
      const named = await source.resolve(folder, 'main');
      assert.equal(named.ok, false);
    }
  });
});

describe('a plain folder', () => {
  before(() => {
    for (const [path, text] of Object.entries({
      'train.py': 'v1\n',
      'sub/data.csv': '1\n',
      '.git/config': 'secret',
      'node_modules/x/index.js': 'x',
      'sub/__pycache__/train.pyc': 'x',
    }))
      write(`plain/${path}`, text);
    symlinkSync('sub/data.csv', join(root, 'plain/link'));
  });

  test('is named for its content', async () => {
    const digest = async () => shaOf(await source.resolve('plain', 'HEAD'));
    const original = await digest();
    assert.match(original, /^sha256:[0-9a-f]{64}$/);
    const changes: [name: string, make: () => void, undo: () => void, same: boolean][] = [
      ['a time', () => utimesSync(join(root, 'plain/train.py'), 1, 1), quiet, true],
      ['what is left out', () => write('plain/.git/config', 'other'), quiet, true],
      ['content', () => write('plain/train.py', 'v2\n'), () => write('plain/train.py', 'v1\n'), false],
      ['a file more', () => write('plain/more', ''), () => rmSync(join(root, 'plain/more')), false],
      [
        'a mode',
        () => chmodSync(join(root, 'plain/train.py'), 0o755),
        () => chmodSync(join(root, 'plain/train.py'), 0o644),
        false,
      ],
    ];
    for (const [name, make, undo, same] of changes) {
      make();
      assert.equal((await digest()) === original, same, name);
      undo();
      assert.equal(await digest(), original, name);
    }
  });

  test('later changes change nothing of what was pinned', async () => {
    const sha = shaOf(await source.resolve('plain', 'HEAD'));
    write('plain/train.py', 'changed\n');
    assert.deepEqual(await archived('plain', sha), {
      'train.py': 'v1\n',
      'sub/data.csv': '1\n',
      link: '1\n',
    });
    write('plain/train.py', 'v1\n');
  });

  test('has no other refs, and must be there', async () => {
    assert.deepEqual(await source.resolve('plain', 'main'), { ok: false, code: 'unknown', refs: ['HEAD'] });
    const gone = await source.resolve('gone', 'HEAD');
    assert.match(!gone.ok && gone.code === 'unavailable' ? gone.reason : '', /does not exist/);
    await assert.rejects(source.archive('plain', `sha256:${'0'.repeat(64)}`), /no longer kept/);
  });
});

describe('one file', { skip }, () => {
  const textOf = async (of: string, sha: string, path: string) => {
    const file = await source.file(of, sha, path);
    return file?.isPlain ? await file.text() : file && 'no plain file';
  };
  const pinned = async (of: string) => {
    const found = await source.resolve(of, 'HEAD');
    assert.ok(found.ok);
    return found.sha;
  };
  const files = (folder: string) => {
    write(`${folder}/MODEL.md`, '# Before\n');
    write(`${folder}/docs/*.md`, 'a name with a star');
    write(`${folder}/large.md`, 'x'.repeat(1024 * 1024 + 1));
    write('secret.md', 'outside');
    symlinkSync('../../secret.md', join(root, folder, 'link.md'));
    symlinkSync('../..', join(root, folder, 'out'));
  };
  const rows: [path: string, text: string | null][] = [
    ['MODEL.md', '# Before'],
    ['docs/*.md', 'a name with a star'],
    ['docs/x.md', null],
    ['*.md', null],
    ['docs', 'no plain file'],
    ['link.md', 'no plain file'],
  ];

  test('of a folder in a repository, as it was at the commit', async () => {
    newRepo('filed');
    files('filed/part');
    commit('filed', 'first');
    const of = join(root, 'filed/part');
    const sha = await pinned(of);
    write('filed/part/MODEL.md', '# After\n');
    commit('filed', 'second');
    for (const [path, text] of rows) assert.equal(await textOf(of, sha, path), text, path);
    assert.equal(await textOf(of, sha, 'out/secret.md'), null);
    await assert.rejects(textOf(of, sha, 'large.md'), SignalboxError);
  });

  test('of a plain folder, as it was when it was pinned', async () => {
    files('plainly/part');
    const of = join(root, 'plainly/part');
    const sha = await pinned(of);
    write('plainly/part/MODEL.md', '# After\n');
    for (const [path, text] of rows) assert.equal((await textOf(of, sha, path))?.trim() ?? null, text, path);
    assert.notEqual(await textOf(of, sha, 'out/secret.md'), 'outside');
    await assert.rejects(textOf(of, sha, 'large.md'), SignalboxError);
    await assert.rejects(textOf(of, 'main', 'MODEL.md'), SignalboxError);
  });
});

describe('the URL of a Git repository', { skip }, () => {
  let url = '';
  let first = '';
  before(() => {
    newRepo('remote');
    write('remote/train.py', 'v1\n');
    first = commit('remote', 'first');
    inRepo('remote', 'tag', 'v1');
    url = `file://${join(root, 'remote')}`;
  });

  test('is fetched anew for a name, and what was pinned stays when its branch is rewritten', async () => {
    assert.equal(shaOf(await source.resolve(url, 'HEAD')), first);
    write('remote/train.py', 'v2\n');
    inRepo('remote', 'add', '-A');
    inRepo('remote', 'commit', '--quiet', '--amend', '-m', 'rewritten');
    inRepo('remote', 'tag', '-d', 'v1');
    const second = inRepo('remote', 'rev-parse', 'HEAD');
    assert.equal(shaOf(await source.resolve(url, 'main')), second);
    const gone = await source.resolve(url, 'v1');
    assert.deepEqual(gone, { ok: false, code: 'unknown', refs: ['main'] });
    assert.equal(shaOf(await source.resolve(url, first)), first);
    assert.deepEqual(await archived(url, first), { 'train.py': 'v1\n' });
    assert.deepEqual(await archived(url, second), { 'train.py': 'v2\n' });
  });

  test('locks that a killed git left do not last', async () => {
    write('remote/train.py', 'v3\n');
    const third = commit('remote', 'third');
    const mirror = execFileSync('find', [cacheDir, '-maxdepth', '1', '-name', '*.git'], { encoding: 'utf8' });
    for (const path of mirror.trim().split('\n')) writeFileSync(join(path, 'refs/heads/main.lock'), '');
    assert.equal(shaOf(await source.resolve(url, 'main')), third);
  });

  test('two processes at once', async () => {
    const fresh = join(root, 'cache-shared');
    const program = [
      `import { createGitSource } from ${JSON.stringify(join(import.meta.dirname, '../../../src/adapters/git/source.ts'))};`,
      'const log = { debug() {}, info() {}, warn: console.error, error: console.error };',
      `const source = createGitSource({ cacheDir: ${JSON.stringify(fresh)}, baseDir: '/', log });`,
      `const all = await Promise.all([1, 2, 3].map(() => source.resolve(${JSON.stringify(url)}, 'main')));`,
      "console.log(all.map(one => (one.ok ? one.sha : JSON.stringify(one))).join(' '));",
    ].join('\n');
    const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    const sha = inRepo('remote', 'rev-parse', 'HEAD');
    for (const { stdout } of await Promise.all([run(), run()]))
      assert.equal(stdout, `${sha} ${sha} ${sha}\n`);
  });

  test('a server that asks for a password, other protocols, and nobody there', async () => {
    const server = createServer((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const rows: [url: string, reason: RegExp][] = [
      [`http://127.0.0.1:${port}/x.git`, /transport 'http' not allowed/],
      ['ext::sh -c "touch /tmp/x"', /does not exist/],
      [`file://${join(root, 'nowhere')}`, /could not fetch/],
      ['https://user:hidden@127.0.0.1:1/x.git', /could not fetch it(?!.*hidden)/],
    ];
    for (const [from, reason] of rows) {
      const resolved = await source.resolve(from, 'main');
      assert.match(!resolved.ok && resolved.code === 'unavailable' ? resolved.reason : '', reason);
    }
    server.closeAllConnections();
    server.close();
  });

  test('an empty repository', async () => {
    newRepo('empty');
    const resolved = await source.resolve(`file://${join(root, 'empty')}`, 'main');
    assert.deepEqual(resolved, { ok: false, code: 'unknown', refs: [] });
  });
});

describe('a lock between processes', () => {
  test('one after the other; that of a dead process is taken', async () => {
    const path = join(root, 'some.lock');
    writeFileSync(path, 'of a process that is gone');
    utimesSync(path, 1, 1);
    const order: string[] = [];
    const work = (name: string) =>
      withLock(path, async () => {
        order.push(`${name} begins`);
        await new Promise(setImmediate);
        order.push(`${name} ends`);
      });
    await Promise.all([work('a'), work('b')]);
    assert.equal(order[0]?.[0], order[1]?.[0]);
    assert.equal(order.length, 4);
    assert.equal(existsSync(path), false);
  });
});
