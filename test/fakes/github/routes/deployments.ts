import { z } from 'zod';
import { refMoved } from '../acts/push.ts';
import { bodyOf, invalid, notFound, Refusal } from '../error.ts';
import { isAncestor, log, mergeCommit, refAt, resolve, setRef } from '../git.ts';
import { noCommit, numbered, paged, type RepoCall, type Route } from '../route.ts';
import { deploymentShape, deploymentStatusShape, statusShape } from '../shapes/check.ts';
import { commitShape } from '../shapes/commit.ts';
import { repoShape, repoUrl } from '../shapes/repository.ts';
import { tell } from '../tell.ts';
import type { Deployment, DeploymentStatus, Status } from '../world.ts';

const statusBody = z.object({
  state: z.enum(['error', 'failure', 'pending', 'success']),
  target_url: z.string().nullable().optional(),
  description: z.string().max(140).nullable().optional(),
  context: z.string().default('default'),
});

async function setStatus(call: RepoCall) {
  const { world, repo, params, body } = call;
  const sha = params.sha ?? '';
  const [commit] = await log(repo.dir, ['-1', sha]).catch(() => []);
  if (!commit || !/^[0-9a-f]{40}$/.test(sha)) throw noCommit(sha);
  const given = bodyOf(statusBody, body);
  const status: Status = {
    id: world.id(),
    sha,
    state: given.state,
    context: given.context,
    description: given.description ?? null,
    targetUrl: given.target_url ?? null,
    creator: world.bot,
    at: world.clock.now(),
  };
  repo.statuses.push(status);
  const shape = statusShape(world, repo, status);
  const { creator: _, url: __, node_id: ___, ...more } = shape;
  tell(call, repo, {
    event: 'status',
    by: world.bot,
    more: { ...more, sha, name: repo.name, commit: commitShape(world, repo, commit), branches: [] },
  });
  return { status: 201, body: shape };
}

async function combined(call: RepoCall) {
  const { world, repo, params } = call;
  const sha = await resolve(repo.dir, params.ref ?? '');
  if (sha === null) throw noCommit(params.ref ?? '');
  const all = repo.statuses.filter(one => one.sha === sha).reverse();
  const newest = all.filter((one, at) => all.findIndex(({ context }) => context === one.context) === at);
  const bad = newest.some(({ state }) => state === 'failure' || state === 'error');
  const good = newest.length > 0 && newest.every(({ state }) => state === 'success');
  const url = repoUrl(world, repo);
  return {
    body: {
      state: bad ? 'failure' : good ? 'success' : 'pending',
      statuses: newest.map(one => statusShape(world, repo, one)),
      sha,
      total_count: newest.length,
      repository: repoShape(world, repo),
      commit_url: `${url}/commits/${sha}`,
      url: `${url}/commits/${sha}/status`,
    },
  };
}

const newDeployment = z.object({
  ref: z.string(),
  task: z.string().default('deploy'),
  auto_merge: z.boolean().default(true),
  required_contexts: z.array(z.string()).optional(),
  payload: z.union([z.string(), z.record(z.string(), z.unknown())]).default({}),
  environment: z.string().default('production'),
  description: z.string().nullable().default(null),
  transient_environment: z.boolean().default(false),
  production_environment: z.boolean().optional(),
});

async function create(call: RepoCall) {
  const { world, repo, body } = call;
  const given = bodyOf(newDeployment, body);
  const sha = await resolve(repo.dir, given.ref);
  if (sha === null) throw new Refusal(422, `No ref found for: ${given.ref}`);
  const merged = given.auto_merge && (await autoMerge(call, given.ref, sha));
  if (merged) return { status: 202, body: { message: merged } };
  needSuccess(call, sha, given.required_contexts);
  const deployment: Deployment = {
    id: world.id(),
    sha,
    ref: given.ref,
    task: given.task,
    environment: given.environment,
    transient: given.transient_environment,
    production: given.production_environment ?? given.environment === 'production',
    description: given.description,
    payload: given.payload,
    creator: world.bot,
    at: world.clock.now(),
    statuses: [],
  };
  repo.deployments.set(deployment.id, deployment);
  tell(call, repo, {
    event: 'deployment',
    action: 'created',
    by: world.bot,
    more: { deployment: deploymentShape(world, repo, deployment), workflow: null, workflow_run: null },
  });
  return { status: 201, body: deploymentShape(world, repo, deployment) };
}

/** A branch that lacks something of the default branch gets it first, and nothing is deployed, unless the caller said no to that. */
async function autoMerge(call: RepoCall, ref: string, sha: string): Promise<string | null> {
  const { world, repo } = call;
  const branch = `refs/heads/${ref}`;
  const base = await refAt(repo.dir, `refs/heads/${repo.branch}`);
  if ((await refAt(repo.dir, branch)) === null || base === null) return null;
  if (await isAncestor(repo.dir, base, sha)) return null;
  const by = { user: world.bot, at: world.clock.now() };
  const made = await mergeCommit(repo.dir, by, sha, base, `Merge ${repo.branch} into ${ref}`);
  if (made === null) throw new Refusal(409, `Conflict merging ${repo.branch} into ${ref}`);
  await setRef(repo.dir, branch, made);
  await refMoved(call, repo, world.bot, branch, sha, made);
  return `Auto-merged ${repo.branch} into ${ref} on deployment.`;
}

