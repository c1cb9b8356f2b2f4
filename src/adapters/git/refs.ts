import type { Resolved } from '../../core/ports.ts';
import { git } from './run-git.ts';

const fullCommit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** From 4 digits on git reads hexadecimal digits as the beginning of a commit. */
const looksLikeCommit = /^[0-9a-f]{4,64}$/i;
const branchesShown = 20;

/**
 * The commit that a ref means in a repository (`--git-dir` or a work tree): `HEAD`, a branch, a tag, or a full commit. What could mean two
 * commits is refused, and so is everything that git would take for more than a name (`-x`, `a..b`, `@{1}`, `:/text`).
 */
export async function resolveRef(repository: string[], ref: string, head = 'HEAD'): Promise<Resolved> {
  const commitOf = async (name: string): Promise<string | null> => {
    const found = await git([...repository, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`]);
    return found.ok && fullCommit.test(found.out) ? found.out : null;
  };
  /** A commit that begins so, whatever else has that name. */
  const beginningOf = async (digits: string): Promise<string | null> => {
    const objects = await git([...repository, 'rev-parse', `--disambiguate=${digits.toLowerCase()}`]);
    for (const object of objects.ok ? objects.out.split('\n').slice(0, 20) : []) {
      const sha = fullCommit.test(object) ? await commitOf(object) : null;
      if (sha !== null) return sha;
    }
    return null;
  };
  const unknown = async (): Promise<Resolved> => ({
    ok: false,
    code: 'unknown',
    refs: await branchesOf(repository),
  });
  if (!isRefName(ref)) return unknown();
  if (ref === 'HEAD') {
    const sha = await commitOf(head);
    return sha === null ? unknown() : { ok: true, sha };
  }

  const places = ref.startsWith('refs/')
    ? [ref]
    : ['heads', 'tags', 'remotes'].map(kind => `refs/${kind}/${ref}`);
  const found = new Map<string, string>();
  for (const place of places) {
    const sha = await commitOf(place);
    if (sha !== null) found.set(place, sha);
  }
  if (looksLikeCommit.test(ref)) {
    const named = [...found.keys()][0];
    const commit = fullCommit.test(ref) ? await commitOf(ref) : await beginningOf(ref);
    if (named !== undefined && (ref.length >= 7 || commit !== null))
      return ambiguous(`It is ${inWords(named)} and looks like a commit.`);
    if (fullCommit.test(ref)) return commit === null ? unknown() : { ok: true, sha: ref };
    if (named === undefined && commit !== null)
      return ambiguous('It is the beginning of a commit, and others may begin so too.');
  }
  const commits = new Set(found.values());
  if (commits.size > 1) return ambiguous(`It is ${[...found.keys()].map(inWords).join(' and ')}.`);
  const [sha] = commits;
  return sha === undefined ? unknown() : { ok: true, sha };
}

async function branchesOf(repository: string[]): Promise<string[]> {
  const list = ['for-each-ref', `--count=${branchesShown}`, '--sort=-committerdate'];
  const found = await git([...repository, ...list, '--format=%(refname:lstrip=2)', 'refs/heads/']);
  return found.ok ? found.out.split('\n').filter(Boolean) : [];
}

/** git-check-ref-format(1), and no leading dash. */
function isRefName(ref: string): boolean {
  if (ref === '' || ref.length > 250 || /^[-/.]|[/.]$|\.lock$|\.\.|\/\/|\/\.|@\{|^@$/.test(ref)) return false;
  return !/[\p{Cc}\p{Cf}\p{Z}~^:?*[\]\\]/u.test(ref);
}

function ambiguous(reason: string): Resolved {
  return { ok: false, code: 'ambiguous', reason };
}

function inWords(place: string): string {
  const [, kind] = place.split('/');
  return kind === 'heads' ? 'a branch' : kind === 'tags' ? 'a tag' : 'a branch of a remote';
}
