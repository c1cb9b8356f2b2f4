import { flag, need, text } from './args.ts';
import { type Answer, type Call, channelOf, directMessage, isMember, ownChannel } from './call.ts';
import { SlackError } from './error.ts';
import {
  addMessage,
  editMessage,
  makeMessage,
  needContent,
  readContent,
  removeMessage,
  showMessage,
  threadOf,
} from './messages.ts';
import { type Channel, type Message, nextTs } from './world.ts';

const mostText = 40_000;
const mostEditedText = 4_000;

export function postMessage(call: Call): Answer {
  const { world, workspace, args, token } = call;
  const channel = postable(call);
  if (!isMember(call, channel) && !token.scopes.has('chat:write.public'))
    throw new SlackError('not_in_channel');
  refuseArchived(call, channel);
  const content = readContent(world, args, mostText);
  needContent(content);
  const thread = threadOf(channel, text(args, 'thread_ts'));
  const message = addMessage(world, workspace, channel, content, {
    ...(thread && { thread_ts: thread }),
    ...(thread && flag(args, 'reply_broadcast') && { subtype: 'thread_broadcast' }),
  });
  return { channel: channel.id, ts: message.ts, message: showMessage(channel, message, true) };
}

/** A channel by id or `#name`, or a person, which is the conversation with them. */
function postable(call: Call): Channel {
  const { workspace, args } = call;
  const wanted = need(args, 'channel');
  const user = workspace.users.get(wanted);
  if (user) return directMessage(call, [user.id]);
  const name = wanted.replace(/^#/, '');
  const byName = [...workspace.channels.values()].find(
    channel => channel.kind !== 'im' && channel.name === name,
  );
  return channelOf(call, byName?.id ?? wanted);
}

/** A conversation with somebody who has left is archived like a channel. */
function refuseArchived({ workspace }: Call, channel: Channel): void {
  const others = [...channel.members].filter(id => id !== workspace.bot.user);
  const alone = channel.kind === 'im' && others.every(id => workspace.users.get(id)?.deleted);
  if (channel.archived || alone) throw new SlackError('is_archived');
}

export function postEphemeral(call: Call): Answer {
  const { world, workspace, args } = call;
  const channel = ownChannel(call);
  const user = need(args, 'user');
  refuseArchived(call, channel);
  if (!channel.members.has(user)) throw new SlackError('user_not_in_channel');
  const content = readContent(world, args, mostText);
  needContent(content);
  const thread = threadOf(channel, text(args, 'thread_ts'));
  const message = makeMessage(world, workspace, channel, content, thread ? { thread_ts: thread } : {});
  channel.ephemerals.push({ ...message, to: user });
  return { message_ts: message.ts };
}

export function updateMessage(call: Call): Answer {
  const { world, workspace, args } = call;
  const channel = channelOf(call);
  const message = ownMessage(call, channel, 'cant_update_message');
  if (channel.archived) throw new SlackError('is_inactive');
  const content = readContent(world, args, mostEditedText);
  if (content.text === undefined && content.blocks === undefined && content.attachments === undefined)
    throw new SlackError('no_text');
  const { text: before } = message;
  needContent({ ...(content.text === undefined && { text: before }), ...content });
  editMessage(message, content, workspace.bot.user, nextTs(world, channel));
  return {
    channel: channel.id,
    ts: message.ts,
    text: message.text,
    message: showMessage(channel, message, true),
  };
}

export function deleteMessage(call: Call): Answer {
  const channel = channelOf(call);
  const message = ownMessage(call, channel, 'cant_delete_message');
  removeMessage(channel, message);
  return { channel: channel.id, ts: message.ts };
}

/** Only what the bot itself said; what only one person sees can be neither edited nor deleted this way. */
function ownMessage({ workspace, args }: Call, channel: Channel, error: string): Message {
  const ts = need(args, 'ts');
  const message = channel.messages.get(ts);
  if (!message)
    throw new SlackError(channel.ephemerals.some(one => one.ts === ts) ? error : 'message_not_found');
  if (message.bot_id !== workspace.bot.id) throw new SlackError(error);
  return message;
}

export function getPermalink(call: Call): Answer {
  const channel = channelOf(call);
  const message = channel.messages.get(need(call.args, 'message_ts'));
  if (!message) throw new SlackError('message_not_found');
  const path = `archives/${channel.id}/p${message.ts.replace('.', '')}`;
  const thread = message.thread_ts && message.thread_ts !== message.ts;
  const rest = thread ? `?thread_ts=${message.thread_ts}&cid=${channel.id}` : '';
  return { channel: channel.id, permalink: `https://${call.workspace.domain}.slack.com/${path}${rest}` };
}

export function addReaction(call: Call): Answer {
  const { workspace, args } = call;
  const channel = ownChannel(call);
  const message = channel.messages.get(need(args, 'timestamp'));
  if (!message) throw new SlackError('message_not_found');
  const name = need(args, 'name').replace(/^:|:$/g, '');
  if (!/^[a-z0-9_+'-]+(::skin-tone-[2-6])?$/.test(name)) throw new SlackError('invalid_name');
  message.reactions ??= [];
  const known = message.reactions.find(reaction => reaction.name === name);
  if (known?.users.includes(workspace.bot.user)) throw new SlackError('already_reacted');
  const users = [...(known?.users ?? []), workspace.bot.user];
  const others = message.reactions.filter(reaction => reaction !== known);
  message.reactions = [...others, { name, users, count: users.length }];
  return {};
}
