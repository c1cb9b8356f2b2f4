import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { commands } from '../../commands/index.ts';
import { contentExaminer } from '../adapters/artifacts/examine.ts';
import { createRequestWorker } from '../adapters/bullmq/request-worker.ts';
import { createWakeWorker } from '../adapters/bullmq/wake-worker.ts';
import { GitHubError } from '../adapters/github/errors.ts';
import { githubHook } from '../adapters/github/hook.ts';
import { runIntent } from '../adapters/http/run-request.ts';
import { deploymentStore } from '../adapters/postgres/deployments.ts';
import { lookStore } from '../adapters/postgres/looks.ts';
import { lostDeliveries } from '../adapters/postgres/lost-deliveries.ts';
import { builtinRegistry, versionKeys } from '../adapters/postgres/registry.ts';
import { forgetOld } from '../adapters/postgres/retention.ts';
import { webhookTarget } from '../adapters/target/webhook.ts';
import { type DeliverPorts, deliver } from '../app/deliver.ts';
import { findLost } from '../app/find-lost.ts';
import { followFiles } from '../app/follow-files.ts';
import { mlflowFollower } from '../app/follow-mlflow.ts';
import { homeOf } from '../app/home.ts';
import { removeUnused } from '../app/keep-outputs.ts';
import { keepRegistries, registryChanged } from '../app/keep-registries.ts';
import { keepAllServing } from '../app/keep-serving.ts';
import { createLanes, type Lanes } from '../app/lanes.ts';
import { lookAround } from '../app/look-around.ts';
import { makeVersions } from '../app/make-versions.ts';
import { readModelFiles } from '../app/model-files.ts';
import { promote } from '../app/promote.ts';
import { promoteWishes } from '../app/promote-wishes.ts';
import { promotable, promotionMessage } from '../app/promotion-message.ts';
import { publish } from '../app/publish.ts';
import { wishOfReview } from '../app/pull-review.ts';
import { repeatCommit } from '../app/repeat-commit.ts';
import { repositoryChanged } from '../app/repository-changed.ts';
import { resultOf } from '../app/result-of.ts';
import { schedule } from '../app/schedule.ts';
import { showDeployments } from '../app/show-deployments.ts';
import { sweep } from '../app/sweep.ts';
import { groupChanged, syncGroups } from '../app/sync-groups.ts';
import { tellAlerts } from '../app/tell-alerts.ts';
import { tellDrained } from '../app/tell-drained.ts';
import { tellStalled } from '../app/tell-stalled.ts';
import { targetTeller } from '../app/tell-targets.ts';
import { tendSweeps } from '../app/tend-sweeps.ts';
import { wakeRuns } from '../app/wake.ts';
import { warnLeases } from '../app/warn-leases.ts';
import { type Place, type SlackPlace, tokenActor } from '../core/actor.ts';
import { SignalboxError } from '../core/errors.ts';
import { withOwnExamples } from '../core/examples.ts';
import { sweepCost } from '../core/find-sweep.ts';
import type { MetricSummary, PlanSnapshot, WakeSubject, Wakeups } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { RepositoryEvent } from '../core/repository-event.ts';
import type { Run } from '../core/run.ts';
import { plan } from '../core/scheduler/plan.ts';
import { readWorld } from '../core/scheduler/read-world.ts';
import type { SweepMember } from '../core/sweep.ts';
import type { GroupChange } from '../core/webhook.ts';
import { cronNext } from '../files/cron.ts';
import { readRepositoryFile } from '../files/repository-file.ts';
import type { Base } from './base.ts';
import { every } from './every.ts';
import { messengers } from './messengers.ts';
import { unpackMlflow } from './mlflow-ways.ts';
import type { Running } from './web.ts';

const sweepEveryMs = 1_000;
/** Reasons depend on the clock too (an agent falls silent), so a plan is made now and then without a wish. */
const planEveryMs = 5_000;
const syncEveryMs = 1_000;
/** So often at most are the rules of a run looked at, however often it reports. */
const alertEveryMs = 1_000;
/** How long a run has made no step is said in minutes. */
const stallEveryMs = 20_000;
const minuteMs = 60_000;
const findEveryMs = minuteMs;
const followEveryMs = 1_000;
const serveEveryMs = 500;
const promoteEveryMs = 1_000;
const deploymentsEveryMs = 1_000;
const versionsEveryMs = 1_000;
const registriesEveryMs = 1_000;
const modelFilesEveryMs = 10_000;
/** Of all workers together, up to a minute. */
const lookEveryMs = 15 * minuteMs;
const forgetEveryMs = 600_000;
/** Schedules are to the minute. */
const scheduleEveryMs = 5_000;
const atOnce = 16;

