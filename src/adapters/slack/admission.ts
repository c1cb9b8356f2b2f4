import { z } from 'zod';
import { type ErrorCode, fault } from '../../core/errors.ts';
import type { InstallationStore, Log } from '../../core/ports.ts';
import type { Translation } from '../../core/webhook.ts';
import type { SlackKind } from './body.ts';
import { actorOf, isGuest, senderOf, whisperPlaceOf } from './sender.ts';
import type { SlackTokens } from './tokens.ts';

export type Admission =
  | { ok: true; token: string; team: string | null; enterprise: string | null }
  | { ok: false; code: ErrorCode };

/**
 * Whether a payload's sender may speak here at all: the app is installed in their workspace, and they belong to it. Stands before every
 * translation, so that none can forget it. Throws where the answer cannot be had now.
 */
export async function admit(kind: SlackKind, payload: unknown, tokens: SlackTokens): Promise<Admission> {
  const sender = senderOf(kind, payload);
  const { team, enterprise } = sender;
  const token = await tokens.tokenFor(team, enterprise);
  if (token === null) return { ok: false, code: 'WORKSPACE_UNKNOWN' };
  if (isGuest(sender)) return { ok: false, code: 'SENDER_FOREIGN' };
  return { ok: true, token, team, enterprise };
}

/** What becomes of a delivery whose sender may not speak. */
export function refusal(kind: SlackKind, payload: unknown, deliveryId: string, code: ErrorCode): Translation {
  const sender = senderOf(kind, payload);
  return {
    kind: 'refuse',
    key: `slack:${deliveryId}`,
    actor: actorOf(sender),
    place: whisperPlaceOf(sender),
    fault: fault(code),
  };
}

const leavingSchema = z.object({
  team_id: z.string().nullish().default(null),
  enterprise_id: z.string().nullish().default(null),
  /** Seconds. */
  event_time: z.number(),
  event: z.union([
    z.object({ type: z.literal('app_uninstalled') }),
    z.object({
      type: z.literal('tokens_revoked'),
      tokens: z.object({ bot: z.array(z.string()).nullish() }),
    }),
  ]),
});

/** `true`: Slack says that the app was removed from a workspace, or its bot's token taken back, and it was written down. */
export async function takeLeave(
  payload: unknown,
  ports: { tokens: SlackTokens; installations: InstallationStore | null; log: Log; now: Date },
): Promise<boolean> {
  const parsed = leavingSchema.safeParse(payload);
  if (!parsed.success) return false;
  const { team_id: team, enterprise_id: enterprise, event_time, event } = parsed.data;
  ports.tokens.forget();
  const revoked = await ports.installations?.revoke({ team, enterprise }, event.type, ports.now, {
    // It may come late, when the app is there again.
    installedBefore: new Date(event_time * 1000),
    ...(event.type === 'tokens_revoked' ? { botUsers: event.tokens.bot ?? [] } : {}),
  });
  if (revoked)
    ports.log.warn({ team, enterprise, type: event.type }, 'slack removed the app from a workspace');
  return true;
}
