import type { Channel, Workspace, World } from './world.ts';

/** Who does something. `team` may be left out where there is one workspace. */
export interface Who {
  user: string;
  team?: string;
}

/** The workspace that is meant, and the user's name there. Throws where the seed has none such. */
export function actorOf(
  world: World,
  { user, team }: Who,
): { workspace: Workspace; name: string; home: string } {
  const workspace = team ? world.workspaces.get(team) : [...world.workspaces.values()][0];
  const known = workspace?.users.get(user);
  if (!workspace || !known)
    throw new Error(`${user} is not in ${team ?? 'the first workspace'} of the seed.`);
  if (known.deleted) throw new Error(`${user} has left, and can do nothing.`);
  return { workspace, name: known.name, home: known.team };
}

/** A channel that this person is in. Public channels can be used by all who are in the workspace. */
export function placeOf(workspace: Workspace, id: string, user: string): Channel {
  const channel = workspace.channels.get(id);
  if (!channel) throw new Error(`There is no channel ${id} in ${workspace.id}.`);
  if (channel.kind !== 'public' && !channel.members.has(user)) throw new Error(`${user} does not see ${id}.`);
  return channel;
}

/** What every interaction carries. */
export function interactionBase(world: World, who: Who): Record<string, unknown> {
  const { workspace, name, home } = actorOf(world, who);
  const { id, domain, enterprise, orgInstall } = workspace;
  return {
    user: { id: who.user, username: name, name, team_id: home },
    api_app_id: world.app.id,
    token: 'verification-token',
    team: {
      id,
      domain,
      ...(enterprise && { enterprise_id: enterprise.id, enterprise_name: enterprise.name }),
    },
    enterprise,
    is_enterprise_install: orgInstall,
  };
}

export function channelName({ kind, name }: Channel): string {
  if (kind === 'im') return 'directmessage';
  return kind === 'private' ? 'privategroup' : name;
}
