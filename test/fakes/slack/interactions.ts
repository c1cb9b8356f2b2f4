import { isRecord } from './args.ts';
import type { Delivery, deliverer } from './deliver.ts';
import { actorOf, channelName, interactionBase, placeOf, type Who } from './payload.ts';
import type { responseUrls } from './response-url.ts';
import { elementsOf, type Filled, optionOf, stateOf } from './state.ts';
import type { triggerIds } from './triggers.ts';
import { showView, type Views } from './views.ts';
import type { Channel, Ephemeral, Message, Workspace, World } from './world.ts';

export interface InteractionParts {
  world: World;
  views: Views;
  triggers: ReturnType<typeof triggerIds>;
  urls: ReturnType<typeof responseUrls>;
  out: ReturnType<typeof deliverer>;
}

/** Changes a payload before it is signed: an altered button value, another channel. */
type Alter = (payload: Record<string, unknown>) => Record<string, unknown>;

export interface Click extends Who {
  /** Where the element is: in a message, or in a modal or a Home. */
  in: { channel: string; ts: string } | { view: string };
  actionId: string;
  /** Needed only where the `action_id` is in several blocks. */
  blockId?: string;
  /** What was chosen, by an option's value, or typed, where the element is no button. */
  choice?: unknown;
  /** What was filled in so far, in a view. */
  filled?: Filled;
  alter?: Alter;
}

export interface Clicked {
  delivery: Delivery;
  triggerId: string;
  /** Empty in a view. */
  responseUrl: string;
}

type Part = Record<string, unknown>;

/** Buttons and menus, shortcuts. An answer that does not come in time shows a warning sign to the person, and is not tried again. */
export function interactions({ world, views, triggers, urls, out }: InteractionParts) {
  async function send(payload: Part, alter: Alter = same => same): Promise<Delivery> {
    return out.deliver({ type: 'interactive', payload: alter(payload), accepts: true });
  }

  async function click(click: Click): Promise<Clicked> {
    const { workspace } = actorOf(world, click);
    const place =
      'view' in click.in ? inView(workspace, click, click.in.view) : inMessage(workspace, click, click.in);
    const { block, element } = find(place.blocks, click);
    if (typeof element.url === 'string' && element.type !== 'button')
      throw new Error('It only leads elsewhere.');
    const triggerId = triggers.issue(workspace.id, click.user, place.view);
    const delivery = await send(
      {
        type: 'block_actions',
        ...interactionBase(world, click),
        trigger_id: triggerId,
        ...place.payload,
        actions: [actionOf(block, element, click.choice, now())],
      },
      click.alter,
    );
    return { delivery, triggerId, responseUrl: place.responseUrl };
  }

  function inMessage(workspace: Workspace, { user }: Click, where: { channel: string; ts: string }) {
    const channel = placeOf(workspace, where.channel, user);
    const message = seenBy(channel, user, where.ts);
    if (!message) throw new Error(`${user} sees no message ${where.ts} in ${channel.id}.`);
    const isEphemeral = 'to' in message;
    const responseUrl = urls.issue('actions', { workspace, channel, user }, message);
    const { metadata: _, ...shown } = message;
    const blocks = (message.blocks ?? []).filter(isRecord);
    return {
      blocks,
      view: null,
      responseUrl,
      payload: {
        container: {
          type: 'message',
          message_ts: message.ts,
          channel_id: channel.id,
          is_ephemeral: isEphemeral,
        },
        channel: { id: channel.id, name: channelName(channel) },
        ...(!isEphemeral && { message: shown }),
        state: { values: stateOf(blocks, {}) },
        response_url: responseUrl,
      },
    };
  }

  function inView(workspace: Workspace, { user, filled = {} }: Click, id: string) {
    const view = views.get(id);
    if (view?.user !== user || view.team !== workspace.id)
      throw new Error(`${user} does not have the view ${id} open.`);
    const blocks = blocksOf(view.given);
    const values = lenient(blocks, filled);
    return {
      blocks,
      view: id,
      responseUrl: '',
      payload: { container: { type: 'view', view_id: id }, view: showView(world, workspace, view, values) },
    };
  }

  /** Somebody uses the app's global shortcut. */
  async function shortcut(given: Who & { callbackId: string }): Promise<Clicked> {
    const { workspace } = actorOf(world, given);
    const triggerId = triggers.issue(workspace.id, given.user);
    const base = { type: 'shortcut', ...interactionBase(world, given), callback_id: given.callbackId };
    return {
      delivery: await send({ ...base, trigger_id: triggerId, action_ts: now() }),
      triggerId,
      responseUrl: '',
    };
  }

  /** The app's shortcut in a message's menu; it works in channels where the bot is no member. */
  async function messageShortcut(
    given: Who & { callbackId: string; channel: string; ts: string; alter?: Alter },
  ): Promise<Clicked> {
    const { workspace } = actorOf(world, given);
    const channel = placeOf(workspace, given.channel, given.user);
    const message = channel.messages.get(given.ts);
    if (!message) throw new Error(`There is no message ${given.ts} in ${channel.id}.`);
    const triggerId = triggers.issue(workspace.id, given.user);
    const responseUrl = urls.issue('actions', { workspace, channel, user: given.user }, message);
    const payload = {
      type: 'message_action',
      ...interactionBase(world, given),
      callback_id: given.callbackId,
      trigger_id: triggerId,
      response_url: responseUrl,
      channel: { id: channel.id, name: channelName(channel) },
      message_ts: message.ts,
      message,
      action_ts: now(),
    };
    return { delivery: await send(payload, given.alter), triggerId, responseUrl };
  }

  const now = () =>
    `${Math.floor(world.clock.now() / 1000)}.${String(world.clock.now() % 1000).padStart(3, '0')}000`;

  return { send, click, shortcut, messageShortcut };
}

export function blocksOf(view: Part): Part[] {
  return Array.isArray(view.blocks) ? view.blocks.filter(isRecord) : [];
}

/** What somebody has filled in so far, where fields may still be empty. */
export function lenient(blocks: Part[], filled: Filled): Record<string, Record<string, unknown>> {
  return stateOf(
    blocks.map(block => ({ ...block, optional: true })),
    filled,
  );
}

function seenBy(channel: Channel, user: string, ts: string): Message | Ephemeral | undefined {
  return channel.messages.get(ts) ?? channel.ephemerals.find(one => one.ts === ts && one.to === user);
}

function find(blocks: Part[], { actionId, blockId }: Click): { block: Part; element: Part } {
  const there = blocks
    .filter(block => blockId === undefined || block.block_id === blockId)
    .flatMap(block => elementsOf(block).map(element => ({ block, element })))
    .filter(({ element }) => element.action_id === actionId);
  const [found, other] = there;
  if (!found) throw new Error(`Nothing here answers to ${actionId}.`);
  if (other) throw new Error(`${actionId} is in several blocks; say which one.`);
  return found;
}

function actionOf(block: Part, element: Part, choice: unknown, at: string): Part {
  const { type, action_id, text, value, style } = element;
  const base = { type, action_id, block_id: block.block_id, action_ts: at };
  if (type === 'button')
    return { ...base, text, ...(value !== undefined && { value }), ...(style !== undefined && { style }) };
  if (type === 'overflow') return { ...base, selected_option: optionOf(element, choice) };
  const values = lenient([{ ...block, accessory: undefined, elements: undefined, element }], {
    [String(block.block_id)]: { [String(action_id)]: choice },
  });
  return { ...base, ...(values[String(block.block_id)]?.[String(action_id)] as Part | undefined) };
}
