import { z } from 'zod';
import { bodyOf, notFound, Refusal } from '../error.ts';
import { refAt, resolve } from '../git.ts';
import { noCommit, numbered, paged, pageOf, type RepoCall, type Route } from '../route.ts';
import { checkShape, webhookCheckShape } from '../shapes/check.ts';
import { tell } from '../tell.ts';
import { type CheckRun, iso } from '../world.ts';

const text = z.string().max(65_535);
const annotation = z.object({
  path: z.string(),
  start_line: z.int(),
  end_line: z.int(),
  start_column: z.int().optional(),
  end_column: z.int().optional(),
  annotation_level: z.enum(['notice', 'warning', 'failure']),
  message: z.string().max(65_536),
  title: z.string().max(255).optional(),
  raw_details: z.string().max(65_536).optional(),
});
const common = {
  details_url: z.url().optional(),
  external_id: z.string().optional(),
  status: z.enum(['queued', 'in_progress', 'completed']).optional(),
  started_at: z.iso.datetime().optional(),
  conclusion: z
    .enum(['action_required', 'cancelled', 'failure', 'neutral', 'success', 'skipped', 'timed_out'])
    .optional(),
  completed_at: z.iso.datetime().optional(),
  actions: z
    .array(
      z.object({
        label: z.string().max(20),
        description: z.string().max(40),
        identifier: z.string().max(20),
      }),
    )
    .max(3)
    .optional(),
};
const output = z.object({
  title: z.string(),
  summary: text,
  text: text.optional(),
  annotations: z.array(annotation).max(50).optional(),
});
const newCheck = z.object({
  ...common,
  name: z.string().min(1),
  head_sha: z.string(),
  output: output.optional(),
});
const checkChange = z.object({
  ...common,
  name: z.string().min(1).optional(),
  output: output.partial({ title: true }).optional(),
});

function apply(call: RepoCall, run: CheckRun, given: z.infer<typeof checkChange>): void {
  const { status, conclusion, completed_at } = given;
  if ((status === 'completed' || completed_at) && !conclusion)
    throw new Refusal(422, 'Invalid request.\n\nMissing required parameter: conclusion.');
  const now = iso(call.world.clock.now());
  run.status = conclusion ? 'completed' : (status ?? run.status);
  run.conclusion = run.status === 'completed' ? (conclusion ?? run.conclusion) : null;
  run.startedAt = given.started_at ?? run.startedAt ?? now;
  run.completedAt = run.status === 'completed' ? (completed_at ?? now) : null;
  run.name = given.name ?? run.name;
  run.detailsUrl = given.details_url ?? run.detailsUrl;
  run.externalId = given.external_id ?? run.externalId;
  run.actions = given.actions ?? run.actions;
  if (!given.output) return;
  const { annotations = [], title, summary, text = null } = given.output;
  run.output = { title: title ?? run.output.title, summary, text };
  // "Annotations are appended to the list of annotations that already exist."
  run.annotations.push(...annotations);
}

async function create(call: RepoCall) {
  const { world, repo, body } = call;
  const given = bodyOf(newCheck, body);
  const full = /^[0-9a-f]{40}$/.test(given.head_sha);
  if (!full || (await refAt(repo.dir, given.head_sha)) === null) throw noCommit(given.head_sha);
  const run: CheckRun = {
    id: world.id(),
    name: given.name,
    sha: given.head_sha,
    status: 'queued',
    conclusion: null,
    startedAt: null,
    completedAt: null,
    externalId: '',
    detailsUrl: null,
    output: { title: null, summary: null, text: null },
    annotations: [],
    actions: [],
  };
  apply(call, run, given);
  repo.checks.set(run.id, run);
  tellCheck(call, run, 'created');
  if (run.status === 'completed') tellCheck(call, run, 'completed');
  return { status: 201, body: checkShape(world, repo, run) };
}

function update(call: RepoCall) {
  const run = checkOf(call);
  const was = run.status;
  apply(call, run, bodyOf(checkChange, call.body));
  if (run.status === 'completed' && was !== 'completed') tellCheck(call, run, 'completed');
  return { body: checkShape(call.world, call.repo, run) };
}

function tellCheck(call: RepoCall, run: CheckRun, action: 'created' | 'completed'): void {
  const check_run = webhookCheckShape(call.world, call.repo, run);
  tell(call, call.repo, { event: 'check_run', action, by: call.world.bot, more: { check_run } });
}

function checkOf({ repo, params }: RepoCall): CheckRun {
  const run = repo.checks.get(numbered(params, 'check_run_id'));
  if (!run) throw notFound();
  return run;
}

async function list(call: RepoCall) {
  const { world, repo, params, query, url } = call;
  const sha = await resolve(repo.dir, params.ref ?? '');
  if (sha === null) throw noCommit(params.ref ?? '');
  const [name, status] = [query.get('check_name'), query.get('status')];
  const all = [...repo.checks.values()]
    .filter(run => run.sha === sha && (!name || run.name === name) && (!status || run.status === status))
    .reverse();
  // Only the newest of a name, unless all are asked for.
  const newest = all.filter((run, at) => all.findIndex(other => other.name === run.name) === at);
  const found = query.get('filter') === 'all' ? all : newest;
  const { items, headers } = pageOf(query, url, found);
  const check_runs = items.map(run => checkShape(world, repo, run));
  return { body: { total_count: found.length, check_runs }, headers };
}

const base = '/repos/{owner}/{repo}/check-runs';
export const checkRoutes: Route[] = [
  { name: `POST ${base}`, needs: ['checks:write'], run: { repo: create } },
  {
    name: `GET ${base}/{check_run_id}`,
    needs: ['checks:read'],
    run: { repo: call => ({ body: checkShape(call.world, call.repo, checkOf(call)) }) },
  },
  { name: `PATCH ${base}/{check_run_id}`, needs: ['checks:write'], run: { repo: update } },
  {
    name: `GET ${base}/{check_run_id}/annotations`,
    needs: ['checks:read'],
    run: {
      repo: call => {
        const { annotations, sha } = checkOf(call);
        const empty = { start_column: null, end_column: null, title: null, raw_details: null };
        return paged(call, annotations, one => ({ ...empty, blob_href: `${sha}/${one.path}`, ...one }));
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs',
    needs: ['checks:read'],
    run: { repo: list },
  },
];
