import { createServer } from 'node:http';
import { App, createNodeMiddleware } from 'octokit';

/** Octokit's middleware on a bare server: verifies, parses, finds the listener, answers; keeps nothing. */
const { GITHUB_APP_ID = '', GITHUB_PRIVATE_KEY = '', GITHUB_WEBHOOK_SECRET = '' } = process.env;
const app = new App({
  appId: GITHUB_APP_ID,
  privateKey: GITHUB_PRIVATE_KEY,
  webhooks: { secret: GITHUB_WEBHOOK_SECRET },
  // Its middleware wants them; nobody comes that way.
  oauth: { clientId: 'none', clientSecret: 'none' },
});
app.webhooks.on('pull_request.closed', async () => {});
const server = createServer(createNodeMiddleware(app));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
