import { App, type Octokit } from 'octokit';
import { type GitHubClientOptions, githubOctokit } from './client.ts';
import { GitHubError, githubError } from './errors.ts';

interface GitHubAppOptions extends GitHubClientOptions {
  appId: string;
  /** PEM. */
  privateKey: string;
  clock: () => Date;
}

/** The GitHub App: a client of its own for each place where it is installed, whose token is kept and renewed. */
export interface GitHubApp {
  /** A call with the rights that the app has in an organisation. Throws `GitHubError`. */
  inOrg<T>(org: string, call: (client: Octokit) => Promise<T>): Promise<T>;
  /** The same by the id of the installation, as every webhook names it. */
  inInstallation<T>(id: number, call: (client: Octokit) => Promise<T>): Promise<T>;
  /** A call as the app itself, which has rights nowhere. Throws `GitHubError`. */
  asApp<T>(call: (client: Octokit) => Promise<T>): Promise<T>;
}

export function githubApp({ appId, privateKey, clock, ...client }: GitHubAppOptions): GitHubApp {
  const app = new App({ appId, privateKey, Octokit: githubOctokit(client) });
  /** Where it is installed. It changes when an organisation removes the app and takes it in again. */
  const ids = new Map<string, number>();

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

  return {
    inInstallation,
    async asApp(call) {
      try {
        return await call(app.octokit);
      } catch (cause) {
        throw githubError(cause, clock());
      }
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