/** Does what was asked: handles deliveries, plans, keeps messages true. Any number of workers may run. */
export function startWorker(base: Base): Running {
  const { log, clock, deliveries, surfaces, wakeups, runs, slack, github } = base;
  const changed = (event: RepositoryEvent) =>
    repositoryChanged(
      event,
      base.policy(),
      { ...base, pullRequests: github.pullRequests, readFile: readRepositoryFile },
      clock(),
    );
  const deliverPorts: DeliverPorts = {
    deliveries,
    surfaces,
    wakeups,
    audit: base.audit,
    unpack: (delivery, onTranslation) =>
      delivery.source === 'mlflow'
        ? unpackMlflow(delivery, onTranslation)
        : (delivery.source === 'github' ? github : slack).unpack(delivery, onTranslation),
    registryChanged: model => registryChanged(model, { ...base, policies: base.modelPolicies }),
    dispatch: base.dispatch,
    standing: github.standing,
    repositoryChanged: changed,
    reviewed: said =>
      wishOfReview(said, { ...base.evidence, pullRequests: github.pullRequests, log }, clock()),
    toPromote: said => promoteWishes(said, base.policy(), base),
    toRepeat: (said, before) => repeatCommit(said, base, before),
    waitFor: githubWait,
    groupChanged: (change: GroupChange) => groupChanged(change, base.policy(), base, clock),
    log,
  };
  const schedulePorts = {
    plan: base.plan,
    decide: (snapshot: PlanSnapshot, now: Date) =>
      plan(readWorld(snapshot, base.policy(), now), now.getTime()),
    show: (numbers: number[]) => wakeRuns(numbers, surfaces, wakeups),
    wakeups,
    log,
  };
  const homeDeps = (policy: Policy) => ({
    commands: withOwnExamples(commands, policy),
    policy,
    runs,
    plan: base.plan,
    links: base.links,
    groups: base.groups,
    elevations: base.elevations,
  });
  const results = {
    costs: base.costs,
    currency: () => base.policy().currency,
    address: base.config.publicUrl,
  };
  const publishPorts = {
    surfaces,
    runs,
    messenger: messengers({
      slack: slack.messenger,
      ...(github.messenger ? { github: github.messenger } : {}),
    }),
    hash: (content: unknown) => createHash('sha256').update(JSON.stringify(content)).digest('hex'),
    // Below the data folder of the machine that ran it.
    home: (place: SlackPlace, now: Date) => homeOf(place, homeDeps(base.policy()), now),
    resultOf: (run: Run, metrics: readonly MetricSummary[], now: Date) =>
      resultOf(run, metrics, { ...base, ...results }, now),
    charts: base.charts,
    promotionOf: (number: number, place: Place) =>
      promotionMessage(number, place, {
        ...base.evidence,
        ...{ serving: base.serving, charts: base.charts, id: randomId },
      }),
    versionsOf: (run: Run) => promotable(run, base),
    sweeps: base.sweeps,
    sweepCost: (members: readonly SweepMember[], now: Date) =>
      sweepCost(members, base.costs, base.policy().currency, now),
    outputOf: (run: Run) => join('agent', run.pool, 'runs', String(run.number), 'output'),
    log,
  };
  const work: Work = {
    deliveries: createLanes({
      atOnce,
      due: deliveries.due,
      work: id => deliver(id, deliverPorts, clock),
      log,
    }),
    wakeups,
    publish: id => publish(id, publishPorts, clock),
    // The end of a run wants a plan, and may be the last that a drain waited for.
    async schedule() {
      await schedule(schedulePorts, clock);
      await tellDrained({ freezes: base.freezes, surfaces, wakeups }, clock());
    },
  };
  const messages = createLanes({ atOnce, due: surfaces.due, work: work.publish, log });

  const wakeWorker = createWakeWorker(base.queue, subject => look(subject, work), { log });
  const requestWorker = createRequestWorker(base.queue, request => fromQueue(request, base), { log });
  const sweepPorts = {
    ...work,
    messages,
    surfaces,
    plan: base.plan,
    warn: () => warnLeases({ leases: base.leases, wakeups }, clock()),
    tend: () => tendSweeps({ sweeps: base.sweeps, runs, wakeups, log }, clock()),
  };
  const stopSweep = every(
    sweepEveryMs,
    () => sweep(sweepPorts),
    err => log.warn({ err }, 'the sweep failed'),
  );
  const stopPlan = every(planEveryMs, work.schedule, err => log.warn({ err }, 'planning failed'));
  // Looks only for those that are due: one that was named just now is.
  const stopSync = every(
    syncEveryMs,
    () => syncGroups(base.policy(), base, clock),
    err => log.warn({ err }, 'groups could not be looked at'),
  );
  const stopStalls = every(
    stallEveryMs,
    () => tellStalled(base, clock()),
    err => log.warn({ err }, 'runs that may have come to a halt could not be looked at'),
  );
  const stopAlerts = every(
    alertEveryMs,
    () => tellAlerts(base, clock()),
    err => log.warn({ err }, 'rules over metrics could not be looked at'),
  );
  const stopFind = findLostDeliveries(base);
  const stopPromote = every(
    promoteEveryMs,
    () => promote({ ...base, ...base.evidence }, clock()),
    err => log.warn({ err }, 'promotions could not be looked at'),
  );
  const stopSchedules = followRepositories(base);
  const stopFollow = followMlflow(base);
  const stopModels = keepModels(base);
  const stopLooking = lookAtRepositories(base, changed);
  const stopServing = every(
    serveEveryMs,
    () => keepAllServing(base, clock()),
    err => log.warn({ err }, 'what serves could not be kept'),
  );
  const teller = targetTeller({ ...base, hook: webhookTarget(base.config.environment) }, clock);
  const stopTelling = every(serveEveryMs, teller.look, err => log.warn({ err }, 'targets could not be told'));
  const stopDeployments = showOnGitHub(base);
  const stopForget = every(
    forgetEveryMs,
    async () => {
      const gone = await forgetOld(base.database.db);
      if (gone > 0) log.info({ gone }, 'old deliveries and answers forgotten');
      const removed = await removeUnused(base, log);
      if (removed > 0) log.info({ removed }, 'content that nothing refers to removed');
    },
    err => log.warn({ err }, 'forgetting failed'),
  );

  return {
    async close() {
      await Promise.all([
        stopSweep(),
        stopPlan(),
        stopSync(),
        stopStalls(),
        stopAlerts(),
        stopFind(),
        stopPromote(),
        stopFollow(),
        stopModels(),
        stopSchedules(),
        stopLooking(),
        stopServing(),
        stopTelling(),
        stopDeployments(),
        stopForget(),
        wakeWorker.close(),
        requestWorker.close(),
      ]);
      await Promise.all([work.deliveries.settled(), messages.settled(), teller.settled()]);
    },
  };
}

