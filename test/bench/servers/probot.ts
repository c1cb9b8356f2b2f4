import { once } from 'node:events';
import { createServer } from 'node:net';
import pino from 'pino';
import { Probot, Server } from 'probot';

/** Probot's own server as its guide has it, with a quiet log: verifies, parses, finds the listener, answers; keeps nothing. */
const { GITHUB_APP_ID: appId, GITHUB_PRIVATE_KEY: privateKey, GITHUB_WEBHOOK_SECRET: secret } = process.env;
const server = new Server({
  Probot: Probot.defaults({ appId, privateKey, secret }),
  log: pino({ level: 'warn' }),
  webhookPath: '/webhooks/github',
  host: '127.0.0.1',
  port: await freePort(),
});
await server.load(app => {
  app.on('pull_request.closed', async () => {});
});
await server.start();
process.stdout.write(`http://127.0.0.1:${server.port}\n`);

/** It takes port 0 for its usual one. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
