import { z } from 'zod';
import type { GitHubUser } from '../../core/ports.ts';
import { fetchWithin, type GitHubClientOptions, githubOctokit } from './client.ts';
import { GitHubError, githubError } from './errors.ts';
import { githubAccount } from './user.ts';

export interface GitHubOAuthOptions extends GitHubClientOptions {
  clientId: string;
  clientSecret: string;
  /** `https://github.com`, or a GitHub Enterprise Server. */
  webUrl: string;
  clock: () => Date;
}

/** The steps by which GitHub says whose browser it is (https://docs.github.com/en/apps/oauth-apps/building-oauth-apps). */
export interface GitHubOAuth {
  /** Where the browser is sent. Nothing is asked for but who it is. */
  authorizeUrl(state: string, redirectUri: string): string;
  /** Gives the code that came back for the account; the token that this takes is not kept. Throws `GitHubError`. */
  userOf(code: string, redirectUri: string): Promise<GitHubUser>;
}

const answerSchema = z.union([
  z.object({ access_token: z.string().min(1) }),
  z.object({ error: z.string().regex(/^[a-z_]{1,60}$/) }),
]);

const exchangeTimeoutMs = 8_000;

export function githubOAuth(options: GitHubOAuthOptions): GitHubOAuth {
  const { clientId, clientSecret, webUrl, clock } = options;
  const fetchSoon = fetchWithin(options.timeoutMs ?? exchangeTimeoutMs);
  const Client = githubOctokit(options);

  async function exchange(code: string, redirectUri: string): Promise<string> {
    const response = await fetchSoon(`${webUrl}/login/oauth/access_token`, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({
        client_id: clientId,
        client_secret: clientSecret,
        code,
        redirect_uri: redirectUri,
      }),
      redirect: 'error',
    });
    const answer = answerSchema.safeParse(await response.json().catch(() => null)).data;
    if (answer && 'access_token' in answer) return answer.access_token;
    if (answer) throw new GitHubError(`GitHub refused the code (${answer.error}).`, 'refused');
    throw new GitHubError(`GitHub answered with status ${response.status}.`, 'retry');
  }

  return {
    authorizeUrl(state, redirectUri) {
      const to = new URL(`${webUrl}/login/oauth/authorize`);
      const asked = { client_id: clientId, redirect_uri: redirectUri, state, allow_signup: 'false' };
      to.search = new URLSearchParams(asked).toString();
      return to.href;
    },
    async userOf(code, redirectUri) {
      try {
        const client = new Client({ auth: await exchange(code, redirectUri) });
        const { data } = await client.request('GET /user');
        return { id: Number(data.id), account: githubAccount(data.login) };
      } catch (error) {
        throw githubError(error, clock());
      }
    },
  };
}
