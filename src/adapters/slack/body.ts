import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What a body from Slack is, told from the body alone, so that a stored one is read as it was when it came. */
export type SlackBody =
  | { type: 'delivery'; kind: SlackKind; deliveryId: string; payload: Record<string, unknown> }
  /** Slack makes sure that the address is ours. */
  | { type: 'challenge'; challenge: string }
  | { type: 'ssl-check' }
  | { type: 'unknown'; why: string };

export type SlackKind = 'command' | 'interaction' | 'event';

const eventSchema = z.object({ type: z.literal('event_callback'), event_id: z.string().min(1) });
const challengeSchema = z.object({ type: z.literal('url_verification'), challenge: z.string() });
const interactionSchema = z.object({ type: z.string() });
const commandSchema = z.object({ command: z.string().min(1) });

/**
 * Tells what a body is, and its unique id: an event's own, else the digest of the body (commands and interactions carry a `trigger_id`
 * that no other has). Never throws.
 */
export function readSlackBody(text: string): SlackBody {
  return text.trimStart().startsWith('{') ? readJson(text) : readForm(text);
}

function readJson(text: string): SlackBody {
  const payload = parseObject(text);
  if (payload === null) return { type: 'unknown', why: 'the JSON cannot be read' };
  const challenge = challengeSchema.safeParse(payload);
  if (challenge.success) return { type: 'challenge', challenge: challenge.data.challenge };
  const event = eventSchema.safeParse(payload);
  if (!event.success) return { type: 'unknown', why: 'the JSON is no event' };
  return { type: 'delivery', kind: 'event', deliveryId: event.data.event_id, payload };
}

function readForm(text: string): SlackBody {
  const pairs = [...new URLSearchParams(text)];
  // Slack never repeats a field; of two that differ, another reader could take the other one.
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length)
    return { type: 'unknown', why: 'a field is there twice' };
  // PostgreSQL keeps no NUL in text.
  if (pairs.some(pair => pair.join().includes('\0'))) return { type: 'unknown', why: 'a field holds NUL' };
  const fields: Record<string, unknown> = Object.fromEntries(pairs);
  const deliveryId = createHash('sha256').update(text).digest('hex');
  if (typeof fields.payload === 'string') {
    const payload = parseObject(fields.payload);
    if (payload === null || !interactionSchema.safeParse(payload).success)
      return { type: 'unknown', why: 'the payload cannot be read' };
    return { type: 'delivery', kind: 'interaction', deliveryId, payload };
  }
  if (fields.ssl_check !== undefined) return { type: 'ssl-check' };
  if (!commandSchema.safeParse(fields).success) return { type: 'unknown', why: 'the form is no command' };
  return { type: 'delivery', kind: 'command', deliveryId, payload: fields };
}

const objectSchema = z.record(z.string(), z.unknown());

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const parsed = objectSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
