import { createHttpServer } from '../adapters/http/server.ts';
import { isAway } from '../adapters/postgres/away.ts';
import { checkIdempotency } from '../adapters/postgres/tokens.ts';
import { chartPage } from '../app/chart-page.ts';
import { keepOutputs, takeContent } from '../app/keep-outputs.ts';
import { syncAgent } from '../app/watch.ts';
import { countRefusals } from '../app/webhook-refusals.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Base } from './base.ts';
import { gauges, refusedSamples } from './gauges.ts';
import { githubWays } from './github-ways.ts';
import { mlflowWays } from './mlflow-ways.ts';
import { receiveSlack } from './slack-receive.ts';
import { slackWays } from './slack-ways.ts';
import { openStepUpPages } from './step-up.ts';
import { version } from './version.ts';

export interface Running {
  close(): Promise<void>;
}

/** How often refused deliveries are written down, where there were any. */
const flushEveryMs = 60_000;

/** Takes what comes from outside: signed deliveries, the API, agents. */
export async function startWeb(base: Base): Promise<Running & { url: string }> {
  const { config, log } = base;
  const artifactPorts = { ...base, mostBytes: config.artifacts.mostBytes };
  const deliveries = base.openIngest();
  const refusals = countRefusals({ ...base, sources: ['slack', 'github', 'mlflow'] });
  const github = githubWays(base, deliveries, refusals);
  const mlflow = mlflowWays(base, deliveries, refusals);
  const slack = slackWays(base, receiveSlack(base, deliveries), refusals);
  const stepUp = openStepUpPages(base);
  const server = createHttpServer({
    edges: [...slack.edges, ...github.edges, ...mlflow.edges, ...stepUp.edges],
    pages: [...slack.pages, ...base.github.pages, ...stepUp.pages, chartPage(base)],
    dispatch: base.dispatch,
    runs: base.runs,
    logs: base.logs,
    tokens: base.tokens,
    refusals: base.refusals,
    source: base.source,
    idempotency: {
      check: (tokenId, key, digest) => checkIdempotency(base.database.db, tokenId, key, digest),
    },
    records: base.records,
    artifacts: base.artifacts,
    models: base.models,
    modelPolicies: base.modelPolicies,
    registry: base.registry,
    keepOutputs: (run, attempt, files) => keepOutputs(run, attempt, files, artifactPorts),
    takeContent: (run, announced, content) => takeContent(run, announced, content, artifactPorts),
    agentSync: (pool, request, now) => syncAgent(pool, request, { ...base, ...base.mlflow }, now),
    clock: base.clock,
    id: base.id,
    health: () => health(base),
    gauges: () => gauges(base.database.db),
    counters: () => [...refusedSamples(refusals), ...github.samples(), ...mlflow.samples()],
    isAway,
    log,
    version,
  });
  try {
    await server.listen(config.port, config.host);
  } catch (err) {
    await deliveries.close();
    throw notListening(`${config.host}:${config.port}`, err);
  }
  log.info({ url: server.url() }, 'listening');
  const sockets = slack.connect();
  const flushing = setInterval(() => void refusals.flush(), flushEveryMs).unref();
  return {
    url: server.url(),
    async close() {
      await Promise.all([server.close(), sockets?.close()]);
      await deliveries.close();
      clearInterval(flushing);
      await refusals.flush();
    },
  };
}

function notListening(word: string, err: unknown): unknown {
  const code = err instanceof Error && 'code' in err ? err.code : undefined;
  const reason = typeof code === 'string' ? listenReasons[code] : undefined;
  return reason ? new SignalboxError('ADDRESS_UNAVAILABLE', { word, reason }, { cause: err }) : err;
}

const listenReasons: Record<string, string> = {
  EADDRINUSE: 'Another process listens there.',
  EACCES: 'This user may not listen there.',
  EADDRNOTAVAIL: 'This machine has no such address.',
  ENOTFOUND: 'There is no such host.',
  EAI_AGAIN: 'The name of the host cannot be looked up.',
};

async function health(base: Base): Promise<{ ok: boolean; checks: Record<string, string> }> {
  try {
    await base.database.pool.query('select 1');
    return { ok: true, checks: { postgres: 'ok' } };
  } catch (err) {
    return { ok: false, checks: { postgres: err instanceof Error ? err.message : 'away' } };
  }
}
