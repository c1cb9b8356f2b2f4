import { randomBytes } from 'node:crypto';
import { signSlack } from '../../src/adapters/slack/signature.ts';

/** `/train` as Slack sends it, whole: head and body, with a trigger that no other has. About 900 bytes, 520 of them body. */
export function slashCommand(secret: string, now: Date): Buffer {
  const timestamp = Math.floor(now.getTime() / 1000);
  const id = () => String(randomBytes(6).readUIntBE(0, 6)).padStart(13, '0').slice(-13);
  const body = new URLSearchParams({
    token: 'gIkuvaNzQIHg97ATvDxqgjtO',
    team_id: 'T0001ABCD',
    team_domain: 'example',
    channel_id: 'C2147483705',
    channel_name: 'training',
    user_id: 'U2147483697',
    user_name: 'developer',
    command: '/train',
    text: 'digits --ref main -p lr=0.1 -p epochs=20 --gpus 1',
    api_app_id: 'A123456789A',
    is_enterprise_install: 'false',
    response_url: `https://hooks.slack.com/commands/T0001ABCD/${id()}/${randomBytes(18).toString('base64url')}`,
    trigger_id: `${id()}.${id()}.${randomBytes(16).toString('hex')}`,
  }).toString();
  const head = [
    'POST /slack/events HTTP/1.1',
    'Host: signalbox.example.com',
    'User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)',
    'Accept-Encoding: gzip,deflate',
    'Accept: application/json,*/*',
    `X-Slack-Signature: ${signSlack(secret, timestamp, body)}`,
    `X-Slack-Request-Timestamp: ${timestamp}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Type: application/x-www-form-urlencoded',
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
