import { parseArgs } from 'node:util';
import { startService } from './demo/service.ts';
import { shareThePool } from './demo/sharing.ts';
import { signedCommand } from './demo/sign.ts';
import { watchRun } from './demo/watch.ts';
import { startWorkspace } from './demo/workspace.ts';

/**
 * The main job, from the outside: a Slack workspace (emulated) and Signalbox (real, with its own PostgreSQL, worker and agent) start, a
 * signed command arrives as Slack would send it, and a real model is trained on real data while the message in the channel changes.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    send: { type: 'string' },
    to: { type: 'string' },
    as: { type: 'string' },
  },
});
const command = '/train digits -p lr=0.1';
const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);

async function demo(): Promise<number> {
  const startedAt = performance.now();
  say(
    'Starting a Slack workspace (emulated) and Signalbox with its own PostgreSQL, a worker and an agent ...',
  );
  const workspace = await startWorkspace();
  const service = await startService(workspace.apiUrl);
  const end = async () => {
    await service.stop();
    await workspace.close();
  };
  try {
    say(`Ready after ${seconds(startedAt)} s at ${service.url}\n\n  octocat in #training:  ${command}\n`);
    await signedCommand(service.url, command, workspace);
    const result = await watchRun(service, workspace, say);
    const trained = result.state === 'succeeded' && (result.metrics.val_accuracy ?? 0) > 0.9;
    say(`\nRun #${result.number} ${result.state}. Final metrics:`);
    for (const [name, value] of Object.entries(result.metrics)) say(`  ${name.padEnd(14)} ${value}`);
    if (result.model)
      say(`The model lies in ${result.model}; examples/digits/README.md shows how to let it read a digit.`);
    const { ok: shared, ...sharing } = await shareThePool(service, workspace, say);
    const ok = trained && shared;
    if (options.keep) await keep(service.url);
    const { number, state, sha, metrics } = result;
    if (!options.keep) await end();
    if (options.json) {
      const summary = {
        ok,
        run: { number, state, sha, metrics },
        messages: result.messages,
        sharing,
        seconds: Number(seconds(startedAt)),
      };
      process.stdout.write(`${JSON.stringify(summary)}\n`);
    } else say(`Done in ${seconds(startedAt)} s.`);
    if (!options.keep) return ok ? 0 : 1;
    await interrupted();
    await end();
    return ok ? 0 : 1;
  } catch (err) {
    await end();
    throw err;
  }

  async function keep(url: string): Promise<void> {
    await service.configure('../signalbox.yml');
    say(`\nStill running; Ctrl-C ends it.
  API          ${url}/v1/openapi.json
  Health       ${url}/readyz
  Metrics      ${url}/metrics
  Workspace    ${workspace.apiUrl}
  Data         ${service.dataDir}
  Policy       ${service.dataDir}/signalbox.yml, that of the first act again, read whenever it changes
  One more     npm run -s demo -- --send '/train digits -p lr=0.3' --to ${url} --as ${workspace.team}/${workspace.channel}/${workspace.user}
  From here    SIGNALBOX_URL=${url} SIGNALBOX_DATA=${service.dataDir} npm run -s signalbox -- list`);
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}

function interrupted(): Promise<void> {
  return new Promise(resolve => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

if (options.send) {
  const [team = '', channel = '', user = ''] = (options.as ?? '').split('/');
  const status = await signedCommand(options.to ?? '', options.send, { team, channel, user });
  say(
    `Answered ${status}. The message appears in #training of the emulated workspace; \`signalbox list\` shows the run.`,
  );
} else process.exitCode = await demo();
