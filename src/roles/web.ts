import { createHttpServer } from '../adapters/http/server.ts';
import { openDatabase } from '../adapters/postgres/database.ts';
import { deliveryStore } from '../adapters/postgres/deliveries.ts';
import { checkIdempotency } from '../adapters/postgres/tokens.ts';
import { slackEdge } from '../adapters/slack/edge.ts';
import { ingest } from '../app/ingest.ts';
import { syncAgent } from '../app/watch.ts';
import type { RawEdge } from '../core/edge.ts';
import type { Base } from './base.ts';
import { gauges } from './gauges.ts';
import { version } from './version.ts';

/** A person who waits for an ack is told within a second that the database is away. */
const ingestTimeoutMs = 800;

export interface Running {
  close(): Promise<void>;
}

/** Takes what comes from outside: signed deliveries, the API, agents. */
export async function startWeb(base: Base): Promise<Running & { url: string }> {
  const { config, log, wakeups } = base;
  const quick = openDatabase(base.databaseUrl, {
    max: 2,
    connectTimeoutMs: ingestTimeoutMs,
    statementTimeoutMs: ingestTimeoutMs,
    onError: err => log.warn({ err }, 'a database connection broke'),
  });
  const deliveries = deliveryStore(base.database.db, quick.pool);
  const edges: RawEdge[] = [];
  if (config.slack) {
    const { signingSecret } = config.slack;
    edges.push(
      slackEdge({ signingSecret, ingest: delivery => ingest(delivery, { deliveries, wakeups }), log }),
    );
  }
  const server = createHttpServer({
    edges,
    dispatch: base.dispatch,
    runs: base.runs,
    logs: base.logs,
    tokens: base.tokens,
    source: base.source,
    idempotency: {
      check: (tokenId, key, digest) => checkIdempotency(base.database.db, tokenId, key, digest),
    },
    agentSync: (pool, request, now) => syncAgent(pool, request, base, now),
    clock: base.clock,
    id: base.id,
    health: () => health(base),
    gauges: () => gauges(base.database.db),
    log,
    version,
  });
  await server.listen(config.port, config.host);
  log.info({ url: server.url() }, 'listening');
  return {
    url: server.url(),
    async close() {
      await server.close();
      await quick.close();
    },
  };
}

async function health(base: Base): Promise<{ ok: boolean; checks: Record<string, string> }> {
  try {
    await base.database.pool.query('select 1');
    return { ok: true, checks: { postgres: 'ok' } };
  } catch (err) {
    return { ok: false, checks: { postgres: err instanceof Error ? err.message : 'away' } };
  }
}
