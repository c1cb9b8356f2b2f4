import { z } from 'zod';
import { GroupUnreadable } from '../../core/ports.ts';
import type { AsBot } from './as-bot.ts';
import { messengerError, slackCode } from './failure.ts';

const usersSchema = z.object({ users: z.array(z.string().regex(/^[A-Z0-9]+$/)) });

/**
 * Who is in a user group (https://docs.slack.dev/reference/methods/usergroups.users.list); null: it is not there, or disabled. Throws
 * `GroupUnreadable`.
 */
export function slackGroupMembers(asBot: AsBot) {
  return async (team: string, group: string): Promise<string[] | null> => {
    try {
      const said = await asBot({ team }, { method: 'usergroups.users.list' }, client =>
        // Of an organisation's token Slack wants to know which workspace is meant. Those that are disabled are left out.
        client.usergroups.users.list({ usergroup: group, team_id: team }),
      );
      const parsed = usersSchema.safeParse(said);
      if (!parsed.success) throw new GroupUnreadable('Slack answered without sense.', 0);
      return parsed.data.users.map(user => `slack:${team}/${user}`);
    } catch (error) {
      if (error instanceof GroupUnreadable) throw error;
      const code = slackCode(error);
      if (code === 'no_such_subteam') return null;
      if (code === 'missing_scope')
        throw new GroupUnreadable('The Slack app lacks the scope usergroups:read.', 0, { cause: error });
      if (code !== null) throw new GroupUnreadable(`Slack refuses (${code}).`, 0, { cause: error });
      const { message, afterMs, busy } = messengerError(error);
      throw new GroupUnreadable(message, afterMs, { cause: error, busy });
    }
  };
}
