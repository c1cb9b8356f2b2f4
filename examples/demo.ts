import { parseArgs } from 'node:util';
import { showCurve } from './demo/curve.ts';
import { type Hub, startHub } from './demo/hub.ts';
import { heedInterruption, interrupted, interruption } from './demo/interruption.ts';
import { promoteModel } from './demo/promotion.ts';
import { tryPullRequest } from './demo/pull-request.ts';
import { type Service, startService } from './demo/service.ts';
import { shareThePool } from './demo/sharing.ts';
import { signedCommand } from './demo/sign.ts';
import { watchRun } from './demo/watch.ts';
import { startWorkspace, type Workspace } from './demo/workspace.ts';

/**
 * The main jobs, from the outside: Slack and GitHub (emulated) and Signalbox (real, with its own PostgreSQL, worker and agent) start. A signed
 * command arrives as Slack would send it, and a real model is trained on real data while the message in the channel changes; teams share a
 * pool; a pull request is tried out and merged; and the model goes live, answers, and outlives a bad one. However it ends, nothing of it is left.
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
  heedInterruption();
  const startedAt = performance.now();
  /** What is ended at the end, the last first. */
  const open: (() => Promise<void>)[] = [];
  try {
    return await acts();
  } catch (err) {
    if (!interruption.aborted) throw err;
    say(`\nInterrupted. What runs is ended ...`);
    return 130;
  } finally {
    await close();
  }

  async function acts(): Promise<number> {
    say(
      'Starting Slack and GitHub (both emulated), and Signalbox with its own PostgreSQL, a worker and an agent ...',
    );
    const workspace = await startWorkspace();
    open.push(workspace.close);
    const hub = await startHub();
    open.push(hub.close);
    const service = await startService(workspace.apiUrl, hub.environment);
    open.push(service.stop);
    say(
      `Ready after ${seconds(startedAt)} s at ${service.url}\n\nAct 1: a command in Slack.\n\n  octocat in #training:  ${command}\n`,
    );
    await signedCommand(service.url, command, workspace);
    const result = await watchRun(service, workspace, say);
    const { number, state, sha, metrics } = result;
    const trained = state === 'succeeded' && (metrics.val_accuracy ?? 0) > 0.9;
    say(`\nRun #${number} ${state}. Final metrics:`);
    for (const [name, value] of Object.entries(metrics)) say(`  ${name.padEnd(14)} ${value}`);
    if (result.model)
      say(`The model lies in ${result.model}; examples/digits/README.md shows how to let it read a digit.`);
    const curve = await showCurve(service, number, say);
    const { ok: shared, ...sharing } = await shareThePool(service, workspace, say);
    const { ok: merged, ...pullRequest } = await tryPullRequest(service, hub, say);
    const { ok: promoted, ...promotion } = await promoteModel(number, service, workspace, hub, say);
    const ok = trained && curve.points > 1 && shared && merged && promoted;
    if (options.keep) await keep(service, workspace, hub);
    else await close();
    if (options.json) {
      const summary = {
        ok,
        run: { number, state, sha, metrics },
        messages: result.messages,
        curve,
        sharing,
        pullRequest,
        promotion,
        seconds: Number(seconds(startedAt)),
      };
      process.stdout.write(`${JSON.stringify(summary)}\n`);
    } else say(`\nDone in ${seconds(startedAt)} s.`);
    if (options.keep) await interrupted();
    return ok ? 0 : 1;
  }

  async function close(): Promise<void> {
    const ends = open.splice(0).reverse();
    const failures: unknown[] = [];
    for (const end of ends) await end().catch(err => failures.push(err));
    // What is at work when somebody interrupts it breaks.
    if (failures.length > 0 && !interruption.aborted) throw failures[0];
  }
}

async function keep(service: Service, workspace: Workspace, hub: Hub): Promise<void> {
  const { url, dataDir, modelUrl } = service;
  await service.configure('../signalbox.yml');
  say(`\nStill running; Ctrl-C ends it.
  API          ${url}/v1/openapi.json
  Health       ${url}/readyz
  Metrics      ${url}/metrics
  Slack        ${workspace.apiUrl}
  GitHub       git clone ${hub.url}/octo-org/digits.git
  Model        curl ${modelUrl}/healthz; POST /predict takes 64 numbers from 0 to 16
  Data         ${dataDir}
  Policy       ${dataDir}/signalbox.yml, that of the first act again, read whenever it changes
  One more     npm run -s demo -- --send '/train digits -p lr=0.3' --to ${url} --as ${workspace.team}/${workspace.channel}/${workspace.user}
  From here    SIGNALBOX_URL=${url} SIGNALBOX_DATA=${dataDir} npm run -s signalbox -- list`);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}

if (options.send) {
  const [team = '', channel = '', user = ''] = (options.as ?? '').split('/');
  const status = await signedCommand(options.to ?? '', options.send, { team, channel, user });
  say(
    `Answered ${status}. The message appears in #training of the emulated workspace; \`signalbox list\` shows the run.`,
  );
} else process.exitCode = await demo();
