import { flag, limit, need, page, text } from './args.ts';
import { type Answer, type Call, channelOf, directMessage, isMember, needScope, ownChannel } from './call.ts';
import { SlackError } from './error.ts';
import { showMessage } from './messages.ts';
import type { Channel, Message, Workspace } from './world.ts';

export function info(call: Call): Answer {
  return { channel: showChannel(call, channelOf(call)) };
}

function showChannel(call: Call, channel: Channel): Record<string, unknown> {
  const { workspace } = call;
  const { id, name, kind, archived, shared } = channel;
  const direct = kind === 'im';
  return {
    id,
    ...(direct ? { user: partner(workspace, channel) } : { name, name_normalized: name }),
    is_channel: kind === 'public' || kind === 'private',
    is_group: kind === 'private',
    is_im: direct,
    is_mpim: kind === 'mpim',
    is_private: kind !== 'public',
    is_archived: archived,
    is_member: isMember(call, channel),
    is_shared: shared.length > 0,
    is_ext_shared: shared.length > 0,
    is_org_shared: false,
    context_team_id: workspace.id,
    shared_team_ids: [workspace.id, ...shared],
    num_members: channel.members.size,
  };
}

function partner(workspace: Workspace, channel: Channel): string | undefined {
  return [...channel.members].find(id => id !== workspace.bot.user);
}

export function list(call: Call): Answer {
  const { workspace, args, token } = call;
  const kinds = (text(args, 'types') || 'public_channel')
    .split(',')
    .map(kind => kind.trim().replace('_channel', ''));
  const scopes: Record<string, string> = { public: 'channels', private: 'groups', im: 'im', mpim: 'mpim' };
  for (const kind of kinds) {
    if (!scopes[kind]) throw new SlackError('invalid_types');
    needScope(token, `${scopes[kind]}:read`);
  }
  const seen = [...workspace.channels.values()].filter(
    channel =>
      kinds.includes(channel.kind) &&
      (channel.kind === 'public' || isMember(call, channel)) &&
      !(channel.archived && flag(args, 'exclude_archived')),
  );
  const { items, next } = page(seen, args, limit(args, 100, 1000));
  return {
    channels: items.map(channel => showChannel(call, channel)),
    response_metadata: { next_cursor: next },
  };
}

export function members(call: Call): Answer {
  const { items, next } = page([...channelOf(call).members], call.args, limit(call.args, 100, 1000));
  return { members: items, response_metadata: { next_cursor: next } };
}

export function join(call: Call): Answer {
  const channel = channelOf(call);
  if (channel.kind !== 'public') throw new SlackError('method_not_supported_for_channel_type');
  if (channel.archived) throw new SlackError('is_archived');
  const already = isMember(call, channel);
  channel.members.add(call.workspace.bot.user);
  return { channel: showChannel(call, channel), ...(already && { warning: 'already_in_channel' }) };
}

export function open(call: Call): Answer {
  const { workspace, args } = call;
  const known = text(args, 'channel');
  if (known) return { channel: { id: channelOf(call, known).id } };
  const users = text(args, 'users').split(',').filter(Boolean);
  if (users.length === 0) throw new SlackError('users_list_not_supplied');
  if (users.length > 8) throw new SlackError('too_many_users');
  for (const id of users) {
    const user = workspace.users.get(id);
    if (!user) throw new SlackError('user_not_found');
    if (user.deleted) throw new SlackError('user_disabled');
    if (user.isBot) throw new SlackError('cannot_dm_bot');
  }
  const channel = directMessage(call, users);
  return { channel: flag(args, 'return_im') ? showChannel(call, channel) : { id: channel.id } };
}

/** Newest first, without what is only in threads. */
export function history(call: Call): Answer {
  const channel = ownChannel(call);
  const all = [...channel.messages.values()].reverse();
  const top = all.filter(
    ({ ts, thread_ts = ts, subtype }) => thread_ts === ts || subtype === 'thread_broadcast',
  );
  const { items, next } = page(within(call, top), call.args, limit(call.args, 100, 999));
  return paged(call, channel, items, next);
}

/** Oldest first; every page begins with the message that the thread is about. */
export function replies(call: Call): Answer {
  const channel = ownChannel(call);
  const asked = channel.messages.get(need(call.args, 'ts'));
  const parent = asked && channel.messages.get(asked.thread_ts ?? asked.ts);
  if (!parent) throw new SlackError('thread_not_found');
  const { items, next } = page(
    within(call, channel.replies.get(parent.ts) ?? []),
    call.args,
    limit(call.args, 1000, 1000),
  );
  return paged(call, channel, [parent, ...items], next);
}

function within({ args }: Call, messages: Message[]): Message[] {
  const oldest = bound(args.oldest, 'invalid_ts_oldest', -Infinity);
  const latest = bound(args.latest, 'invalid_ts_latest', Infinity);
  const inclusive = flag(args, 'inclusive');
  return messages.filter(({ ts }) => {
    const at = Number(ts);
    return inclusive ? at >= oldest && at <= latest : at > oldest && at < latest;
  });
}

function bound(given: unknown, error: string, absent: number): number {
  if (given === undefined || given === '') return absent;
  const value = Number(given);
  if (!Number.isFinite(value)) throw new SlackError(error);
  return value;
}

function paged({ args }: Call, channel: Channel, messages: Message[], next: string): Answer {
  return {
    messages: messages.map(message => showMessage(channel, message, flag(args, 'include_all_metadata'))),
    has_more: next !== '',
    pin_count: 0,
    ...(next && { response_metadata: { next_cursor: next } }),
  };
}
