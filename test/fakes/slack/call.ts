import { type Args, need } from './args.ts';
import { SlackError } from './error.ts';
import type { Channel, Token, Workspace, World } from './world.ts';
import { addChannel } from './world.ts';

/** One call of a method, let in: who asks, where, and what. */
export interface Call {
  world: World;
  token: Token;
  workspace: Workspace;
  args: Args;
}

export type Answer = Record<string, unknown>;

/** A channel that the bot knows: a public one, or one where it is a member. Without `id` it is the call's `channel`. */
export function channelOf(call: Call, id = need(call.args, 'channel')): Channel {
  const channel = call.workspace.channels.get(id);
  if (!channel || (channel.kind !== 'public' && !isMember(call, channel)))
    throw new SlackError('channel_not_found');
  return channel;
}

export function isMember({ workspace }: Call, channel: Channel): boolean {
  return channel.members.has(workspace.bot.user);
}

/** The same, where only members may. */
export function ownChannel(call: Call, id?: string): Channel {
  const channel = channelOf(call, id);
  if (!isMember(call, channel)) throw new SlackError('not_in_channel');
  return channel;
}

/** The scope that a conversation of this kind needs: `channels:read`, `groups:read`, `im:read`, ... */
export function conversationScope({ workspace, args }: Call, right: string): string {
  const kind = workspace.channels.get(String(args.channel ?? ''))?.kind ?? 'public';
  return `${{ public: 'channels', private: 'groups', im: 'im', mpim: 'mpim' }[kind]}:${right}`;
}

export function needScope(token: Token, scope: string): void {
  if (token.scopes.has(scope)) return;
  throw new SlackError('missing_scope', { needed: scope, provided: [...token.scopes].join(',') });
}

/** The conversation of the bot with these people, made where there is none yet. */
export function directMessage(
  { world, workspace }: Pick<Call, 'world' | 'workspace'>,
  users: string[],
): Channel {
  const members = [workspace.bot.user, ...users];
  const kind = users.length === 1 ? 'im' : 'mpim';
  for (const channel of workspace.channels.values())
    if (
      channel.kind === kind &&
      channel.members.size === members.length &&
      members.every(one => channel.members.has(one))
    )
      return channel;
  return addChannel(workspace, world.id(kind === 'im' ? 'D' : 'G'), kind, kind, { members });
}
