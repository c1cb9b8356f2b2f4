import { webhooks } from '../../webhooks/index.ts';
import { createSlackListeners } from '../adapters/slack/bolt.ts';
import { slackMessenger } from '../adapters/slack/messenger.ts';
import type { Config } from '../config.ts';
import { type Log, MessengerError, type MessengerPort } from '../core/ports.ts';
import type { Delivery, Translation } from '../core/webhook.ts';

export interface Slack {
  /** Runs a stored delivery through Bolt and hands what it says, translated, to the callback. */
  unpack(delivery: Delivery, onTranslation: (translation: Translation) => Promise<void>): Promise<void>;
  messenger: MessengerPort;
}

/** Slack as the worker uses it; without its variables, deliveries are ignored and messages have no place. */
export function openSlack(config: Config, log: Log): Slack {
  if (!config.slack) return off;
  const { botToken, apiUrl } = config.slack;
  const listeners = createSlackListeners({ authorize: async () => ({ botToken }), log });
  const own = new URL(apiUrl);
  const responseOrigins = ['https://hooks.slack.com', ...(own.hostname === 'slack.com' ? [] : [own.origin])];
  return {
    messenger: slackMessenger({ token: botToken, apiUrl, responseOrigins, log }),
    unpack: (delivery, onTranslation) =>
      listeners.handle(delivery, async (kind, payload) => {
        const webhook = webhooks.find(one => one.source === 'slack' && one.kind === kind);
        if (webhook) return await onTranslation(webhook.translate(payload, delivery.deliveryId));
        await onTranslation({ kind: 'ignore', why: `nothing listens to a Slack ${kind}` });
      }),
  };
}

const off: Slack = {
  unpack: (_, onTranslation) => onTranslation({ kind: 'ignore', why: 'Slack is not configured' }),
  messenger: {
    send: () => Promise.reject(new MessengerError('Slack is not configured', 'gone', 0)),
    find: async () => null,
  },
};
