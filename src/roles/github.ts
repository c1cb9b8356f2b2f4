import { webhooks } from '../../webhooks/index.ts';
import type { GitHubRemotes } from '../adapters/git/github-mirror.ts';
import { type GitHubApp, githubApp } from '../adapters/github/app.ts';
import { githubCalls } from '../adapters/github/calls.ts';
import { githubDeployments } from '../adapters/github/deployments.ts';
import { githubTeamMembers } from '../adapters/github/groups.ts';
import { githubLinkPages } from '../adapters/github/link-pages.ts';
import { githubLists } from '../adapters/github/lists.ts';
import { githubMessenger } from '../adapters/github/messenger.ts';
import { githubOAuth } from '../adapters/github/oauth.ts';
import { githubPullRequests } from '../adapters/github/pull-requests.ts';
import { githubStanding } from '../adapters/github/standing.ts';
import { githubUnpack } from '../adapters/github/unpack.ts';
import type { Config } from '../config.ts';
import type { GitHubPlace } from '../core/actor.ts';
import type { Page, RawEdge } from '../core/edge.ts';
import type { Standing } from '../core/intent.ts';
import {
  type AuditLog,
  type DeploymentsPort,
  type GitHubLinking,
  type GitHubUser,
  type GitHubUsers,
  GroupUnreadable,
  type Log,
  type MessengerPort,
  type OnceStore,
  type PullRequestsPort,
  type RateBudget,
  type RepositoryLists,
  type RepositoryStore,
  type Signer,
} from '../core/ports.ts';
import type { Delivery, Translation } from '../core/webhook.ts';

export interface GitHub {
  /** Null where the app is not configured. */
  app: GitHubApp | null;
  /** Who is in a team of an organisation; null: there is none such. Throws `GroupUnreadable`. */
  teamMembers(org: string, team: string): Promise<string[] | null>;
  linking: GitHubLinking;
  /** Hands what a stored delivery says, translated, to the callback. */
  unpack(delivery: Delivery, onTranslation: (translation: Translation) => Promise<void>): Promise<void>;
  /** Null where the app is not configured. */
  messenger: MessengerPort | null;
  /** What somebody may do now in the repository of a place. Throws `GitHubError`. */
  standing(place: GitHubPlace, account: GitHubUser): Promise<Standing>;
  pullRequests: PullRequestsPort;
  /** Null where the app is not configured. */
  lists: RepositoryLists | null;
  /** Null where the app is not configured. */
  deployments: DeploymentsPort | null;
  /** How the code of repositories is reached. */
  remotes: GitHubRemotes;
  pages: Page[];
  edges: RawEdge[];
}

interface GitHubStores {
  repositories: Pick<RepositoryStore, 'seen' | 'find'>;
  users: GitHubUsers;
  once: OnceStore;
  signer: Signer;
  budget: RateBudget;
  audit: Pick<AuditLog, 'append'>;
}

/** GitHub as it is configured: the app, by which Signalbox asks and acts, and the OAuth app, by which people show who they are. */
export function openGitHub(
  { github, publicUrl: said, host, port }: Pick<Config, 'github' | 'publicUrl' | 'host' | 'port'>,
  { users, budget, ...stores }: GitHubStores,
  log: Log,
  clock: () => Date,
): GitHub {
  const { apiUrl, webUrl } = github;
  const app = github.app ? githubApp({ ...github.app, apiUrl, log, clock }) : null;
  const calls = app && githubCalls(app, budget);
  const off = () => Promise.reject(new GroupUnreadable('The GitHub App is not configured.', 0));
  const publicUrl = said ?? `http://${host}:${port}`;
  const linking = github.oauth
    ? githubLinkPages({
        oauth: githubOAuth({ ...github.oauth, apiUrl, webUrl, log, clock }),
        ...{ publicUrl, webUrl, users, log, clock },
        ...stores,
      })
    : { linking: { startAddress: async () => null }, pages: [], edges: [] };
  return {
    app,
    teamMembers: app ? githubTeamMembers(app, users, clock) : off,
    unpack: githubUnpack(webhooks, stores.signer),
    messenger: calls && github.app ? githubMessenger({ calls, appId: github.app.appId, ...stores }) : null,
    pullRequests: calls
      ? githubPullRequests(calls)
      : { get: async () => null, mergedBy: async () => null, review: async () => null },
    deployments: calls && github.app ? githubDeployments(calls, github.app.appId) : null,
    lists: app && calls ? githubLists(calls, app, clock) : null,
    remotes: app ? remotesOn(app, stores.repositories, webUrl) : async () => null,
    standing: calls ? githubStanding(calls, users, clock) : async () => 'none',
    ...linking,
  };
}

/** A repository that nothing was heard of yet is asked for by its name, and known by its id from then on. */
function remotesOn(
  app: GitHubApp,
  repositories: Pick<RepositoryStore, 'seen' | 'find'>,
  webUrl: string,
): GitHubRemotes {
  return async source => {
    const known = await repositories.find(source);
    const [owner = '', name = ''] = source.name.split('/');
    const found = known ?? (await app.repository(owner, name));
    if (!found || (!known && (await repositories.seen(found, [source])).length === 0)) return null;
    return {
      key: `github:${found.id}`,
      async open({ recent = false } = {}) {
        const { token, name: now } = await (recent ? app.recentCodeToken(found) : app.codeToken(found));
        return { url: `${webUrl}/${now}.git`, token };
      },
    };
  };
}
