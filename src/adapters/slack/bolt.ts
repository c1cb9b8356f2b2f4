import { App, type Authorize, type Context, type Receiver } from '@slack/bolt';
import type { Log } from '../../core/ports.ts';
import type { Delivery } from '../../core/webhook.ts';
import { readSlackBody, type SlackKind } from './body.ts';
import { slackLogger } from './logger.ts';

interface SlackListenersOptions {
  /** Which bot speaks for a workspace. Never called at construction, so a Slack that is away does not stop a boot. */
  authorize: Authorize<boolean>;
  log: Log;
}

/** Handles one payload of a delivery; what it throws comes out of `handle`. */
type OnPayload = (kind: SlackKind, payload: unknown) => Promise<void>;

/**
 * Runs stored deliveries through Bolt. There is no HTTP here: the edge has verified, stored and acknowledged long before. `handle`
 * resolves when all listeners are done and throws what they threw, so that the delivery is tried again.
 */
export function createSlackListeners({ authorize, log }: SlackListenersOptions): {
  handle(delivery: Delivery, onPayload: OnPayload): Promise<void>;
} {
  const app = new App({
    receiver: storedDeliveries,
    authorize,
    logger: slackLogger(log),
    // It keeps state in memory, which another worker does not have.
    convoStore: false,
  });
  const listen =
    (kind: SlackKind) =>
    // Bolt hands the custom properties of an event on in its context.
    ({ body, context }: { body: unknown; context: Context & { onPayload?: OnPayload } }) =>
      context.onPayload?.(kind, body) ?? Promise.resolve();
  app.command(/.*/, listen('command'));
  app.event(/.*/, listen('event'));
  app.action({}, listen('interaction'));
  app.shortcut({}, listen('interaction'));
  app.view({ type: 'view_submission' }, listen('interaction'));
  app.view({ type: 'view_closed' }, listen('interaction'));
  // Bolt wraps what has no code of its own; callers want what was thrown.
  app.error(async error => {
    throw 'original' in error && error.original instanceof Error ? error.original : error;
  });

  async function handle(delivery: Delivery, onPayload: OnPayload): Promise<void> {
    const body = readSlackBody(delivery.body);
    if (body.type !== 'delivery') {
      log.warn({ delivery: delivery.id, type: body.type }, 'stored slack delivery has no payload');
      return;
    }
    await app.processEvent({
      body: body.payload,
      customProperties: { onPayload },
      // The edge acknowledged it.
      ack: async () => {},
    });
  }

  return { handle };
}

/** Bolt wants a source of events; ours is the table of deliveries, read by the workers. */
const storedDeliveries: Receiver = {
  init: () => {},
  start: async () => {},
  stop: async () => {},
};
