import { hash } from 'node:crypto';
import { z } from 'zod';
import { formOf } from './envelope.ts';

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

/**
 * Tells what a body is, and its unique id: an event's own, else the digest of what it says (commands and interactions carry a `trigger_id`
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
  // PostgreSQL keeps no NUL in text.
  if (text.includes('%00') || text.includes('\0')) return { type: 'unknown', why: 'a field holds NUL' };
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    // Slack never repeats a field; of two that differ, another reader could take the other one.
    if (fields.has(name)) return { type: 'unknown', why: 'a field is there twice' };
    fields.set(name, value);
  }
  const packed = fields.get('payload');
  if (packed !== undefined) {
    const payload = parseObject(packed);
    if (payload === null || !interactionSchema.safeParse(payload).success)
      return { type: 'unknown', why: 'the payload cannot be read' };
    return {
      type: 'delivery',
      kind: 'interaction',
      deliveryId: digest([['payload', JSON.stringify(payload)]]),
      payload,
    };
  }
  if (fields.has('ssl_check')) return { type: 'ssl-check' };
  if (!fields.get('command')) return { type: 'unknown', why: 'the form is no command' };
  return {
    type: 'delivery',
    kind: 'command',
    deliveryId: digest([...fields]),
    payload: Object.fromEntries(fields),
  };
}

/** Of what is said, not of how it was escaped: the same comes over HTTP and over a socket. */
function digest(fields: [name: string, value: string][]): string {
  return hash('sha256', formOf(fields), 'hex');
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
