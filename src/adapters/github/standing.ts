import { z } from 'zod';
import type { GitHubPlace } from '../../core/actor.ts';
import type { Standing } from '../../core/intent.ts';
import type { GitHubUser, GitHubUsers } from '../../core/ports.ts';
import type { GitHubCall } from './calls.ts';
import { GitHubError } from './errors.ts';

/** https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user */
const permissionSchema = z.object({
  permission: z.string(),
  user: z.object({ id: z.int() }).nullish(),
});

/**
 * Asks GitHub what somebody may do in the repository of a place now. To see what everybody sees is nothing of their own. Throws
 * `GitHubError` where GitHub does not say.
 */
export function githubStanding(call: GitHubCall, users: Pick<GitHubUsers, 'seen'>, clock: () => Date) {
  return async (place: GitHubPlace, account: GitHubUser): Promise<Standing> => {
    // What was linked with the login counts only for the account that has it now.
    await users.seen([account], clock());
    try {
      // By its id: another repository may have the name by now, and other people may change that one.
      const route = 'GET /repositories/{id}/collaborators/{username}/permission';
      const { data: said } = await call(place.installation, { writes: false }, client =>
        client.request(route, { id: place.repo, username: place.user }),
      );
      const data = permissionSchema.parse(said);
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
