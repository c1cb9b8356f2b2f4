import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { commands } from '../../commands/index.ts';
import { folderArtifacts } from '../adapters/artifacts/folder.ts';
import { s3Artifacts } from '../adapters/artifacts/s3.ts';
import { checkRedis } from '../adapters/bullmq/check-redis.ts';
import type { QueueConnection } from '../adapters/bullmq/connection.ts';
import { type ClosableWakeups, createWakeups } from '../adapters/bullmq/wakeups.ts';
import { chartPictures } from '../adapters/charts/charts.ts';
import { createGitSource } from '../adapters/git/source.ts';
import { agentStore } from '../adapters/postgres/agents.ts';
import { alertStore } from '../adapters/postgres/alerts.ts';
import { auditLog } from '../adapters/postgres/audit.ts';
import { baselineStore, runCosts } from '../adapters/postgres/baselines.ts';
import { type Database, type Db, openDatabase } from '../adapters/postgres/database.ts';
import { deliveryStore } from '../adapters/postgres/deliveries.ts';
import { elevationStore } from '../adapters/postgres/elevations.ts';
import { freezeStore } from '../adapters/postgres/freezes.ts';
import { githubUsers } from '../adapters/postgres/github-users.ts';
import { groupStore } from '../adapters/postgres/groups.ts';
import { impatient } from '../adapters/postgres/impatient.ts';
import { installationStore } from '../adapters/postgres/installations.ts';
import { leaseStore } from '../adapters/postgres/leases.ts';
import { linkStore } from '../adapters/postgres/links.ts';
import { logStore } from '../adapters/postgres/logs.ts';
import { stallStore } from '../adapters/postgres/metrics.ts';
import { mlflowFollows } from '../adapters/postgres/mlflow-follows.ts';
import { modelFileStore } from '../adapters/postgres/model-files.ts';
import { modelStore } from '../adapters/postgres/models.ts';
import { onceStore } from '../adapters/postgres/once.ts';
import { planStore } from '../adapters/postgres/plan.ts';
import { promotionStore } from '../adapters/postgres/promotions.ts';
import { rateBudget } from '../adapters/postgres/rates.ts';
import { recordStore } from '../adapters/postgres/records.ts';
import { registryStore } from '../adapters/postgres/registry.ts';
import { repositoryStore } from '../adapters/postgres/repositories.ts';
import { wantPlan } from '../adapters/postgres/run-rows.ts';
import { runStore } from '../adapters/postgres/runs.ts';
import { servingStore } from '../adapters/postgres/serving.ts';
import { signer } from '../adapters/postgres/signer.ts';
import { surfaceStore } from '../adapters/postgres/surfaces.ts';
import { sweepStore } from '../adapters/postgres/sweeps.ts';
import { tokenStore } from '../adapters/postgres/tokens.ts';
import { usageStore } from '../adapters/postgres/usage.ts';
import { prometheusMetrics } from '../adapters/prometheus/prometheus.ts';
import { baselineOf } from '../app/baseline-of.ts';
import { rememberedBranches } from '../app/branch-memory.ts';
import { dispatch } from '../app/dispatch.ts';
import { registryView } from '../app/keep-registries.ts';
import { modelPolicies } from '../app/model-files.ts';
import { type EvidencePorts, lookAt } from '../app/promotion-evidence.ts';
import { pullHeads } from '../app/pull-head.ts';
import { type MetricsPort, rollouts } from '../app/roll-out.ts';
import { runCharts } from '../app/run-charts.ts';
import { tokenRefusals } from '../app/token-refusals.ts';
import { wakingFreezes, wakingRuns, wakingSweeps } from '../app/wake.ts';
import type { Config } from '../config.ts';
import { withOwnExamples } from '../core/examples.ts';
import { diffPage } from '../core/github-source.ts';
import type { Dispatched, Intent } from '../core/intent.ts';
import type {
  AgentStore,
  AlertStore,
  ArtifactStore,
  AuditLog,
  BaselineStore,
  DeliveryStore,
  ElevationStore,
  FreezeStore,
  GroupStore,
  GroupsPort,
  InstallationStore,
  LeaseStore,
  LinkStore,
  Log,
  LogStore,
  ModelFileStore,
  ModelPolicies,
  ModelStore,
  PicturePort,
  PlanStore,
  PromotionStore,
  RecordStore,
  RegistryStore,
  RepositoryStore,
  RolloutPort,
  RunCharts,
  RunCosts,
  RunStore,
  Signer,
  SourcePort,
  StallStore,
  SurfaceStore,
  SweepStore,
  SweepWork,
  TokenRefusals,
  TokenStore,
  UsageStore,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { ServingStore } from '../core/promotion/serving.ts';
import type { Run } from '../core/run.ts';
import { readRepositoryFile } from '../files/repository-file.ts';
import { type GitHub, openGitHub } from './github.ts';
import { openGroups } from './groups.ts';
import { type Mlflow, openMlflow } from './mlflow.ts';
import { openSlack, type Slack } from './slack.ts';
import { openStepUp } from './step-up.ts';
import { openStore } from './store.ts';

/** A person who waits for an ack is told within a second that the database is away. */
const ingestTimeoutMs = 800;

/** All that is outside of the process, opened: the database with its stores, the queue, the projects' sources, Slack. */
export interface Adapters {
  database: Database;
  queue: QueueConnection;
  wakeups: ClosableWakeups;
  runs: RunStore;
  logs: LogStore;
  plan: PlanStore;
  agents: AgentStore;
  /** For workers; what arrives is stored by way of `openIngest`. */
  deliveries: DeliveryStore;
  openIngest(): Ingest;
  surfaces: SurfaceStore;
  sweeps: SweepStore & SweepWork;
  costs: RunCosts;
  /** Which runs others are held against. */
  baselines: BaselineStore;
  audit: AuditLog;
  links: LinkStore;
  leases: LeaseStore;
  stalls: StallStore;
  alerts: AlertStore;
  usage: UsageStore;
  records: RecordStore;
  artifacts: ArtifactStore;
  models: ModelStore;
  modelFiles: ModelFileStore;
  /** What is declared of models, here and in repositories. */
  modelPolicies: ModelPolicies;
  promotions: PromotionStore;
  registry: RegistryStore;
  groups: GroupStore;
  /** Where the groups are: Slack and GitHub. */
  outside: GroupsPort;
  /** Draws in a thread of its own, which is there only while there is something to draw. */
  pictures: PicturePort;
  signer: Signer;
  github: GitHub;
  freezes: FreezeStore;
  elevations: ElevationStore;
  tokens: TokenStore;
  source: SourcePort;
  /** Those on GitHub that projects name. */
  repositories: RepositoryStore;
  /** Where the Slack app was installed by way of `/slack/install`. */
  installations: InstallationStore;
  slack: Slack;
  mlflow: Mlflow;
  serving: ServingStore;
  /** Prometheus, where it is configured. */
  checks: MetricsPort | null;
  close(): Promise<void>;
}

/** Stores what arrives on connections of its own, with short timeouts: an ack never queues behind other work. */
export interface Ingest {
  store: DeliveryStore['store'];
  close(): Promise<void>;
}

/** What every role of the service stands on: the adapters, and the commands over them. */
export interface Base extends Adapters {
  config: Config;
  /** As `signalbox.yml` says it now. */
  policy(): Policy;
  log: Log;
  charts: RunCharts;
  /** Changes wake planning and the run's messages. */
  runs: RunStore;
  clock: () => Date;
  id: () => string;
  dispatch(intent: Intent): Promise<Dispatched>;
  refusals: TokenRefusals;
  /** What a promotion's evidence is gathered from. */
  evidence: EvidencePorts;
  rollout: RolloutPort;
}

export async function openBase(config: Config, policy: () => Policy, log: Log): Promise<Base> {
  return baseOn(await openAdapters(config, policy, log), config, policy, log);
}

/** What waits says at once why it does under another policy. Without the database the next plan, which comes by itself, says it. */
export async function replan({ database, wakeups, log }: Base): Promise<void> {
  try {
    await database.db.transaction().execute(wantPlan);
    wakeups.wake(['plan']);
  } catch (err) {
    log.warn({ err }, 'a plan for the new signalbox.yml could not be asked for');
  }
}

/** The commands over adapters that are open. */
export function baseOn(adapters: Adapters, config: Config, policy: () => Policy, log: Log): Base {
  const { surfaces, wakeups, logs, plan, source, audit, links, groups, elevations, tokens, usage, records } =
    adapters;
  const runs = wakingRuns(adapters.runs, surfaces, wakeups);
  const freezes = wakingFreezes(adapters.freezes, wakeups);
  const evidence: EvidencePorts = {
    ...{ promotions: adapters.promotions, models: adapters.models, modelPolicies: adapters.modelPolicies },
    ...{ runs, records, artifacts: adapters.artifacts, costs: adapters.costs },
    policy,
    hash: text => createHash('sha256').update(text).digest('hex'),
  };
  const rollout = rollouts({ ...adapters, policy, environment: config.environment });
  const charts = runCharts({ ...adapters, runs, log, address: config.publicUrl });
  const clock = () => new Date();
  const ports = {
    runs,
    logs,
    plan,
    source,
    audit,
    links,
    groups,
    freezes,
    elevations,
    tokens,
    usage,
    records,
    charts,
    models: adapters.models,
    modelPolicies: adapters.modelPolicies,
    registry: registryView(adapters.registry, adapters.mlflow.registry, config.publicUrl),
    sweeps: wakingSweeps(adapters.sweeps, surfaces, wakeups),
    costs: adapters.costs,
    pages: {
      diff: (source: string, from: string, to: string) => diffPage(config.github.webUrl, source, from, to),
    },
    baselines: { of: (run: Run) => baselineOf(run, { ...adapters, log }) },
    github: adapters.github.linking,
    promotions: adapters.promotions,
    promotionDesk: {
      look: (number: number, at: Date) => lookAt(number, evidence, at),
      reaches: rollout.reaches,
    },
    stepUp: openStepUp(config, adapters, clock),
    pulls: pullHeads({
      ...{ repositories: adapters.repositories, pullRequests: adapters.github.pullRequests },
      ...{ source, readFile: readRepositoryFile },
    }),
  };
  return {
    ...adapters,
    charts,
    evidence,
    rollout,
    config,
    policy,
    log,
    runs,
    clock,
    id: randomUUID,
    dispatch: intent => {
      const now = policy();
      return dispatch(intent, { commands: withOwnExamples(commands, now), policy: now, ports }, clock());
    },
    refusals: tokenRefusals({ audit, tokens: adapters.tokens, log, clock }),
  };
}

export async function openAdapters(config: Config, policy: () => Policy, log: Log): Promise<Adapters> {
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
  const installations = installationStore(db, config.secretKeys);
  const [models, modelFiles] = [modelStore(db), modelFileStore(db)];
  const pictures = chartPictures();
  const sign = signer(db);
  const slack = openSlack(config, installations, sign, log, () => new Date(), rateBudget(db), pictures);
  const repositories = repositoryStore(db);
  const github = openGitHub(
    config,
    {
      repositories,
      users: githubUsers(db),
      once: onceStore(db),
      signer: signer(db),
      audit: auditLog(db),
      budget: rateBudget(db),
    },
    log,
    () => new Date(),
  );
  const source = createGitSource({ cacheDir: join(config.dataDir, 'sources'), log, github: github.remotes });
  return {
    database,
    queue,
    wakeups,
    runs: runStore(db),
    logs: logStore(db),
    plan: planStore(
      db,
      () => Object.keys(policy().pools),
      () => policy().scheduler.halfLife,
    ),
    agents: agentStore(db),
    deliveries: deliveryStore(db, database.pool),
    openIngest: () => openIngest(db, url, log),
    surfaces: surfaceStore(db),
    sweeps: sweepStore(db),
    costs: runCosts(db),
    audit: auditLog(db),
    baselines: baselineStore(db),
    links: linkStore(db),
    leases: leaseStore(db),
    stalls: stallStore(db),
    alerts: alertStore(db),
    usage: usageStore(db),
    records: recordStore(db),
    artifacts: config.artifacts.s3
      ? s3Artifacts(config.artifacts.s3)
      : folderArtifacts(join(config.dataDir, 'artifacts')),
    models,
    modelFiles,
    promotions: promotionStore(db),
    registry: registryStore(db),
    modelPolicies: modelPolicies(policy, { models, files: modelFiles, readFile: readRepositoryFile }),
    groups: groupStore(db),
    outside: openGroups(slack, github),
    github,
    freezes: freezeStore(db),
    elevations: elevationStore(db),
    tokens: tokenStore(db),
    source: { ...source, ...rememberedBranches(source, () => new Date()) },
    repositories,
    installations,
    slack,
    mlflow: openMlflow(config, mlflowFollows(db)),
    serving: servingStore(db),
    checks: config.prometheus && prometheusMetrics(config.prometheus),
    pictures,
    signer: sign,
    async close() {
      await pictures.close();
      await wakeups.close();
      await close();
    },
  };
}

function openIngest(db: Db, url: string, log: Log): Ingest {
  const quick = openDatabase(url, {
    max: 2,
    connectTimeoutMs: ingestTimeoutMs,
    statementTimeoutMs: ingestTimeoutMs,
    onError: err => log.warn({ err }, 'a database connection broke'),
  });
  return {
    store: deliveryStore(db, impatient(quick.pool, ingestTimeoutMs)).store,
    close: () => quick.close(),
  };
}
