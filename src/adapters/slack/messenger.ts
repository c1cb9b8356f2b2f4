import type { KnownBlock } from '@slack/types';
import { WebClient } from '@slack/web-api';
import type { Place } from '../../core/actor.ts';
import { type Log, MessengerError, type MessengerPort, type OutgoingMessage } from '../../core/ports.ts';
import { messengerError, slackCode, unreadable, unrenderable } from './failure.ts';
import { slackLogger } from './logger.ts';
import { renderSlack } from './render.ts';
import { isAllowed, postToResponseUrl } from './response-url.ts';

interface SlackMessengerOptions {
  /** Bot token. */
  token: string;
  /** Default `https://slack.com/api/`. */
  apiUrl?: string;
  /** Origins to which a command's `response_url` may lead. */
  responseOrigins?: readonly string[];
  log: Log;
}

type SlackPlace = Place & { kind: 'slack' };
type Remote = { channel: string; ts: string };
interface Content {
  text: string;
  blocks: KnownBlock[];
}

const timeoutMs = 10_000;
const eventType = 'signalbox_surface';
const pageSize = 200;
const mostPages = 10;
/** By how much Slack's clock may be behind ours. */
const clockSkewS = 60;

/**
 * Shows replies in Slack. A post carries its nonce in the message's metadata, by which `find` recognises it; where the history cannot
 * be read (`channels:history` is missing, the bot is not in the channel), and for answers that only one person sees, a post whose
 * response was lost is made a second time: at most one duplicate.
 */
export function slackMessenger({
  token,
  apiUrl,
  responseOrigins = ['https://hooks.slack.com'],
  log,
}: SlackMessengerOptions): MessengerPort {
  const client = new WebClient(token, {
    ...(apiUrl ? { slackApiUrl: apiUrl } : {}),
    logger: slackLogger(log),
    // Who tries again, and when, is decided where the message is stored.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: timeoutMs,
    allowAbsoluteUrls: false,
  });

  async function send(message: OutgoingMessage): Promise<{ remote: Remote | null }> {
    const place = slackPlace(message.place);
    const content = renderSlack(message.content);
    try {
      return { remote: await deliver(message, place, content) };
    } catch (error) {
      if (!unrenderable.includes(slackCode(error) ?? '')) throw messengerError(error);
      log.warn({ err: error }, 'slack refused the blocks of a message');
    }
    // The title alone is worth more than nothing.
    try {
      return { remote: await deliver(message, place, { ...content, blocks: [] }) };
    } catch (error) {
      throw messengerError(error);
    }
  }

  async function deliver(
    message: OutgoingMessage,
    place: SlackPlace,
    content: Content,
  ): Promise<Remote | null> {
    if (message.content.audience === 'sender') {
      await whisper(message, place, content);
      return null;
    }
    if (message.remote) return edit(message.remote, content);
    const { channel, ts } = await client.chat.postMessage({
      channel: place.channel,
      ...content,
      ...(message.thread ? { thread_ts: message.thread.ts } : {}),
      metadata: { event_type: eventType, event_payload: { nonce: message.nonce } },
      mrkdwn: false,
      unfurl_links: false,
      unfurl_media: false,
    });
    if (!channel || !ts) throw new MessengerError('Slack did not say where the message is.', 'retry', 0);
    return { channel, ts };
  }

  async function whisper(message: OutgoingMessage, place: SlackPlace, content: Content): Promise<void> {
    const { channel, user, responseUrl } = place;
    if (responseUrl && isAllowed(responseUrl, responseOrigins)) {
      if (await postToResponseUrl(responseUrl, { ...content })) return;
    }
    const thread = message.thread ? { thread_ts: message.thread.ts } : {};
    await client.chat.postEphemeral({ channel, user, ...content, ...thread });
  }

  async function edit(remote: Remote, content: Content): Promise<Remote> {
    await client.chat.update({ ...remote, ...content });
    return remote;
  }

  async function find(
    where: Place,
    nonce: string,
    since: Date,
    thread: Remote | null = null,
  ): Promise<Remote | null> {
    const { channel } = slackPlace(where);
    const oldest = String(Math.floor(since.getTime() / 1000) - clockSkewS);
    const range = { channel, oldest, include_all_metadata: true, limit: pageSize };
    let cursor: string | undefined;
    try {
      for (let page = 0; page < mostPages; page++) {
        const found = thread
          ? await client.conversations.replies({ ...range, ts: thread.ts, cursor })
          : await client.conversations.history({ ...range, cursor });
        const match = found.messages?.find(message => isOurs(message.metadata, nonce));
        if (match?.ts) return { channel, ts: match.ts };
        cursor = found.response_metadata?.next_cursor;
        if (!cursor) return null;
      }
    } catch (error) {
      if (!unreadable.includes(slackCode(error) ?? '')) throw messengerError(error);
      log.warn({ err: error, channel }, 'slack history cannot be read');
    }
    return null;
  }

  return { send, find };
}

function isOurs(
  metadata: { event_type?: string; event_payload?: object } | undefined,
  nonce: string,
): boolean {
  if (metadata?.event_type !== eventType || !metadata.event_payload) return false;
  return 'nonce' in metadata.event_payload && metadata.event_payload.nonce === nonce;
}

function slackPlace(place: Place): SlackPlace {
  if (place.kind === 'slack') return place;
  throw new MessengerError(`A ${place.kind} place shows no messages.`, 'gone', 0);
}