/** Every status and check of the commit must have succeeded, or those that the caller names. */
function needSuccess({ repo }: RepoCall, sha: string, wanted: readonly string[] | undefined): void {
  const states = new Map<string, boolean>();
  for (const { sha: of, context, state } of repo.statuses)
    if (of === sha) states.set(context, state === 'success');
  for (const { sha: of, name, conclusion } of repo.checks.values())
    if (of === sha) states.set(name, ['success', 'neutral', 'skipped'].includes(conclusion ?? ''));
  const needed = wanted ?? [...states.keys()];
  if (needed.every(context => states.get(context))) return;
  throw new Refusal(409, 'Conflict: Commit status checks failed for the requested ref.');
}

const newStatus = z.object({
  state: z.enum(['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success']),
  target_url: z.string().optional(),
  log_url: z.string().optional(),
  description: z.string().default(''),
  environment: z.string().optional(),
  environment_url: z.string().default(''),
  auto_inactive: z.boolean().default(true),
});

function deploymentOf({ repo, params }: RepoCall): Deployment {
  const found = repo.deployments.get(numbered(params, 'deployment_id'));
  if (!found) throw notFound();
  return found;
}

function addStatus(call: RepoCall) {
  const deployment = deploymentOf(call);
  const given = bodyOf(newStatus, call.body);
  if (given.description.length > 140) throw invalid('DeploymentStatus', 'description', 'custom');
  const status = put(call, deployment, {
    state: given.state,
    description: given.description,
    environment: given.environment ?? deployment.environment,
    logUrl: given.log_url ?? given.target_url ?? '',
    environmentUrl: given.environment_url,
  });
  if (given.state === 'success' && given.auto_inactive) retireOthers(call, deployment);
  return { status: 201, body: deploymentStatusShape(call.world, call.repo, deployment, status) };
}

function put(
  call: RepoCall,
  deployment: Deployment,
  given: Omit<DeploymentStatus, 'id' | 'creator' | 'at'>,
): DeploymentStatus {
  const { world, repo } = call;
  const status = { ...given, id: world.id(), creator: world.bot, at: world.clock.now() };
  deployment.statuses.push(status);
  tell(call, repo, {
    event: 'deployment_status',
    action: 'created',
    by: world.bot,
    more: {
      deployment_status: deploymentStatusShape(world, repo, deployment, status),
      deployment: deploymentShape(world, repo, deployment),
      workflow: null,
      workflow_run: null,
      check_run: null,
    },
  });
  return status;
}

/** "Adds a new inactive status to all prior non-transient, non-production environment deployments with the same ... environment." */
function retireOthers(call: RepoCall, deployment: Deployment): void {
  for (const other of call.repo.deployments.values()) {
    const same = other.environment === deployment.environment && other.id < deployment.id;
    const last = other.statuses.at(-1);
    if (!same || other.transient || other.production || !last || last.state === 'inactive') continue;
    put(call, other, { ...last, state: 'inactive' });
  }
}

const base = '/repos/{owner}/{repo}/deployments';
const reads = ['deployments:read'];
const writes = ['deployments:write'];

export const deploymentRoutes: Route[] = [
  { name: 'POST /repos/{owner}/{repo}/statuses/{sha}', needs: ['statuses:write'], run: { repo: setStatus } },
  {
    name: 'GET /repos/{owner}/{repo}/commits/{ref}/status',
    needs: ['statuses:read'],
    run: { repo: combined },
  },
  {
    name: 'GET /repos/{owner}/{repo}/commits/{ref}/statuses',
    needs: ['statuses:read'],
    run: {
      repo: async call => {
        const sha = await resolve(call.repo.dir, call.params.ref ?? '');
        const list = call.repo.statuses.filter(one => one.sha === sha).reverse();
        return paged(call, list, one => statusShape(call.world, call.repo, one));
      },
    },
  },
  {
    name: `GET ${base}`,
    needs: reads,
    run: {
      repo: call => {
        const { world, repo, query } = call;
        const list = [...repo.deployments.values()]
          .reverse()
          .filter(one =>
            (['sha', 'ref', 'task', 'environment'] as const).every(
              key => query.get(key) === null || query.get(key) === one[key],
            ),
          );
        return paged(call, list, one => deploymentShape(world, repo, one));
      },
    },
  },
  { name: `POST ${base}`, needs: writes, run: { repo: create } },
  {
    name: `GET ${base}/{deployment_id}`,
    needs: reads,
    run: { repo: call => ({ body: deploymentShape(call.world, call.repo, deploymentOf(call)) }) },
  },
  {
    name: `GET ${base}/{deployment_id}/statuses`,
    needs: reads,
    run: {
      repo: call => {
        const deployment = deploymentOf(call);
        const list = [...deployment.statuses].reverse();
        return paged(call, list, one => deploymentStatusShape(call.world, call.repo, deployment, one));
      },
    },
  },
  { name: `POST ${base}/{deployment_id}/statuses`, needs: writes, run: { repo: addStatus } },
];
