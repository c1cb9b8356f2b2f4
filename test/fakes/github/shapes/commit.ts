import { type Change, type Commit, changes } from '../git.ts';
import { type Json, nodeId, type Repo, type User, type World } from '../world.ts';
import { pageUrl, repoUrl } from './repository.ts';
import { userShape } from './user.ts';

const unsigned = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

/** Whose address it is, as GitHub finds it by `id+login@users.noreply...`. */
function userBy(world: World, email: string): User | undefined {
  const id = Number(/^(\d+)\+/.exec(email)?.[1]);
  return [...world.users.values()].find(one => one.id === id);
}

export function gitCommitShape(world: World, repo: Repo, commit: Commit): Json {
  const url = repoUrl(world, repo);
  const { sha, tree } = commit;
  return {
    sha,
    node_id: nodeId('Commit', sha),
    url: `${url}/git/commits/${sha}`,
    html_url: `${pageUrl(world, repo)}/commit/${sha}`,
    author: commit.author,
    committer: commit.committer,
    message: commit.message,
    tree: { sha: tree, url: `${url}/git/trees/${tree}` },
    parents: parents(world, repo, commit),
    verification: unsigned,
  };
}

export function commitShape(world: World, repo: Repo, commit: Commit): Json {
  const url = repoUrl(world, repo);
  const { sha, tree, author, committer, message } = commit;
  const person = (email: string) => {
    const user = userBy(world, email);
    return user ? userShape(world, user) : null;
  };
  return {
    sha,
    node_id: nodeId('Commit', sha),
    commit: {
      author,
      committer,
      message,
      tree: { sha: tree, url: `${url}/git/trees/${tree}` },
      url: `${url}/git/commits/${sha}`,
      comment_count: 0,
      verification: unsigned,
    },
    url: `${url}/commits/${sha}`,
    html_url: `${pageUrl(world, repo)}/commit/${sha}`,
    comments_url: `${url}/commits/${sha}/comments`,
    author: person(author.email),
    committer: person(committer.email),
    parents: parents(world, repo, commit),
  };
}

function parents(world: World, repo: Repo, commit: Commit): Json[] {
  return commit.parents.map(sha => ({
    sha,
    url: `${repoUrl(world, repo)}/commits/${sha}`,
    html_url: `${pageUrl(world, repo)}/commit/${sha}`,
  }));
}

export function fileShape(world: World, repo: Repo, ref: string, change: Change): Json {
  const { file, from, sha, added, deleted, status } = change;
  const name = encodeURIComponent(file);
  return {
    sha,
    filename: file,
    status,
    additions: added,
    deletions: deleted,
    changes: added + deleted,
    blob_url: `${pageUrl(world, repo)}/blob/${ref}/${name}`,
    raw_url: `${pageUrl(world, repo)}/raw/${ref}/${name}`,
    contents_url: `${repoUrl(world, repo)}/contents/${name}?ref=${ref}`,
    ...(from === null ? {} : { previous_filename: from }),
  };
}

/** As `push` has a commit: by file names, and with people by their names. */
export async function pushedCommitShape(world: World, repo: Repo, commit: Commit): Promise<Json> {
  const files = await changes(repo.dir, commit.parents[0] ?? null, commit.sha);
  const named = (status: Change['status']) =>
    files.filter(change => change.status === status).map(({ file }) => file);
  const person = ({ name, email, date }: Commit['author']) => {
    const user = userBy(world, email);
    return { name, email, date, ...(user ? { username: user.login } : {}) };
  };
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${pageUrl(world, repo)}/commit/${commit.sha}`,
    author: person(commit.author),
    committer: person(commit.committer),
    added: [...named('added'), ...named('renamed')],
    removed: [...named('removed'), ...files.flatMap(({ from }) => from ?? [])],
    modified: named('modified'),
  };
}
