import { type Args, isRecord, structure, text } from './args.ts';
import { checkMessageBlocks } from './blocks/surfaces.ts';
import { SlackError } from './error.ts';
import { type Channel, type Message, nextTs, type Workspace, type World } from './world.ts';

/** What a message says, of those parts that were given. */
export interface Content {
  text?: string;
  blocks?: Record<string, unknown>[];
  attachments?: unknown[];
  metadata?: Record<string, unknown>;
}

const mostAttachments = 100;
const mostMetadataBytes = 16_384;

/** Reads and checks a message's content. `mostText`: 40,000 for a new message, 4,000 for an edited one. */
export function readContent(world: World, args: Args, mostText: number): Content {
  const blocks = structure(args, 'blocks', 'invalid_blocks_format');
  const attachments = structure(args, 'attachments', 'invalid_attachments');
  const metadata = structure(args, 'metadata', 'invalid_metadata_format');
  const content: Content = {};
  if (args.text !== undefined) content.text = text(args, 'text');
  if ((content.text ?? '').length > mostText) throw new SlackError('msg_too_long');
  if (blocks !== undefined)
    content.blocks = checkMessageBlocks(blocks, world.app.charts).map(block => named(world, block));
  if (attachments !== undefined) content.attachments = checkAttachments(world, attachments);
  if (metadata !== undefined) content.metadata = checkMetadata(metadata);
  return content;
}

/** A message that says nothing is none. */
export function needContent({ text = '', blocks = [], attachments = [] }: Content): void {
  if (text === '' && blocks.length === 0 && attachments.length === 0) throw new SlackError('no_text');
}

function checkAttachments(world: World, given: unknown): unknown[] {
  if (!Array.isArray(given)) throw new SlackError('invalid_attachments');
  if (given.length > mostAttachments) throw new SlackError('too_many_attachments');
  for (const [index, attachment] of given.entries())
    if (isRecord(attachment) && attachment.blocks !== undefined)
      checkMessageBlocks(attachment.blocks, world.app.charts, `/attachments/${index}/blocks`);
  return given;
}

function checkMetadata(given: unknown): Record<string, unknown> {
  if (!isRecord(given)) throw new SlackError('invalid_metadata_format');
  if (Object.keys(given).length === 0) return given;
  if (typeof given.event_type !== 'string' || given.event_type === '' || !isRecord(given.event_payload))
    throw new SlackError('invalid_metadata_format');
  if (Buffer.byteLength(JSON.stringify(given)) > mostMetadataBytes)
    throw new SlackError('metadata_too_large');
  return given;
}

/** Blocks and their elements get the names that they do not have. */
export function named(world: World, block: Record<string, unknown>): Record<string, unknown> {
  const element = (part: unknown) =>
    isRecord(part) && part.action_id === undefined && part.type !== 'image'
      ? { ...part, action_id: world.id('a') }
      : part;
  const made: Record<string, unknown> = { ...block, block_id: block.block_id ?? world.id('b') };
  if (block.type === 'actions' && Array.isArray(block.elements)) made.elements = block.elements.map(element);
  if (block.accessory !== undefined) made.accessory = element(block.accessory);
  if (block.type === 'input') made.element = element(block.element);
  return made;
}

/** Puts a message into the channel, below others or in a thread. */
export function addMessage(
  world: World,
  workspace: Workspace,
  channel: Channel,
  content: Content,
  more: Partial<Message> = {},
): Message {
  const message = makeMessage(world, workspace, channel, content, more);
  channel.messages.set(message.ts, message);
  if (message.thread_ts) {
    const parent = channel.messages.get(message.thread_ts);
    if (parent) parent.thread_ts = parent.ts;
    const replies = channel.replies.get(message.thread_ts);
    if (replies) replies.push(message);
    else channel.replies.set(message.thread_ts, [message]);
  }
  return message;
}

export function makeMessage(
  world: World,
  workspace: Workspace,
  channel: Channel,
  content: Content,
  more: Partial<Message>,
): Message {
  return {
    type: 'message',
    ts: nextTs(world, channel),
    user: workspace.bot.user,
    team: workspace.id,
    bot_id: workspace.bot.id,
    app_id: world.app.id,
    ...content,
    text: content.text ?? '',
    ...more,
  };
}

/** The thread that a `thread_ts` means: a reply's own leads to its parent's. */
export function threadOf(channel: Channel, threadTs: string): string | undefined {
  if (threadTs === '') return undefined;
  const parent = channel.messages.get(threadTs);
  if (!parent) throw new SlackError('thread_not_found');
  return parent.thread_ts ?? parent.ts;
}

/** A message as the Web API gives it back. Metadata only where it was asked for; a thread's first message counts its replies. */
export function showMessage(channel: Channel, message: Message, metadata: boolean): Record<string, unknown> {
  const { metadata: kept, ...shown } = message;
  const replies = message.thread_ts === message.ts ? (channel.replies.get(message.ts) ?? []) : [];
  const users = [...new Set(replies.map(({ user }) => user))];
  return {
    ...shown,
    ...(kept &&
      Object.keys(kept).length > 0 &&
      (metadata ? { metadata: kept } : { metadata: { event_type: kept.event_type } })),
    ...(replies.length > 0 && {
      reply_count: replies.length,
      reply_users: users,
      reply_users_count: users.length,
      latest_reply: replies.at(-1)?.ts,
    }),
  };
}

/** Changes what was given and leaves the rest; a new text without blocks takes the old blocks away. */
export function editMessage(message: Message, content: Content, by: string, at: string): void {
  if (content.text !== undefined && content.blocks === undefined) delete message.blocks;
  Object.assign(message, content);
  if (message.blocks?.length === 0) delete message.blocks;
  if (message.metadata && Object.keys(message.metadata).length === 0) delete message.metadata;
  message.edited = { user: by, ts: at };
}

/** Takes a message away; of the first one of a thread a stone stays. */
export function removeMessage(channel: Channel, message: Message): void {
  const thread = message.thread_ts;
  if (thread === message.ts && (channel.replies.get(thread)?.length ?? 0) > 0) {
    for (const part of ['blocks', 'metadata', 'attachments'] as const) delete message[part];
    Object.assign(message, { subtype: 'tombstone', user: 'USLACKBOT', text: 'This message was deleted.' });
    return;
  }
  channel.messages.delete(message.ts);
  if (thread)
    channel.replies.set(
      thread,
      (channel.replies.get(thread) ?? []).filter(reply => reply !== message),
    );
}
