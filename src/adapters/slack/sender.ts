import { z } from 'zod';
import type { Actor, Place } from '../../core/actor.ts';
import type { SlackKind } from './body.ts';

/** Who sent a delivery and from where, as Slack says it. Nothing here was typed by anybody. */
export interface Sender {
  /** Where the app was spoken to. */
  team: string | null;
  enterprise: string | null;
  user: string | null;
  name: string | null;
  /** The user's own workspace or organisation, where Slack says it. */
  home: string | null;
  /** Slack says outright that they are from elsewhere. */
  stranger: boolean;
  channel: string | null;
  responseUrl: string | null;
}

const id = z
  .string()
  .regex(/^[A-Za-z0-9]+$/)
  .nullish()
  .catch(null);
const url = z
  .url({ protocol: /^https?$/ })
  .nullish()
  .catch(null);
const thing = <S extends z.ZodRawShape>(shape: S) => z.object(shape).nullish().catch(null);

const commandSchema = z.object({
  team_id: id,
  enterprise_id: id,
  user_id: id,
  user_name: z.string().optional(),
  channel_id: id,
  response_url: url,
});

const interactionSchema = z.object({
  team: thing({ id }),
  enterprise: thing({ id }),
  user: thing({
    id,
    username: z.string().optional(),
    name: z.string().optional(),
    team_id: id,
    is_stranger: z.boolean().optional(),
  }),
  channel: thing({ id }),
  response_url: url,
  /** Of a modal, whose payload names no channel. */
  response_urls: z
    .array(z.object({ response_url: url }))
    .optional()
    .catch(undefined),
});

const eventSchema = z.object({
  team_id: id,
  context_team_id: id,
  enterprise_id: id,
  context_enterprise_id: id,
  event: thing({
    user: z.union([z.string(), z.object({ id: z.string() }).transform(user => user.id)]).optional(),
    user_team: id,
    channel: id,
  }),
});

/** Reads the payload of a delivery. What is not there, or not as Slack writes it, is `null`. */
export function senderOf(kind: SlackKind, payload: unknown): Sender {
  if (kind === 'command') {
    const said = commandSchema.safeParse(payload).data;
    return sender({
      team: said?.team_id,
      enterprise: said?.enterprise_id,
      user: said?.user_id,
      name: said?.user_name,
      channel: said?.channel_id,
      responseUrl: said?.response_url,
    });
  }
  if (kind === 'event') {
    const said = eventSchema.safeParse(payload).data;
    return sender({
      // In a shared channel the event may be another workspace's; the context is the one for which the app is told.
      team: said?.context_team_id ?? said?.team_id,
      enterprise: said?.context_enterprise_id ?? said?.enterprise_id,
      user: said?.event?.user,
      home: said?.event?.user_team,
      channel: said?.event?.channel,
    });
  }
  const said = interactionSchema.safeParse(payload).data;
  return sender({
    // Spoken to in an organisation and in none of its workspaces, there is no team, and the user's is the nearest.
    team: said?.team?.id ?? said?.user?.team_id,
    enterprise: said?.enterprise?.id,
    user: said?.user?.id,
    name: said?.user?.username ?? said?.user?.name,
    home: said?.user?.team_id,
    stranger: said?.user?.is_stranger,
    channel: said?.channel?.id,
    responseUrl: said?.response_url ?? said?.response_urls?.[0]?.response_url,
  });
}

/**
 * Whether somebody of another company speaks, over Slack Connect. People of an organisation may be at home in it rather than in one of its
 * workspaces.
 */
export function isGuest({ team, enterprise, home, stranger }: Sender): boolean {
  return stranger || (home !== null && home !== team && home !== enterprise);
}

export function actorOf({ team, enterprise, user, name }: Sender): Actor {
  const who = user ?? 'unknown';
  return { kind: 'slack', id: `${team ?? enterprise ?? 'unknown'}/${who}`, name: name || who };
}

/** Where an answer for them alone can go; `null` where Slack gave no address of its own for it. */
export function whisperPlaceOf({ team, user, channel, responseUrl }: Sender): Place | null {
  if (!responseUrl || !team || !user) return null;
  return { kind: 'slack', team, user, channel: channel ?? '', responseUrl };
}

type Said = { [K in keyof Sender]?: Sender[K] | undefined };

function sender(said: Said): Sender {
  return {
    team: said.team ?? null,
    enterprise: said.enterprise ?? null,
    user: said.user ?? null,
    name: said.name ?? null,
    home: said.home ?? null,
    stranger: said.stranger ?? false,
    channel: said.channel ?? null,
    responseUrl: said.responseUrl ?? null,
  };
}
