import type { Octokit } from 'octokit';
import type { RateBudget } from '../../core/ports.ts';
import type { GitHubApp } from './app.ts';
import { GitHubError } from './errors.ts';
import { githubRates } from './rates.ts';

interface Use {
  /** Whether it changes something. */
  writes: boolean;
  /** Whether it says only how far something is. */
  patient?: boolean | undefined;
}

/** A call as an installation, within what GitHub lets all processes together ask there. Throws `GitHubError`. */
export type GitHubCall = <T>(
  installation: number,
  use: Use,
  call: (client: Octokit) => Promise<T>,
) => Promise<T>;

export function githubCalls(app: Pick<GitHubApp, 'inInstallation'>, budget: RateBudget): GitHubCall {
  return async (installation, use, call) => {
    const rates = githubRates(installation, use);
    const { waitMs } = await budget.reserve(rates);
    if (waitMs > 0)
      throw new GitHubError('It waits for its turn at GitHub.', 'retry', { afterMs: waitMs, busy: true });
    try {
      return await app.inInstallation(installation, call);
    } catch (error) {
      // GitHub says seldom which limit it was, and counts what is asked meanwhile.
      if (error instanceof GitHubError && error.busy) await budget.hold(rates[0].key, error.afterMs);
      throw error;
    }
  };
}

/**
 * Lets a client reach a repository by its id, whatever name it is asked by: another one may have that name by now. GitHub documents these
 * routes by name, and leads there by its redirects.
 */
export function byId(client: Octokit, id: number): Octokit {
  client.hook.before('request', options => {
    const url = options.url.replace(/^\/repos\/\{owner\}\/\{repo\}/, `/repositories/${id}`);
    if (url === options.url) return;
    options.url = url;
    delete options.owner;
    delete options.repo;
  });
  return client;
}
