import bolt from '@slack/bolt';

/** Bolt as its own guide has it, bare: verifies, parses, finds the listener, acknowledges; keeps nothing. */
const receiver = new bolt.HTTPReceiver({ signingSecret: process.env.SLACK_SIGNING_SECRET ?? '', port: 0 });
const app = new bolt.App({
  receiver,
  authorize: async () => ({ botToken: process.env.SLACK_BOT_TOKEN, botId: 'B1', botUserId: 'U0' }),
});
app.command('/train', async ({ ack }) => {
  await ack();
});
const server = await app.start({ port: 0, host: '127.0.0.1' });
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no port');
process.stdout.write(`http://127.0.0.1:${address.port}\n`);
