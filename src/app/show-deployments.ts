import { githubSource } from '../core/github-source.ts';
import type {
  DeploymentStore,
  DeploymentsPort,
  DeploymentWork,
  Log,
  ModelPolicies,
  RepositoryStore,
} from '../core/ports.ts';
import {
  deploymentEnvironment,
  deploymentMark,
  deploymentStatus,
  deploymentTitle,
} from '../core/promotion/deployment.ts';
import { whileKept } from './while-kept.ts';

export interface ShowDeploymentsPorts {
  store: DeploymentStore;
  deployments: DeploymentsPort;
  repositories: Pick<RepositoryStore, 'find'>;
  policies: ModelPolicies;
  /** Where people see a run; null: nowhere that is known. */
  linkOf(run: number): string | null;
  /** How long GitHub asks to wait; null: waiting alone does not help. */
  waitFor(err: unknown): number | null;
  log: Log;
}

/** Of one worker. */
const atOnce = 4;
/** GitHub takes 500 changes an hour from all that Signalbox says there: steps that follow each other sooner are told as one. */
const pauseMs = 5_000;
const mostFailurePauseMs = 3_600_000;
const mostFailures = 30;

/**
 * Shows at its commit on GitHub that a version comes to serve, and how far that is. Level-triggered: each look tells what is so now, and a
 * deployment whose beginning nobody heard of is found again by its mark.
 */
export async function showDeployments(ports: ShowDeploymentsPorts): Promise<void> {
  const claimed = await ports.store.claim(atOnce);
  await Promise.all(claimed.map(work => showOne(work, ports)));
}

async function showOne(work: DeploymentWork, ports: ShowDeploymentsPorts): Promise<void> {
  try {
    await whileKept(
      () => ports.store.keep(work),
      holds => show(work, holds, ports),
    );
  } catch (err) {
    await putOff(work, err, ports);
  }
}

async function show(
  work: DeploymentWork,
  holds: () => boolean,
  { store, deployments, repositories, policies, linkOf }: ShowDeploymentsPorts,
): Promise<void> {
  // 1. What is so now, and where it is to be seen.
  const status = deploymentStatus(work);
  const source = githubSource(work.source);
  const repository = source && (await repositories.find(source));
  if (!status || !repository) throw new Error('the repository of its commit is not known');
  const { model, version, environment, number, run } = work;
  // 2. The deployment, begun once.
  let { deployment } = work;
  if (deployment === null) {
    const places = Object.keys((await policies.all()).get(model)?.environments ?? {});
    if (!holds()) return;
    deployment = await deployments.begin({
      ...{ repository, sha: work.sha, environment: deploymentEnvironment(work) },
      ...{ mark: deploymentMark(work), description: deploymentTitle(work) },
      isProduction: places.at(-1) === environment,
      payload: { model, version, environment, promotion: number, run },
    });
    await store.begun(work, deployment);
  }
  // 3. How far it is. One that was paused meanwhile leaves it to whoever has taken over.
  if (!holds()) return;
  await deployments.tell(repository, deployment, { ...status, logUrl: linkOf(run), environmentUrl: null });
  await store.shown(work, pauseMs);
}

async function putOff(work: DeploymentWork, err: unknown, ports: ShowDeploymentsPorts): Promise<void> {
  const { failures, number } = work;
  const wait = ports.waitFor(err);
  if (wait === null && failures === 0)
    ports.log.warn({ err, promotion: number }, 'a deployment could not be shown on GitHub');
  const grows = Math.min(mostFailurePauseMs, 1_000 * 2 ** Math.min(failures, 12));
  const givenUp = wait === null && failures >= mostFailures;
  const reason = err instanceof Error ? err.message : String(err);
  await ports.store.failed(work, reason, Math.max(wait ?? 0, grows), givenUp);
}
