import { z } from 'zod';

/** https://docs.slack.dev/apis/events-api/using-socket-mode */
const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello') }),
  z.object({ type: z.literal('disconnect'), reason: z.string().default('') }),
  z.object({
    type: z.enum(['slash_commands', 'interactive', 'events_api']),
    envelope_id: z.string().min(1),
    payload: z.record(z.string(), z.unknown()),
    accepts_response_payload: z.boolean().default(false),
  }),
]);

/** What Slack says over a socket. `body`: the text that the same thing has over HTTP. */
export type SocketMessage =
  | { type: 'hello' }
  | { type: 'disconnect'; reason: string }
  | { type: 'envelope'; id: string; body: string; answerable: boolean };

/** `null`: none of Slack's messages. Never throws. */
export function readSocketMessage(text: string): SocketMessage | null {
  const parsed = messageSchema.safeParse(jsonOf(text));
  if (!parsed.success) return null;
  const message = parsed.data;
  if (message.type === 'hello' || message.type === 'disconnect') return message;
  const { type, envelope_id: id, payload, accepts_response_payload: answerable } = message;
  return { type: 'envelope', id, body: bodyOf(type, payload), answerable };
}

function bodyOf(
  type: 'slash_commands' | 'interactive' | 'events_api',
  payload: Record<string, unknown>,
): string {
  if (type === 'events_api') return JSON.stringify(payload);
  if (type === 'interactive') return formOf([['payload', JSON.stringify(payload)]]);
  return formOf(Object.entries(payload).map(([name, value]) => [name, String(value)]));
}

/** A form as it is written here: senders differ in what they escape, and one thing said twice must be known as one. */
export function formOf(fields: [name: string, value: string][]): string {
  return new URLSearchParams(fields).toString();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
