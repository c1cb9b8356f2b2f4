import type { Place } from '../../core/actor.ts';
import { buttonText } from '../../core/button.ts';
import {
  type Log,
  MessengerError,
  type MessengerPort,
  type OutgoingMessage,
  type PicturePort,
  type RateBudget,
  type Signer,
} from '../../core/ports.ts';
import type { Reply, ReplyAction, ReplyBlock } from '../../core/reply.ts';
import { slackBot } from './as-bot.ts';
import { chartLimits } from './chart.ts';
import { messengerError, slackCode, unreadable, unrenderable } from './failure.ts';
import { renderHome } from './home.ts';
import { patiently } from './patiently.ts';
import { noLimits } from './rates.ts';
import { renderSlack, type SlackBlock } from './render.ts';
import { isAllowed, postToResponseUrl } from './response-url.ts';
import { cutEnd, shown } from './shown.ts';
import type { SlackTokens } from './tokens.ts';
import { sharePicture } from './upload.ts';

interface SlackMessengerOptions {
  tokens: Pick<SlackTokens, 'tokenFor' | 'failed'>;
  /** Default `https://slack.com/api/`. */
  apiUrl?: string;
  /** Origins to which a command's `response_url` may lead. */
  responseOrigins?: readonly string[];
  /** Makes the values of buttons. */
  signer: Pick<Signer, 'sign'>;
  /** Asked before each call. Absent: nothing is held back. */
  budget?: RateBudget;
  /** Draws what a workspace without Slack's own chart is shown. Absent: it gets a table alone. */
  pictures?: PicturePort | undefined;
  log: Log;
}

type SlackPlace = Place & { kind: 'slack' };
type Remote = { channel: string; ts: string };
interface Content {
  text: string;
  blocks: SlackBlock[];
}