/** Where GitHub tells things, and can be asked. */
function findLostDeliveries({ config, github, database, log, clock }: Base): () => Promise<void> {
  const { app } = github;
  if (!app || config.github.webhookSecrets.length === 0) return async () => {};
  const ports = {
    lost: lostDeliveries(database.db, findEveryMs),
    hook: githubHook(app),
    waitFor: githubWait,
    log,
  };
  return every(
    findEveryMs,
    () => findLost(ports, clock()),
    err => log.warn({ err }, 'lost deliveries of GitHub could not be looked for'),
  );
}

/** Where repositories can be read. */
function followRepositories(base: Base): () => Promise<void> {
  const { github, log, clock } = base;
  if (!github.app) return async () => {};
  const ports = { ...base, readFile: readRepositoryFile, next: cronNext };
  return every(
    scheduleEveryMs,
    () => followFiles(base.policy(), ports, clock()),
    err => log.warn({ err }, 'repositories could not be looked at'),
  );
}

/** Where deployments can be made. */
function showOnGitHub(base: Base): () => Promise<void> {
  const { github, repositories, log } = base;
  const { deployments } = github;
  if (!deployments) return async () => {};
  const ports = {
    ...{ deployments, repositories, log, policies: base.modelPolicies, waitFor: githubWait },
    ...{ store: deploymentStore(base.database.db), linkOf: (run: number) => linkOf(base, run) },
  };
  return every(
    deploymentsEveryMs,
    () => showDeployments(ports),
    err => log.warn({ err }, 'deployments on GitHub could not be looked at'),
  );
}

