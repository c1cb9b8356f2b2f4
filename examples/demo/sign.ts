import { createHmac, randomBytes } from 'node:crypto';

/** The secret that the demo's Slack and the demo's Signalbox share. */
export const signingSecret = 'the-secret-of-the-demo';

/** Who types a command, and where; `responseUrl` is where only that person is answered. */
export interface Typist {
  team: string;
  channel: string;
  user: string;
  name?: string;
  responseUrl?: string;
}

/** Sends a slash command as Slack does: form-encoded, signed over timestamp and raw body. Answers the HTTP status. */
export async function signedCommand(url: string, line: string, from: Typist): Promise<number> {
  const [command = '', ...words] = line.split(' ');
  const body = new URLSearchParams({
    command,
    text: words.join(' '),
    team_id: from.team,
    channel_id: from.channel,
    user_id: from.user,
    user_name: from.name ?? 'octocat',
    trigger_id: randomBytes(8).toString('hex'),
    ...(from.responseUrl ? { response_url: from.responseUrl } : {}),
  }).toString();
  return await signed(url, body);
}

/** A button of a message, as Slack shows it. */
export interface Button {
  type: string;
  action_id: string;
  value?: string;
  text?: unknown;
}

/** Sends the press of a button as Slack does. Answers the HTTP status. */
export async function signedPress(
  url: string,
  button: Button,
  { message, ...from }: Typist & { message: { ts: string } },
): Promise<number> {
  const payload = {
    type: 'block_actions',
    team: { id: from.team },
    user: { id: from.user, username: from.name, team_id: from.team },
    channel: { id: from.channel },
    container: { type: 'message', message_ts: message.ts, channel_id: from.channel, is_ephemeral: false },
    message,
    trigger_id: randomBytes(8).toString('hex'),
    response_url: from.responseUrl,
    actions: [{ ...button, action_ts: String(Date.now() / 1_000) }],
  };
  return await signed(url, new URLSearchParams({ payload: JSON.stringify(payload) }).toString());
}

async function signed(url: string, body: string): Promise<number> {
  const timestamp = Math.floor(Date.now() / 1_000);
  const signature = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
  const response = await fetch(new URL('/slack/events', url), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': `v0=${signature}`,
    },
    body,
  });
  if (!response.ok) throw new Error(`Signalbox answered ${response.status}: ${await response.text()}`);
  return response.status;
}