const timeoutMs = 10_000;
const eventType = 'signalbox_surface';
const mostTitle = 200;
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
  tokens,
  apiUrl,
  responseOrigins = ['https://hooks.slack.com'],
  signer,
  budget = noLimits,
  pictures,
  log,
}: SlackMessengerOptions): MessengerPort {
  /** Workspaces that did not know Slack's own chart when they were asked; asked again by the next process. */
  const chartless = new Set<string>();
  const asBot = slackBot({ tokens, apiUrl, budget, timeoutMs, log });

  async function send(message: OutgoingMessage): Promise<{ remote: Remote | null }> {
    const place = slackPlace(message.place);
    const buttonValue = await valuesOf(message.content, place.team, channelOf(message, place));
    const charts = message.content.blocks.filter(block => block.kind === 'chart');
    const render = (way: 'native' | 'table') =>
      renderSlack(message.content, {
        buttonValue,
        charts: way,
        ...(place.askedIn ? { askedIn: place.askedIn } : {}),
      });
    let content = render('native');
    const isDrawn = content.blocks.some(({ type }) => type === 'data_visualization');
    if (!isDrawn || !chartless.has(place.team)) {
      const sent = await tried(message, place, content, isDrawn ? 'info' : 'warn');
      if (sent) return sent;
    }
    if (isDrawn) {
      // Perhaps the workspace does not know Slack's own chart yet.
      content = render('table');
      const sent = await tried(message, place, content, 'warn');
      if (sent) {
        chartless.add(place.team);
        await showPictures(charts, message, place, sent.remote);
        return sent;
      }
    }
    // The title alone is worth more than nothing.
    try {
      return { remote: await deliver(message, place, { ...content, blocks: [] }) };
    } catch (error) {
      throw messengerError(error);
    }
  }

  /** Null where Slack does not understand the blocks; then nothing was shown. */
  async function tried(
    message: OutgoingMessage,
    place: SlackPlace,
    content: Content,
    level: 'info' | 'warn',
  ): Promise<{ remote: Remote | null } | null> {
    try {
      return { remote: await deliver(message, place, content) };
    } catch (error) {
      if (!unrenderable.includes(slackCode(error) ?? '')) throw messengerError(error);
      log[level]({ err: error, team: place.team }, 'slack refused the blocks of a message');
      return null;
    }
  }

  /**
   * The same curves as pictures, in the thread below the message that has their values in a table. Only with its first post, and never
   * tried again: a picture that did not come is missed by nobody, one that came twice is clutter.
   */
  async function showPictures(
    charts: (ReplyBlock & { kind: 'chart' })[],
    message: OutgoingMessage,
    place: SlackPlace,
    remote: Remote | null,
  ): Promise<void> {
    const thread = message.thread ?? remote;
    if (!pictures || !thread || message.remote || message.content.audience === 'sender') return;
    try {
      for (const chart of charts.slice(0, chartLimits.charts)) {
        const bytes = await pictures.draw(chart, { format: 'png', theme: 'light' });
        if (!bytes) return;
        const where = { ...place, channel: thread.channel, thread: thread.ts };
        const title = cutEnd(shown(chart.title), mostTitle);
        await sharePicture(asBot, where, { name: 'chart.png', title, bytes }, responseOrigins);
      }
    } catch (err) {
      log.info({ err, team: place.team }, 'a picture could not be shared');
    }
  }

  /** A button counts in the channel where its message is, and nowhere else. */
  async function valuesOf(
    content: Reply,
    team: string,
    channel: string,
  ): Promise<(action: ReplyAction) => string> {
    const values = new Map<ReplyAction, string>();
    for (const block of content.blocks) {
      if (block.kind !== 'actions') continue;
      for (const one of block.actions) {
        const { action, run, cost, id, version } = one;
        const text = buttonText({ team, channel, action, run, cost, id, version });
        values.set(one, await signer.sign(text));
      }
    }
    return action => values.get(action) ?? '';
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
    if (message.remote) return edit(place, message.remote, content, message.patient);
    const target = channelOf(message, place);
    const { channel, ts } = await asBot(place, { method: 'chat.postMessage', channel: target }, client =>
      client.chat.postMessage({
        channel: target,
        ...content,
        ...(message.thread ? { thread_ts: message.thread.ts } : {}),
        metadata: { event_type: eventType, event_payload: { nonce: message.nonce } },
        mrkdwn: false,
        unfurl_links: false,
        unfurl_media: false,
      }),
    );
    if (!channel || !ts) throw new MessengerError('Slack did not say where the message is.', 'retry', 0);
    return { channel, ts };
  }

  async function whisper(message: OutgoingMessage, place: SlackPlace, content: Content): Promise<void> {
    const { channel, user, responseUrl } = place;
    const ts = message.thread?.ts ?? place.thread;
    const thread = ts ? { thread_ts: ts } : {};
    if (responseUrl && isAllowed(responseUrl, responseOrigins)) {
      if (await postToResponseUrl(responseUrl, { ...content, ...thread })) return;
    }
    // Where only the person listens, what stays until they look is better than what is gone by then.
    if (channel.startsWith('D')) {
      await asBot(place, { method: 'chat.postMessage', channel }, client =>
        client.chat.postMessage({ channel, ...content, ...thread, mrkdwn: false, unfurl_links: false }),
      );
      return;
    }
    await asBot(place, { method: 'chat.postEphemeral' }, client =>
      client.chat.postEphemeral({ channel, user, ...content, ...thread }),
    );
  }

  async function edit(place: SlackPlace, remote: Remote, content: Content, patient = false): Promise<Remote> {
    await asBot(place, { method: 'chat.update', patient }, client =>
      client.chat.update({ ...remote, ...content }),
    );
    return remote;
  }

  async function find(
    where: Place,
    nonce: string,
    since: Date,
    thread: Remote | null = null,
  ): Promise<Remote | null> {
    const place = slackPlace(where);
    const channel = thread?.channel ?? place.channel;
    const oldest = String(Math.floor(since.getTime() / 1000) - clockSkewS);
    const range = { channel, oldest, include_all_metadata: true, limit: pageSize };
    let cursor: string | undefined;
    try {
      for (let page = 0; page < mostPages; page++) {
        const read = () =>
          thread
            ? asBot(place, { method: 'conversations.replies' }, client =>
                client.conversations.replies({ ...range, ts: thread.ts, cursor }),
              )
            : asBot(place, { method: 'conversations.history' }, client =>
                client.conversations.history({ ...range, cursor }),
              );
        // Further pages wait here: from the first one on again, nobody would get to the end.
        const found = await (page === 0 ? read() : patiently(read));
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

  async function home(where: Place, content: Reply): Promise<{ remote: Remote | null }> {
    const place = slackPlace(where);
    const { user } = place;
    // The channel of a Home is whoever it is for.
    const view = renderHome(content, await valuesOf(content, place.team, user));
    try {
      const shown = await asBot(place, { method: 'views.publish' }, client =>
        client.views.publish({ user_id: user, view }),
      );
      return { remote: { channel: user, ts: shown.view?.id ?? user } };
    } catch (error) {
      if (slackCode(error) === 'invalid_arguments') log.warn({ err: error }, 'slack refused a Home');
      throw messengerError(error);
    }
  }

  async function direct(where: Place): Promise<Place> {
    const place = slackPlace(where);
    try {
      const { channel } = await asBot(place, { method: 'conversations.open' }, client =>
        client.conversations.open({ users: place.user }),
      );
      if (!channel?.id) throw new MessengerError('Slack did not say where the person is.', 'retry', 0);
      const { thread: _, ...rest } = place;
      return { ...rest, channel: channel.id, askedIn: place.channel };
    } catch (error) {
      // An app that was installed without the right to do it gets it by hand, if ever.
      if (slackCode(error) !== 'missing_scope') throw messengerError(error);
      throw new MessengerError('Signalbox may not write to people here (im:write is missing).', 'gone', 0);
    }
  }

  return { send, find, home, direct };
}

/** A thread is where its first message is, which may be another place than the one where it was asked. */
function channelOf({ remote, thread }: OutgoingMessage, place: SlackPlace): string {
  return remote?.channel ?? thread?.channel ?? place.channel;
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
