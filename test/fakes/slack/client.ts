import { signSlack } from '../../../src/adapters/slack/signature.ts';

let triggers = 0;

/** A slash command as Slack sends it: form fields, signed over the raw body. Every one has its own trigger, like Slack's. */
export function signedCommand(secret: string, fields: Record<string, string>, now: Date) {
  triggers += 1;
  const form = new URLSearchParams({
    team_id: 'T1',
    team_domain: 'example',
    channel_id: 'C1',
    channel_name: 'general',
    user_id: 'U1',
    user_name: 'developer',
    command: '/train',
    text: '',
    api_app_id: 'A1',
    is_enterprise_install: 'false',
    trigger_id: `${now.getTime()}.${triggers}`,
    ...fields,
  });
  return signedBody(secret, form.toString(), now);
}

/** Any body, signed as Slack signs it. */
export function signedBody<Body extends string | Uint8Array>(secret: string, body: Body, now: Date) {
  const timestamp = Math.floor(now.getTime() / 1000);
  const isJson = typeof body === 'string' && body.startsWith('{');
  const headers: Record<string, string> = {
    'content-type': isJson ? 'application/json' : 'application/x-www-form-urlencoded',
    'x-slack-request-timestamp': String(timestamp),
    'x-slack-signature': signSlack(secret, timestamp, body),
  };
  return { headers, body };
}
