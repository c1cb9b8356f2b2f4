import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { commands } from '../../commands/index.ts';
import { checkRedis } from '../adapters/bullmq/check-redis.ts';
import type { QueueConnection } from '../adapters/bullmq/connection.ts';
import { type ClosableWakeups, createWakeups } from '../adapters/bullmq/wakeups.ts';
import { createGitSource } from '../adapters/git/source.ts';
import { agentStore } from '../adapters/postgres/agents.ts';
import { auditLog } from '../adapters/postgres/audit.ts';
import { type Database, openDatabase } from '../adapters/postgres/database.ts';
import { deliveryStore } from '../adapters/postgres/deliveries.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../adapters/postgres/embedded/embedded.ts';
import { logStore } from '../adapters/postgres/logs.ts';
import { migrate } from '../adapters/postgres/migrate.ts';
import { planStore } from '../adapters/postgres/plan.ts';
import { runStore } from '../adapters/postgres/runs.ts';
import { surfaceStore } from '../adapters/postgres/surfaces.ts';
import { tokenStore } from '../adapters/postgres/tokens.ts';
import { dispatch } from '../app/dispatch.ts';
import { wakingRuns } from '../app/wake.ts';
import type { Config } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Dispatched, Intent } from '../core/intent.ts';
import type {
  AgentStore,
  AuditLog,
  DeliveryStore,
  Log,
  LogStore,
  PlanStore,
  RunStore,
  SourcePort,
  SurfaceStore,
  TokenStore,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { openSlack, type Slack } from './slack.ts';

/** What every role of the service stands on: the database with its stores, the queue, and the commands over them. */
export interface Base {
  config: Config;
  policy: Policy;
  log: Log;
  database: Database;
  databaseUrl: string;
  queue: QueueConnection;
  wakeups: ClosableWakeups;
  /** Changes wake planning and the run's messages. */
  runs: RunStore;
  logs: LogStore;
  plan: PlanStore;
  agents: AgentStore;
  /** For workers; what arrives is stored by a store of the web role's own. */
  deliveries: DeliveryStore;
  surfaces: SurfaceStore;
  audit: AuditLog;
  tokens: TokenStore;
  source: SourcePort;
  slack: Slack;
  clock: () => Date;
  id: () => string;
  dispatch(intent: Intent): Promise<Dispatched>;
  close(): Promise<void>;
}

/** Opens the database (the embedded one without DATABASE_URL) and brings its schema up to date. */
export async function openStore(
  config: Config,
  log: Log,
): Promise<{ database: Database; url: string; close(): Promise<void> }> {
  const embedded = config.databaseUrl ? null : await startEmbedded(config, log);
  const url = config.databaseUrl ?? embedded?.url ?? '';
  const database = openDatabase(url, { onError: err => log.warn({ err }, 'a database connection broke') });
  const close = async () => {
    await database.close();
    await embedded?.stop();
  };
  try {
    await migrate(database.pool);
  } catch (err) {
    await close();
    if (err instanceof SignalboxError) throw err;
    const reason = `${err instanceof Error ? err.message : String(err)}.`;
    throw new SignalboxError('POSTGRES_UNREACHABLE', { reason }, { cause: err });
  }
  return { database, url, close };
}

export async function openBase(config: Config, policy: Policy, log: Log): Promise<Base> {
  if (config.redisUrl) {
    const { reachable } = await checkRedis(config.redisUrl);
    if (!reachable) log.warn({}, 'Redis does not answer; requests are stored and done by the sweep');
  }
  const { database, url, close } = await openStore(config, log);
  const { db } = database;
  const queue: QueueConnection = config.redisUrl
    ? { kind: 'redis', url: config.redisUrl }
    : { kind: 'postgres', url };
  const wakeups = createWakeups(queue, { log });
  const surfaces = surfaceStore(db);
  const runs = wakingRuns(runStore(db), surfaces, wakeups);
  const logs = logStore(db);
  const audit = auditLog(db);
  const plan = planStore(db, Object.keys(policy.pools));
  const source = createGitSource({ cacheDir: join(config.dataDir, 'sources'), log });
  const clock = () => new Date();
  const ports = { runs, logs, plan, source, audit };
  return {
    config,
    policy,
    log,
    database,
    databaseUrl: url,
    queue,
    wakeups,
    runs,
    logs,
    plan,
    agents: agentStore(db),
    deliveries: deliveryStore(db, database.pool),
    surfaces,
    audit,
    tokens: tokenStore(db),
    source,
    slack: openSlack(config, log),
    clock,
    id: randomUUID,
    dispatch: intent => dispatch(intent, { commands, policy, ports }, clock()),
    async close() {
      await wakeups.close();
      await close();
    },
  };
}

async function startEmbedded(config: Config, log: Log): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log: (message, fields) => log.debug(fields ?? {}, message),
    });
  } catch (err) {
    const reason = err instanceof Error ? err.message : String(err);
    throw new SignalboxError('POSTGRES_UNREACHABLE', { reason }, { cause: err });
  }
}
