import { isRecord } from './args.ts';
import { SlackError } from './error.ts';
import {
  addMessage,
  type Content,
  editMessage,
  makeMessage,
  needContent,
  readContent,
  removeMessage,
} from './messages.ts';
import { type Channel, type Ephemeral, type Message, nextTs, type Workspace, type World } from './world.ts';

const mostUses = 5;
const lifeMs = 30 * 60_000;
const mostText = 40_000;

interface Place {
  workspace: Workspace;
  channel: Channel;
  /** To whom ephemeral answers are shown. */
  user: string;
}

interface Entry extends Place {
  at: number;
  uses: number;
  /** What `replace_original` and `delete_original` mean. */
  original: Message | Ephemeral | null;
}

/** Addresses for answers to one command or interaction. They work wherever it came from, also where the bot is no member. */
export function responseUrls(world: World, origin: () => string) {
  const entries = new Map<string, Entry>();

  function issue(kind: 'commands' | 'actions', place: Place, original: Message | null = null): string {
    const path = `/${kind}/${place.workspace.id}/${entries.size + 1}/${world.secret()}`;
    entries.set(path, { ...place, at: world.clock.now(), uses: 0, original });
    return `${origin()}${path}`;
  }

  /** The status and body with which Slack's address answers. */
  function post(path: string, body: string): { status: number; body: string } {
    const entry = entries.get(path);
    if (!entry) return refuse(404, 'no_service');
    if (world.clock.now() - entry.at > lifeMs) return refuse(404, 'expired_url');
    if (entry.uses >= mostUses) return refuse(404, 'used_url');
    if (entry.channel.archived) return refuse(410, 'channel_is_archived');
    try {
      say(entry, JSON.parse(body));
    } catch (error) {
      if (error instanceof SyntaxError) return refuse(400, 'invalid_payload');
      if (error instanceof SlackError) return refuse(400, error.code);
      throw error;
    }
    entry.uses += 1;
    return { status: 200, body: 'ok' };
  }

  /** Shows what was answered, as a post to the address or as the answer to the command itself. */
  function say(place: Place & { original: Message | Ephemeral | null }, given: unknown): void {
    if (!isRecord(given)) throw new SlackError('invalid_payload');
    const { workspace, channel, user, original } = place;
    if (given.delete_original === true) {
      if (original) remove(channel, original);
      return;
    }
    const content = readContent(world, given, mostText);
    needContent(content);
    if (given.replace_original === true && original) {
      editMessage(original, content, workspace.bot.user, nextTs(world, channel));
      return;
    }
    const thread = typeof given.thread_ts === 'string' ? { thread_ts: given.thread_ts } : {};
    const isPublic = given.response_type === 'in_channel';
    const said = isPublic
      ? addMessage(world, workspace, channel, content, thread)
      : whisper(workspace, channel, user, content, thread);
    place.original ??= said;
  }

  function whisper(
    workspace: Workspace,
    channel: Channel,
    to: string,
    content: Content,
    more: Partial<Message>,
  ): Ephemeral {
    const message = { ...makeMessage(world, workspace, channel, content, more), to };
    channel.ephemerals.push(message);
    return message;
  }

  return { issue, post, say };
}

function remove(channel: Channel, message: Message | Ephemeral): void {
  if ('to' in message) channel.ephemerals = channel.ephemerals.filter(one => one !== message);
  else removeMessage(channel, message);
}

function refuse(status: number, error: string): { status: number; body: string } {
  return { status, body: JSON.stringify({ ok: false, error }) };
}
