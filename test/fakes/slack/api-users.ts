import { flag, limit, need, page } from './args.ts';
import type { Answer, Call } from './call.ts';
import { SlackError } from './error.ts';
import type { Group, User, Workspace } from './world.ts';

export function authTest({ workspace, token }: Call): Answer {
  const { bot, enterprise } = workspace;
  return {
    url: `https://${workspace.domain}.slack.com/`,
    team: workspace.name,
    user: workspace.users.get(bot.user)?.name,
    team_id: workspace.id,
    user_id: bot.user,
    bot_id: bot.id,
    ...(enterprise && { enterprise_id: enterprise.id }),
    is_enterprise_install: token.team === '',
  };
}

export function info({ workspace, args }: Call): Answer {
  const user = workspace.users.get(need(args, 'user'));
  if (!user) throw new SlackError('user_not_found');
  return { user: showUser(workspace, user) };
}

/** Also in events. */
export function showUser(workspace: Workspace, user: User): Record<string, unknown> {
  const stranger = user.team !== workspace.id;
  return {
    id: user.id,
    team_id: user.team,
    name: user.name,
    deleted: user.deleted,
    real_name: user.name,
    is_bot: user.isBot,
    ...(stranger && { is_stranger: true }),
    profile: {
      real_name: user.name,
      display_name: user.name,
      team: user.team,
      ...(!stranger && { email: user.email }),
    },
    // Of somebody who has left, or comes from elsewhere, Slack says less.
    ...(!user.deleted && !stranger && { tz: user.tz, is_admin: false, is_restricted: user.isGuest }),
    ...(workspace.enterprise && { enterprise_user: { id: user.id, enterprise_id: workspace.enterprise.id } }),
  };
}

export function lookupByEmail({ workspace, args }: Call): Answer {
  const email = need(args, 'email').toLowerCase();
  const own = [...workspace.users.values()].filter(({ team, deleted }) => team === workspace.id && !deleted);
  const user = own.find(candidate => candidate.email.toLowerCase() === email);
  if (!user) throw new SlackError('users_not_found');
  return { user: showUser(workspace, user) };
}

export function list({ workspace, args }: Call): Answer {
  const { items, next } = page([...workspace.users.values()], args, limit(args, 1000, 1000));
  return { members: items.map(user => showUser(workspace, user)), response_metadata: { next_cursor: next } };
}

/** An organisation's token says of which workspace it asks. */
function named({ token, args }: Call): void {
  if (token.team === '') need(args, 'team_id');
}

export function groups(call: Call): Answer {
  const { workspace, args } = call;
  named(call);
  const seen = workspace.groups.filter(group => group.disabledAt === 0 || flag(args, 'include_disabled'));
  return {
    usergroups: seen.map(group => ({
      ...showGroup(workspace, group),
      ...(flag(args, 'include_users') && { users: group.users }),
    })),
  };
}

/** Also in events. */
export function showGroup(workspace: Workspace, group: Group): Record<string, unknown> {
  const { id, handle, users, disabledAt, updatedAt } = group;
  return {
    ...{ id, handle, team_id: workspace.id, is_usergroup: true, is_subteam: true, name: handle },
    ...{ date_update: updatedAt, date_delete: disabledAt, user_count: users.length },
  };
}

export function groupUsers(call: Call): Answer {
  const { workspace, args } = call;
  named(call);
  const group = workspace.groups.find(({ id }) => id === need(args, 'usergroup'));
  // One that is disabled is only there for those who ask for such.
  if (!group || (group.disabledAt > 0 && !flag(args, 'include_disabled')))
    throw new SlackError('no_such_subteam');
  return { users: group.users };
}

export function team({ workspace }: Call): Answer {
  const { id, name, domain, enterprise } = workspace;
  const grid = enterprise && { enterprise_id: enterprise.id, enterprise_name: enterprise.name };
  return { team: { id, name, domain, email_domain: '', ...grid } };
}

export function bot({ world, workspace, args }: Call): Answer {
  if (need(args, 'bot') !== workspace.bot.id) throw new SlackError('bot_not_found');
  const { id, user } = workspace.bot;
  return { bot: { id, deleted: false, name: 'bot', app_id: world.app.id, user_id: user } };
}
