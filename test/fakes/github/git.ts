import { execFile, spawn } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { User } from './world.ts';

const run = promisify(execFile);

/** Nobody's own settings get in. */
const plain = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  LC_ALL: 'C',
};

export interface Signature {
  user: User;
  /** Milliseconds since 1970. */
  at: number;
}

const emailOf = ({ id, login }: User) => `${id}+${login}@users.noreply.github.com`;

function identity({ user, at }: Signature): Record<string, string> {
  const date = `${Math.floor(at / 1000)} +0000`;
  const [name, email] = [user.login, emailOf(user)];
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
}

/** Git in a repository. Throws what Git said. */
export async function git(
  dir: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { stdout } = await run('git', args, {
    cwd: dir,
    env: { ...plain, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.replace(/\n$/, '');
}

/** A file's bytes. */
export async function blob(dir: string, id: string): Promise<Buffer> {
  const options = { cwd: dir, env: plain, maxBuffer: 100 * 1024 * 1024, encoding: 'buffer' as const };
  return (await run('git', ['cat-file', 'blob', id], options)).stdout;
}

/** What Git says, null where it says no. */
export async function gitOrNull(dir: string, args: readonly string[]): Promise<string | null> {
  return await git(dir, args).catch(() => null);
}

/**
 * A commit can be fetched by its name alone, and parts can be left out, as at GitHub, which keeps `refs/pull` for itself. One write: Git
 * would be started once for each line.
 */
const settings = `[http]
\treceivepack = true
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
[receive]
\thideRefs = refs/pull
[gc]
\tauto = 0
`;

export async function initBare(dir: string, branch: string): Promise<void> {
  await run('git', ['init', '-q', '--bare', `--initial-branch=${branch}`, dir], { env: plain });
  await appendFile(path.join(dir, 'config'), settings);
}

export interface NewCommit {
  by: Signature;
  ref: string;
  message: string;
  /** Left out: the first commit. */
  parent: string | null;
  /** `null` removes the file. */
  files: Record<string, string | Uint8Array | null>;
}

/** A commit at the tip of a ref, wherever the ref was. Its name. */
export async function commit(dir: string, { by, ref, message, parent, files }: NewCommit): Promise<string> {
  const who = `${by.user.login} <${emailOf(by.user)}> ${Math.floor(by.at / 1000)} +0000`;
  const data = (content: string | Uint8Array) => [`data ${Buffer.byteLength(content)}\n`, content, '\n'];
  const changes = Object.entries(files).flatMap(([file, content]) =>
    content === null ? [`D ${file}\n`] : [`M 100644 inline ${file}\n`, ...data(content)],
  );
  const from = parent === null ? '' : `from ${parent}\n`;
  const head = `reset ${ref}\n\ncommit ${ref}\nauthor ${who}\ncommitter ${who}\n`;
  const parts = [head, ...data(message), from, ...changes, '\ndone\n'];
  const stream = Buffer.concat(parts.map(part => Buffer.from(part)));
  await fed(dir, ['fast-import', '--quiet', '--force', '--done', '--date-format=raw'], stream);
  return await git(dir, ['rev-parse', ref]);
}

async function fed(dir: string, args: readonly string[], input: Buffer): Promise<void> {
  const child = spawn('git', args, { cwd: dir, env: plain, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => {}).end(input);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`git ${args[0]}: ${said}`);
}

/** The tree of both together, null where they are in conflict. */
async function mergedTree(dir: string, base: string, head: string): Promise<string | null> {
  const said = await gitOrNull(dir, ['merge-tree', '--write-tree', base, head]);
  return said?.split('\n')[0] ?? null;
}

/** A merge commit that no ref points to yet, null where there is a conflict. */
export async function mergeCommit(
  dir: string,
  by: Signature,
  base: string,
  head: string,
  message: string,
): Promise<string | null> {
  const tree = await mergedTree(dir, base, head);
  if (tree === null) return null;
  return await git(dir, ['commit-tree', tree, '-p', base, '-p', head, '-m', message], identity(by));
}

export async function squashCommit(
  dir: string,
  by: Signature,
  base: string,
  head: string,
  message: string,
): Promise<string | null> {
  const tree = await mergedTree(dir, base, head);
  return tree === null
    ? null
    : await git(dir, ['commit-tree', tree, '-p', base, '-m', message], identity(by));
}

/** The commits of head, made anew on top of base. GitHub makes them anew even where nothing would have to change. */
export async function rebased(
  dir: string,
  by: Signature,
  base: string,
  head: string,
): Promise<string | null> {
  const tree = await mkdtemp(path.join(tmpdir(), 'github-rebase-'));
  try {
    await git(dir, ['worktree', 'add', '--quiet', '--detach', '--force', tree, base]);
    const since = await git(dir, ['merge-base', base, head]);
    await git(tree, ['cherry-pick', `${since}..${head}`], identity(by));
    return await git(tree, ['rev-parse', 'HEAD']);
  } catch {
    return null;
  } finally {
    await rm(tree, { recursive: true, force: true });
    await git(dir, ['worktree', 'prune']);
  }
}

export const zeros = '0'.repeat(40);

/** Name of the commit that a full ref points to. */
export async function refAt(dir: string, ref: string): Promise<string | null> {
  return await gitOrNull(dir, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
}

export async function setRef(dir: string, ref: string, sha: string): Promise<void> {
  await git(dir, ['update-ref', ref, sha]);
}

/** As the API understands a `ref`: branch, tag, `heads/x`, or a commit's name of at least seven digits. */
export async function resolve(dir: string, ref: string): Promise<string | null> {
  const name = ref.replace(/^refs\//, '');
  for (const full of [`refs/${name}`, `refs/heads/${name}`, `refs/tags/${name}`]) {
    const found = await refAt(dir, full);
    if (found !== null) return found;
  }
  return /^[0-9a-f]{7,40}$/i.test(ref) ? await refAt(dir, ref) : null;
}

export async function branches(dir: string): Promise<Map<string, string>> {
  const said = await git(dir, [
    'for-each-ref',
    '--format=%(refname) %(objectname)',
    'refs/heads',
    'refs/tags',
  ]);
  return new Map(
    said
      .split('\n')
      .filter(Boolean)
      .map(line => {
        const [name = '', sha = ''] = line.split(' ');
        return [name, sha];
      }),
  );
}

export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: { name: string; email: string; date: string };
  committer: { name: string; email: string; date: string };
  message: string;
}

const format = ['%H', '%T', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%B'].join('%x1f');

/** `git log` of a range or a commit, newest first. */
export async function log(dir: string, args: readonly string[]): Promise<Commit[]> {
  const said = await git(dir, ['log', `--format=${format}%x1e`, ...args, '--']);
  return said
    .split('\x1e')
    .map(one => one.replace(/^\n/, ''))
    .filter(Boolean)
    .map(one => {
      const [
        sha = '',
        tree = '',
        parents = '',
        an = '',
        ae = '',
        ad = '',
        cn = '',
        ce = '',
        cd = '',
        text = '',
      ] = one.split('\x1f');
      return {
        sha,
        tree,
        parents: parents.split(' ').filter(Boolean),
        author: { name: an, email: ae, date: utc(ad) },
        committer: { name: cn, email: ce, date: utc(cd) },
        message: text.trimEnd(),
      };
    });
}

const utc = (date: string) => new Date(date).toISOString().replace(/\.\d+Z$/, 'Z');

export interface Change {
  status: 'added' | 'removed' | 'modified' | 'renamed';
  file: string;
  from: string | null;
  sha: string;
  added: number;
  deleted: number;
}

const empty = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** What is different between two commits; `from` null: everything. */
export async function changes(dir: string, from: string | null, to: string): Promise<Change[]> {
  const [raw, counts] = [
    await git(dir, ['diff-tree', '-r', '-M', '-z', '--raw', '--no-abbrev', from ?? empty, to]),
    await git(dir, ['diff-tree', '-r', '-M', '--numstat', from ?? empty, to]),
  ];
  const numbers = counts
    .split('\n')
    .filter(Boolean)
    .map(line => line.split('\t'));
  const parts = raw.split('\0').filter(Boolean);
  const found: Change[] = [];
  for (let at = 0; at < parts.length; ) {
    const [, , before = '', after = '', letter = ''] = (parts[at] ?? '').split(' ');
    const renamed = letter.startsWith('R');
    const first = parts[at + 1] ?? '';
    const file = renamed ? (parts[at + 2] ?? '') : first;
    const [added, deleted] = numbers[found.length] ?? [];
    const status = renamed ? 'renamed' : letter === 'A' ? 'added' : letter === 'D' ? 'removed' : 'modified';
    found.push({
      status,
      file,
      from: renamed ? first : null,
      sha: status === 'removed' ? before : after,
      added: Number(added) || 0,
      deleted: Number(deleted) || 0,
    });
    at += renamed ? 3 : 2;
  }
  return found;
}

export async function isAncestor(dir: string, old: string, now: string): Promise<boolean> {
  return (await gitOrNull(dir, ['merge-base', '--is-ancestor', old, now])) !== null;
}
