import { isUtf8 } from 'node:buffer';
import type { RawRequest } from '../../core/edge.ts';

export type GitHubMessage =
  | {
      ok: true;
      event: string;
      deliveryId: string;
      /** JSON, as it was sent; of a form what its one field holds. */
      body: Uint8Array;
      action: string | null;
    }
  | { ok: false; why: string };

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers */
const eventForm = /^[a-z][a-z0-9_]{0,63}$/;
const guidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * What a verified message says of itself: an event's name, once, in small letters; a GUID, once; and an object of JSON as far as that is
 * looked at, either plain or as the one field `payload` of a form, the two content types that GitHub offers. Never throws.
 */
export function readGitHubMessage({ headers, body }: Pick<RawRequest, 'headers' | 'body'>): GitHubMessage {
  const { 'x-github-event': event, 'x-github-delivery': guid, 'content-type': type } = headers;
  if (typeof event !== 'string' || !eventForm.test(event)) return no('X-GitHub-Event names no event');
  if (typeof guid !== 'string' || !guidForm.test(guid)) return no('X-GitHub-Delivery is no GUID');
  const media = typeof type === 'string' ? type.split(';', 1)[0]?.trim().toLowerCase() : '';
  if (media !== 'application/json' && media !== 'application/x-www-form-urlencoded')
    return no('the content type is neither JSON nor a form');
  if (!isUtf8(body)) return no('the body is not UTF-8 text');
  const sent = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const json = media === 'application/json' ? sent : payloadOf(sent.toString());
  if (json === null) return no('the form is not one field named payload');
  const said = actionOf(json);
  return said.ok
    ? { ok: true, event, deliveryId: guid.toLowerCase(), body: json, action: said.action }
    : no(said.why);
}

function no(why: string): GitHubMessage {
  return { ok: false, why };
}

function payloadOf(form: string): Buffer | null {
  const [field, ...others] = [...new URLSearchParams(form)];
  return field?.[0] === 'payload' && others.length === 0 ? Buffer.from(field[1]) : null;
}

/** As GitHub begins what has an action: all of it that is looked at then. */
const usual = /^\{"action":"([a-z_]{1,64})",/;
const longestBeginning = 80;
const closingBrace = 0x7d;
/** Parsed at once. */
const smallBytes = 4_096;

/**
 * The action of a payload, `null` where it has none. To parse all of 20 kB for it would cost a third of all that is done before the ack; so
 * what is large and begins as GitHub's payloads do is taken for one, and whoever works on it finds out whether the rest is true.
 */
function actionOf(json: Buffer): { ok: true; action: string | null } | { ok: false; why: string } {
  const action = usual.exec(json.toString('latin1', 0, longestBeginning))?.[1];
  if (action !== undefined && json.length > smallBytes && json.at(-1) === closingBrace)
    return { ok: true, action };
  const payload = objectOf(json.toString());
  if (payload === null) return { ok: false, why: 'the payload is no JSON object' };
  return { ok: true, action: typeof payload.action === 'string' ? payload.action : null };
}

function objectOf(text: string): { action?: unknown } | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}
