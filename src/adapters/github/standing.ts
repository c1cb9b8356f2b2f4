import type { GitHubPlace } from '../../core/actor.ts';
import type { Standing } from '../../core/intent.ts';
import type { GitHubUser, GitHubUsers } from '../../core/ports.ts';
import { byId, type GitHubCall } from './calls.ts';
import { GitHubError } from './errors.ts';

/**
 * Asks GitHub what somebody may do in the repository of a place now. To see what everybody sees is nothing of their own. Throws
 * `GitHubError` where GitHub does not say.
 */
export function githubStanding(call: GitHubCall, users: Pick<GitHubUsers, 'seen'>, clock: () => Date) {
  return async (place: GitHubPlace, account: GitHubUser): Promise<Standing> => {
    // What was linked with the login counts only for the account that has it now.
    await users.seen([account], clock());
    try {
      const [owner = '', repo = ''] = place.name.split('/');
      const { data } = await call(place.installation, { writes: false }, client =>
        byId(client, place.repo).rest.repos.getCollaboratorPermissionLevel({
          ...{ owner, repo },
          username: place.user,
        }),
      );
      // Whoever wrote it has another login by now, and this one is somebody else's.
      if (data.user && data.user.id !== account.id) return 'none';
      if (data.permission === 'admin' || data.permission === 'write') return 'write';
      return data.permission === 'read' && place.isPublic === false ? 'read' : 'none';
    } catch (error) {
      if (error instanceof GitHubError && error.outcome === 'missing') return 'none';
      throw error;
    }
  };
}
