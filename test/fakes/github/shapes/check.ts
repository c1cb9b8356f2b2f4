import {
  type CheckRun,
  type Deployment,
  type DeploymentStatus,
  iso,
  type Json,
  nodeId,
  type Repo,
  type Status,
  type World,
} from '../world.ts';
import { pullsOf } from './pull.ts';
import { pageUrl, repoUrl } from './repository.ts';
import { appShape, userShape } from './user.ts';

/** One suite for each commit: there is one app only. */
const suiteId = (sha: string) => Number.parseInt(sha.slice(0, 8), 16);

function suiteOf(world: World, repo: Repo, sha: string): Json {
  const runs = [...repo.checks.values()].filter(run => run.sha === sha);
  const done = runs.length > 0 && runs.every(({ status }) => status === 'completed');
  const worst = runs.find(({ conclusion }) => conclusion !== 'success')?.conclusion ?? 'success';
  const id = suiteId(sha);
  return {
    id,
    node_id: nodeId('CheckSuite', id),
    head_branch: null,
    head_sha: sha,
    status: done ? 'completed' : 'queued',
    conclusion: done ? worst : null,
    url: `${repoUrl(world, repo)}/check-suites/${id}`,
    before: null,
    after: sha,
    pull_requests: pullsOf(world, repo, sha),
    app: appShape(world),
    created_at: iso(repo.pushedAt),
    updated_at: iso(repo.pushedAt),
  };
}

export function checkShape(world: World, repo: Repo, run: CheckRun): Json {
  const url = `${repoUrl(world, repo)}/check-runs/${run.id}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CheckRun', run.id),
    head_sha: run.sha,
    external_id: run.externalId,
    url,
    html_url: `${pageUrl(world, repo)}/runs/${run.id}`,
    details_url: run.detailsUrl ?? 'https://signalbox.example',
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      ...run.output,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/annotations`,
    },
    check_suite: { id: suiteId(run.sha) },
    app: appShape(world),
    pull_requests: pullsOf(world, repo, run.sha),
  };
}

export function webhookCheckShape(world: World, repo: Repo, run: CheckRun): Json {
  return { ...checkShape(world, repo, run), check_suite: suiteOf(world, repo, run.sha) };
}

export function statusShape(world: World, repo: Repo, status: Status): Json {
  return {
    url: `${repoUrl(world, repo)}/statuses/${status.sha}`,
    avatar_url: `${world.origin()}/avatars/u/${status.creator.id}`,
    id: status.id,
    node_id: nodeId('Status', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: iso(status.at),
    updated_at: iso(status.at),
    creator: userShape(world, status.creator),
  };
}

export function deploymentShape(world: World, repo: Repo, deployment: Deployment): Json {
  const url = `${repoUrl(world, repo)}/deployments/${deployment.id}`;
  return {
    url,
    id: deployment.id,
    node_id: nodeId('Deployment', deployment.id),
    task: deployment.task,
    original_environment: deployment.environment,
    environment: deployment.environment,
    description: deployment.description,
    created_at: iso(deployment.at),
    updated_at: iso(deployment.statuses.at(-1)?.at ?? deployment.at),
    statuses_url: `${url}/statuses`,
    repository_url: repoUrl(world, repo),
    creator: userShape(world, deployment.creator),
    sha: deployment.sha,
    ref: deployment.ref,
    payload: deployment.payload,
    transient_environment: deployment.transient,
    production_environment: deployment.production,
    performed_via_github_app: appShape(world),
  };
}

export function deploymentStatusShape(
  world: World,
  repo: Repo,
  deployment: Deployment,
  status: DeploymentStatus,
): Json {
  const url = `${repoUrl(world, repo)}/deployments/${deployment.id}`;
  return {
    url: `${url}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DeploymentStatus', status.id),
    state: status.state,
    creator: userShape(world, status.creator),
    description: status.description,
    environment: status.environment,
    target_url: status.logUrl,
    created_at: iso(status.at),
    updated_at: iso(status.at),
    deployment_url: url,
    repository_url: repoUrl(world, repo),
    environment_url: status.environmentUrl,
    log_url: status.logUrl,
    performed_via_github_app: appShape(world),
  };
}