/** Where people see a run; null: nowhere that is known. */
function linkOf({ config: { publicUrl } }: Pick<Base, 'config'>, run: number): string | null {
  return publicUrl === null ? null : `${publicUrl}/v1/runs/${run}`;
}

function followMlflow({ mlflow: { port, follows }, runs, log, clock }: Base): () => Promise<void> {
  if (!port) return async () => {};
  return every(followEveryMs, mlflowFollower({ mlflow: port, follows, runs, log }, clock), err =>
    log.warn({ err }, 'metrics in MLflow could not be looked for'),
  );
}

/** Versions of models, and what repositories say of them. */
function keepModels(base: Base): () => Promise<void> {
  const { log } = base;
  const ports = {
    ...base,
    files: base.modelFiles,
    policies: base.modelPolicies,
    examine: contentExaminer(base.artifacts),
  };
  const stopVersions = every(
    versionsEveryMs,
    () => makeVersions(ports, base.clock),
    err => log.warn({ err }, 'versions of models could not be made'),
  );
  const stopFiles = every(
    modelFilesEveryMs,
    () => readModelFiles(base.policy(), { since: null, project: null }, ports),
    err => log.warn({ err }, 'what repositories say of models could not be looked at'),
  );
  const registries = {
    ...{ registry: base.registry, models: base.models, policies: base.modelPolicies, log },
    ...{ builtin: builtinRegistry(base.database.db), mlflow: base.mlflow.registry },
    keyOf: versionKeys(base.database.db),
    linkOf: (run: number) => linkOf(base, run),
  };
  const stopRegistries = every(
    registriesEveryMs,
    () => keepRegistries(registries, base.clock),
    err => log.warn({ err }, 'registries of models could not be looked at'),
  );
  return async () => {
    await Promise.all([stopVersions(), stopFiles(), stopRegistries()]);
  };
}

/** At the start, where the last look is not quite new, and every so often. */
function lookAtRepositories(
  { database, github, repositories, policy, log, clock }: Base,
  changed: (event: RepositoryEvent) => Promise<void>,
): () => Promise<void> {
  const { lists } = github;
  if (!lists) return async () => {};
  const ports = { looks: lookStore(database.db), repositories, lists, changed, waitFor: githubWait, log };
  let isFirst = true;
  return every(
    lookEveryMs,
    async () => {
      const sinceMs = isFirst ? minuteMs : lookEveryMs - minuteMs;
      isFirst = false;
      await lookAround(policy(), ports, sinceMs, clock());
    },
    err => log.warn({ err }, 'repositories on GitHub could not be looked at'),
  );
}

/** Nobody can guess it. */
function randomId(): string {
  return randomBytes(16).toString('base64url');
}

function githubWait(err: unknown): number | null {
  if (err instanceof GitHubError) return err.outcome === 'retry' ? err.afterMs : null;
  return err instanceof Error ? githubWait(err.cause) : null;
}

interface Work {
  deliveries: Lanes;
  wakeups: Wakeups;
  publish(id: string): Promise<void>;
  schedule(): Promise<void>;
}

async function look(subject: WakeSubject, work: Work): Promise<void> {
  if (subject === 'plan') return await work.schedule();
  if (subject === 'deliveries') return await takeDeliveries(work);
  await work.publish(subject.slice('surface:'.length));
}

/** As many as there is room for. The next look may be another worker's, so none waits here while it has no room. */
async function takeDeliveries({ deliveries, wakeups }: Work): Promise<void> {
  const more = await deliveries.fill();
  if (more) void deliveries.room().then(() => wakeups.wake(['deliveries']));
}

/** One request from the shared queue, by the same way as one over HTTP. Throws what the job is to fail with. */
async function fromQueue(
  request: { token: string; idempotencyKey: string; body: unknown },
  base: Base,
): Promise<unknown> {
  const token = await base.tokens.find(request.token);
  if (!token) {
    base.refusals.unknown(request.token, 'queue');
    throw new SignalboxError('TOKEN_INVALID');
  }
  const word = 'runs:write';
  if (!token.scopes.includes(word)) {
    base.refusals.beyond(tokenActor(token), word, 'queue');
    throw new SignalboxError('TOKEN_SCOPE', { word });
  }
  const intent = runIntent(token, `queue:${token.id}:${request.idempotencyKey}`, request.body);
  const result = await base.dispatch({ ...intent, place: { kind: 'queue' } });
  if (!result.ok) throw new SignalboxError(result.fault);
  return result.reply.data;
}
