import { showGroup, showUser } from './api-users.ts';
import { type Call, directMessage } from './call.ts';
import type { EventDelivery, eventStream } from './events.ts';
import { addMessage } from './messages.ts';
import { actorOf, placeOf, type Who } from './payload.ts';
import { showView, type Views } from './views.ts';
import { type Channel, type Group, type Token, type Workspace, type World, workspaceOf } from './world.ts';

interface Parts {
  world: World;
  views: Views;
  events: ReturnType<typeof eventStream>;
}

/** What people and administrators do in a workspace, apart from talking to the app. */
export function people({ world, views, events }: Parts) {
  const first = () => [...world.workspaces.values()][0]?.id ?? '';
  const stamp = () => `${Math.floor(world.clock.now() / 1000)}.000000`;

  function find(id: string, team = first()): { workspace: Workspace; channel: Channel } {
    const workspace = workspaceOf(world, team);
    const channel = workspace.channels.get(id);
    if (!channel) throw new Error(`There is no channel ${id} in ${team}.`);
    return { workspace, channel };
  }

  const seconds = () => Math.floor(world.clock.now() / 1000);

  function findGroup(id: string, team = first()): { workspace: Workspace; group: Group } {
    const workspace = workspaceOf(world, team);
    const group = workspace.groups.find(one => one.id === id);
    if (!group) throw new Error(`There is no group ${id} in ${team}.`);
    return { workspace, group };
  }

  /** Of its groups a workspace tells only an app that may read them. */
  function emitGroup(workspace: Workspace, event: Record<string, unknown>): EventDelivery | null {
    const may = tokensOf(world, workspace).some(token => token.scopes.has('usergroups:read'));
    return may ? events.emit(workspace, { ...event, event_ts: stamp() }) : null;
  }

  const membership = (type: string, user: string, channel: Channel) => ({
    ...{ type, user, channel: channel.id, team: channel.team, event_ts: stamp() },
    channel_type: channel.kind === 'public' ? 'C' : 'G',
  });

  return {
    /** Writes a message, like any person. The app hears of it only where it has asked for `message.*` or is mentioned. */
    say({ channel: id, text, ...who }: Who & { channel: string; text: string }): {
      ts: string;
      event: EventDelivery;
    } {
      const { workspace } = actorOf(world, who);
      const channel = placeOf(workspace, id, who.user);
      const message = addMessage(world, workspace, channel, { text }, { user: who.user });
      delete message.bot_id;
      delete message.app_id;
      const type = text.includes(`<@${workspace.bot.user}>`) ? 'app_mention' : 'message';
      const more = {
        channel: id,
        channel_type: { public: 'channel', private: 'group' }[String(channel.kind)] ?? channel.kind,
      };
      return {
        ts: message.ts,
        event: events.emit(workspace, { ...message, type, ...more, event_ts: message.ts }),
      };
    },
    /** Opens the app's Home. */
    openHome(who: Who): EventDelivery {
      const { workspace } = actorOf(world, who);
      const view = views.home(workspace.id, who.user);
      const direct = directMessage({ world, workspace }, [who.user]);
      const event = {
        type: 'app_home_opened',
        user: who.user,
        channel: direct.id,
        tab: 'home',
        event_ts: stamp(),
      };
      return events.emit(workspace, { ...event, ...(view && { view: showView(world, workspace, view) }) });
    },
    /** Somebody, also the bot, comes into a channel. */
    join({ channel: id, team, user }: Who & { channel: string }): EventDelivery {
      const { workspace, channel } = find(id, team);
      channel.members.add(user);
      return events.emit(
        workspace,
        membership('member_joined_channel', user, channel),
        channel.shared.length > 0,
      );
    },
    leave({ channel: id, team, user }: Who & { channel: string }): EventDelivery {
      const { workspace, channel } = find(id, team);
      channel.members.delete(user);
      return events.emit(
        workspace,
        membership('member_left_channel', user, channel),
        channel.shared.length > 0,
      );
    },
    archive({ channel: id, team }: { channel: string; team?: string }): EventDelivery {
      const { workspace, channel } = find(id, team);
      channel.archived = true;
      return events.emit(workspace, { type: 'channel_archive', channel: id, event_ts: stamp() });
    },
    unarchive({ channel: id, team }: { channel: string; team?: string }): EventDelivery {
      const { workspace, channel } = find(id, team);
      channel.archived = false;
      return events.emit(workspace, { type: 'channel_unarchive', channel: id, event_ts: stamp() });
    },
    /** Who is in a user group from now on. Two events tell of it (https://docs.slack.dev/reference/events/subteam_members_changed). */
    setGroup({ group: id, team, users }: { group: string; team?: string; users: string[] }) {
      const { workspace, group } = findGroup(id, team);
      const stranger = users.find(user => workspace.users.get(user)?.team !== workspace.id);
      if (stranger) throw new Error(`${stranger} is no member of ${workspace.id}.`);
      const added = users.filter(user => !group.users.includes(user));
      const removed = group.users.filter(user => !users.includes(user));
      const before = group.updatedAt;
      Object.assign(group, { users: [...users], updatedAt: seconds() });
      const changed = emitGroup(workspace, {
        ...{ type: 'subteam_members_changed', subteam_id: id, team_id: workspace.id },
        ...{ date_previous_update: before, date_update: group.updatedAt },
        ...{ added_users: added, added_users_count: String(added.length) },
        ...{ removed_users: removed, removed_users_count: String(removed.length) },
      });
      return { changed, updated: emitGroup(workspace, updatedEvent(workspace, group)) };
    },
    /** A user group is disabled, or enabled again with those who were in it. */
    setGroupEnabled({ group: id, team, enabled }: { group: string; team?: string; enabled: boolean }) {
      const { workspace, group } = findGroup(id, team);
      Object.assign(group, { disabledAt: enabled ? 0 : seconds(), updatedAt: seconds() });
      return emitGroup(workspace, updatedEvent(workspace, group));
    },
    /** Somebody leaves the workspace: out of all channels and groups, and marked as deleted. */
    deactivate({ user: id, team = first() }: Who): EventDelivery {
      const workspace = workspaceOf(world, team);
      const user = workspace.users.get(id);
      if (!user) throw new Error(`${id} is not in ${team}.`);
      user.deleted = true;
      for (const channel of workspace.channels.values())
        if (channel.kind !== 'im') channel.members.delete(id);
      for (const group of workspace.groups) group.users = group.users.filter(member => member !== id);
      return events.emit(workspace, {
        type: 'user_change',
        user: showUser(workspace, user),
        event_ts: stamp(),
      });
    },
    /** The app is removed; its tokens are of no use any more. */
    uninstall(team = first()): EventDelivery {
      const workspace = workspaceOf(world, team);
      for (const token of tokensOf(world, workspace)) token.state = 'account_inactive';
      return events.emit(workspace, { type: 'app_uninstalled', event_ts: stamp() });
    },
    /** Makes a token answer `token_revoked`, `account_inactive` or `token_expired` from now on, or work again. */
    setToken(token: string, state: Token['state']): void {
      const known = world.tokens.get(token);
      if (!known) throw new Error('The seed has no such token.');
      known.state = state;
    },
    /** The conversation of a person with the bot, opened where it was not. */
    direct(who: Who): Channel {
      return directMessage({ world, workspace: actorOf(world, who).workspace } satisfies Partial<Call>, [
        who.user,
      ]);
    },
  };
}

/** The users in it are cut after 500, as Slack does. */
function updatedEvent(workspace: Workspace, group: Group): Record<string, unknown> {
  const users = group.users.slice(0, 500);
  return { type: 'subteam_updated', subteam: { ...showGroup(workspace, group), users } };
}

function tokensOf(world: World, workspace: Workspace): Token[] {
  return [...world.tokens.values()].filter(({ kind, team, enterprise }) =>
    kind === 'bot' && team
      ? team === workspace.id
      : enterprise !== '' && enterprise === workspace.enterprise?.id,
  );
}
