import { App, type Octokit } from 'octokit';
import type { RepositoryRef } from '../../core/repository-event.ts';
import { type GitHubClientOptions, githubOctokit } from './client.ts';
import { GitHubError, githubError } from './errors.ts';

interface GitHubAppOptions extends GitHubClientOptions {
  appId: string;
  /** PEM. */
  privateKey: string;
  clock: () => Date;
}

type CodeOf = Pick<RepositoryRef, 'id' | 'installation'>;

interface CodeToken {
  token: string;
  name: string;
}

/** A token is good for an hour, and a name until somebody renames the repository. */
const recentMs = 5 * 60_000;

/** The GitHub App: a client of its own for each place where it is installed, whose token is kept and renewed. */
export interface GitHubApp {
  /** A call with the rights that the app has in an organisation. Throws `GitHubError`. */
  inOrg<T>(org: string, call: (client: Octokit) => Promise<T>): Promise<T>;
  /** The same by the id of the installation, as every webhook names it. */
  inInstallation<T>(id: number, call: (client: Octokit) => Promise<T>): Promise<T>;
  /** The repository that has this name now; null: there is none, or the app is not installed there. Throws `GitHubError`. */
  repository(owner: string, repo: string): Promise<RepositoryRef | null>;
  /** What reads the code of one repository, whatever it is called, and nothing else; and its name now. Throws `GitHubError`. */
  codeToken(repository: CodeOf): Promise<CodeToken>;
  /** The same, of the last minutes: a busy repository is fetched more often than GitHub gives out tokens. Throws `GitHubError`. */
  recentCodeToken(repository: CodeOf): Promise<CodeToken>;
  /** A call as the app itself, which has rights nowhere. Throws `GitHubError`. */
  asApp<T>(call: (client: Octokit) => Promise<T>): Promise<T>;
}

export function githubApp({ appId, privateKey, clock, ...client }: GitHubAppOptions): GitHubApp {
  const app = new App({ appId, privateKey, Octokit: githubOctokit(client) });
  /** Where it is installed. It changes when an organisation removes the app and takes it in again. */
  const ids = new Map<string, number>();
  const recent = new Map<string, { until: number; answer: Promise<CodeToken> }>();

  async function idOf(org: string): Promise<number> {
    const known = ids.get(org);
    if (known !== undefined) return known;
    try {
      const { data } = await app.octokit.request('GET /orgs/{org}/installation', { org });
      ids.set(org, data.id);
      return data.id;
    } catch (cause) {
      const error = githubError(cause, clock());
      if (error.outcome !== 'missing') throw error;
      throw new GitHubError(`The GitHub App is not installed in ${org}.`, 'refused', { cause });
    }
  }

  async function inInstallation<T>(id: number, call: (client: Octokit) => Promise<T>): Promise<T> {
    try {
      return await call(await app.getInstallationOctokit(id));
    } catch (cause) {
      throw githubError(cause, clock());
    }
  }

  async function asApp<T>(call: (client: Octokit) => Promise<T>): Promise<T> {
    try {
      return await call(app.octokit);
    } catch (cause) {
      throw githubError(cause, clock());
    }
  }

  async function askForCode({ id, installation }: CodeOf): Promise<CodeToken> {
    const { data } = await asApp(client =>
      client.request('POST /app/installations/{installation_id}/access_tokens', {
        installation_id: installation,
        repository_ids: [id],
        permissions: { contents: 'read' },
      }),
    );
    const name = data.repositories?.find(one => one.id === id)?.full_name;
    if (name === undefined)
      throw new GitHubError('The GitHub App is not installed there any more.', 'refused');
    return { token: data.token, name };
  }

  async function codeToken(repository: CodeOf): Promise<CodeToken> {
    const key = keyOf(repository);
    const answer = askForCode(repository);
    recent.set(key, { until: clock().getTime() + recentMs, answer });
    try {
      return await answer;
    } catch (error) {
      recent.delete(key);
      throw error;
    }
  }

  return {
    inInstallation,
    asApp,
    async repository(owner, repo) {
      try {
        const route = 'GET /repos/{owner}/{repo}/installation';
        const { data: found } = await asApp(client => client.request(route, { owner, repo }));
        const { data } = await inInstallation(found.id, client => client.rest.repos.get({ owner, repo }));
        return { id: data.id, name: data.full_name, installation: found.id };
      } catch (error) {
        if (error instanceof GitHubError && error.outcome === 'missing') return null;
        throw error;
      }
    },
    codeToken,
    async recentCodeToken(repository) {
      const now = clock().getTime();
      for (const [one, { until }] of recent) if (until <= now) recent.delete(one);
      return await (recent.get(keyOf(repository))?.answer ?? codeToken(repository));
    },
    async inOrg(org, call) {
      const id = await idOf(org);
      try {
        return await inInstallation(id, call);
      } catch (error) {
        // It may be another installation by now.
        ids.delete(org);
        throw error;
      }
    },
  };
}

function keyOf({ id, installation }: CodeOf): string {
  return `${installation}/${id}`;
}
