import { z } from 'zod';
import { webhooks } from '../../webhooks/index.ts';
import { slackSubmission } from '../../webhooks/slack-submission.ts';
import { admit, refusal, takeLeave } from '../adapters/slack/admission.ts';
import { slackBot } from '../adapters/slack/as-bot.ts';
import { createSlackListeners } from '../adapters/slack/bolt.ts';
import { slackGroupMembers } from '../adapters/slack/groups.ts';
import { slackMessenger } from '../adapters/slack/messenger.ts';
import { noLimits } from '../adapters/slack/rates.ts';
import { type SlackTokens, slackTokens } from '../adapters/slack/tokens.ts';
import type { Config } from '../config.ts';
import type { Place } from '../core/actor.ts';
import {
  GroupUnreadable,
  type InstallationStore,
  type Log,
  MessengerError,
  type MessengerPort,
  type PicturePort,
  type RateBudget,
  type Signer,
} from '../core/ports.ts';
import type { Delivery, Translation, WebhookDefinition } from '../core/webhook.ts';

export interface Slack {
  /** Runs a stored delivery through Bolt and hands what it says, translated, to the callback. */
  unpack(delivery: Delivery, onTranslation: (translation: Translation) => Promise<void>): Promise<void>;
  messenger: MessengerPort;
  /** Who is in a user group of a workspace; null: there is none such. Throws `GroupUnreadable`. */
  groupMembers(team: string, group: string): Promise<string[] | null>;
  /** Which bot speaks where. */
  tokens: SlackTokens;
}

const groupTimeoutMs = 10_000;

/** Slack as the worker uses it; without its variables, deliveries are ignored and messages have no place. */
export function openSlack(
  config: Config,
  installations: InstallationStore,
  signer: Signer,
  log: Log,
  clock: () => Date,
  budget?: RateBudget,
  pictures?: PicturePort,
): Slack {
  if (!config.slack) return off;
  const { botToken, apiUrl, client } = config.slack;
  const installed = client ? installations : null;
  const tokens = slackTokens({ botToken, installations: installed, apiUrl, log, clock });
  // Listeners speak to nobody: what they hear is translated, and answers go out as surfaces.
  const listeners = createSlackListeners({ authorize: async () => ({}), log });
  const own = new URL(apiUrl);
  const responseOrigins = ['https://hooks.slack.com', ...(own.hostname === 'slack.com' ? [] : [own.origin])];
  const messenger = slackMessenger({
    tokens,
    apiUrl,
    responseOrigins,
    signer,
    ...(budget ? { budget } : {}),
    pictures,
    log,
  });
  return {
    tokens,
    messenger,
    groupMembers: slackGroupMembers(
      slackBot({ tokens, apiUrl, budget: budget ?? noLimits, timeoutMs: groupTimeoutMs, log }),
    ),
    unpack: async (delivery, onTranslation) => {
      // It was read and admitted where it was answered.
      if (delivery.kind === 'submission') {
        const submission = await translate(slackSubmission, JSON.parse(delivery.body), delivery, signer);
        if (submission.kind !== 'intent') return await onTranslation(submission);
        const place = await inPerson(submission.intent.place, messenger);
        return await onTranslation({ kind: 'intent', intent: { ...submission.intent, place } });
      }
      await listeners.handle(delivery, async (kind, payload) => {
        if (await takeLeave(payload, { tokens, installations: installed, log, now: clock() })) return;
        const type = kind === 'event' ? eventType(payload) : null;
        const webhook = webhooks.find(
          one =>
            one.source === 'slack' &&
            one.kind === kind &&
            (type === null || !one.events || one.events.includes(type)),
        );
        if (!webhook)
          return await onTranslation({ kind: 'ignore', why: `nothing listens to a Slack ${type ?? kind}` });
        const translation = await translate(webhook, payload, delivery, signer);
        // Nobody speaks there: Slack itself says what it is to be asked about.
        const { kind: said } = translation;
        if (said === 'ignore' || said === 'group' || said === 'intents' || said === 'repository')
          return await onTranslation(translation);
        const admission = await admit(kind, payload, tokens);
        if (!admission.ok)
          return await onTranslation(refusal(kind, payload, delivery.deliveryId, admission.code));
        if (translation.kind === 'refuse') {
          const place = translation.place && (await inPerson(translation.place, messenger));
          return await onTranslation({ ...translation, place });
        }
        const enterprise = admission.enterprise ? { enterprise: admission.enterprise } : {};
        if (translation.kind === 'home')
          return await onTranslation({ ...translation, place: { ...translation.place, ...enterprise } });
        if (translation.kind !== 'intent') return await onTranslation(translation);
        const { intent } = translation;
        const place = await inPerson({ ...intent.place, ...enterprise }, messenger);
        await onTranslation({ kind: 'intent', intent: { ...intent, place } });
      });
    },
  };
}

/**
 * What was asked for in no channel (the channel is the person) belongs into the conversation with them. Throws `MessengerError` to try
 * again.
 */
export async function inPerson(place: Place, messenger: Pick<MessengerPort, 'direct'>): Promise<Place> {
  if (place.kind !== 'slack' || place.channel !== place.user) return place;
  try {
    const direct = await messenger.direct(place);
    return direct.kind === 'slack' ? { ...place, channel: direct.channel } : place;
  } catch (err) {
    // Slack takes a post to the person as well; only answers to buttons there are lost.
    if (err instanceof MessengerError && err.outcome !== 'retry') return place;
    throw err;
  }
}

function eventType(payload: unknown): string {
  return z.object({ event: z.object({ type: z.string() }) }).safeParse(payload).data?.event.type ?? '';
}

async function translate(
  webhook: WebhookDefinition,
  payload: unknown,
  { deliveryId }: Delivery,
  signer: Signer,
): Promise<Translation> {
  const translation = webhook.translate(payload, deliveryId);
  return translation.kind === 'signed' ? translation.read(await signer.read(translation.value)) : translation;
}

const off: Slack = {
  unpack: (_, onTranslation) => onTranslation({ kind: 'ignore', why: 'Slack is not configured' }),
  messenger: {
    send: () => Promise.reject(new MessengerError('Slack is not configured', 'gone', 0)),
    find: async () => null,
    direct: () => Promise.reject(new MessengerError('Slack is not configured', 'gone', 0)),
    home: () => Promise.reject(new MessengerError('Slack is not configured', 'gone', 0)),
  },
  groupMembers: () => Promise.reject(new GroupUnreadable('Slack is not configured.', 0)),
  tokens: { tokenFor: async () => null, failed: async () => {}, forget: () => {} },
};
