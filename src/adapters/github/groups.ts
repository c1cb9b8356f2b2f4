import { type GitHubUsers, GroupUnreadable } from '../../core/ports.ts';
import type { GitHubApp } from './app.ts';
import { GitHubError } from './errors.ts';
import { githubAccount } from './user.ts';

const perPage = 100;

/**
 * Who is in a team or in a team below it (https://docs.github.com/en/rest/teams/members), which takes the permission to read members; null:
 * there is none such. Before they count it is looked whether a login has gone to somebody else. Throws `GroupUnreadable`.
 */
export function githubTeamMembers(app: GitHubApp, users: Pick<GitHubUsers, 'seen'>, clock: () => Date) {
  return async (org: string, team: string): Promise<string[] | null> => {
    const members = await read(app, org, team);
    if (members === null) return null;
    await users.seen(members, clock());
    return members.map(member => member.account);
  };
}

async function read(app: GitHubApp, org: string, team: string) {
  try {
    return await app.inOrg(org, async client => {
      const found = await client.paginate('GET /orgs/{org}/teams/{team_slug}/members', {
        ...{ org, team_slug: team },
        per_page: perPage,
      });
      return found.map(({ id, login }) => ({ id: Number(id), account: githubAccount(login) }));
    });
  } catch (error) {
    if (!(error instanceof GitHubError)) throw error;
    if (error.outcome === 'missing') return null;
    const { message, afterMs, busy } = error;
    throw new GroupUnreadable(message, afterMs, { cause: error, busy });
  }
}
