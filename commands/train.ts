import { denied, mayTrainAs } from '../src/core/access.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { dryRun } from '../src/core/dry-run.ts';
import { nearest } from '../src/core/nearest.ts';
import { gpusTooMany } from '../src/core/pool-limit.ts';
import type { Resolved } from '../src/core/ports.ts';
import { priorities } from '../src/core/project.ts';
import type { RunSpec } from '../src/core/run.ts';
import { requestRun } from '../src/core/run-request.ts';
import { storeRun } from '../src/core/store-run.ts';

/** What may stand in place of a project; a slip in one of these is told from an unknown project. */
export const trainWords = [
  ...[
    'list',
    'status',
    'why',
    'logs',
    'cancel',
    'retry',
    'extend',
    'bump',
    'approve',
    'compare',
    'artifacts',
    'chart',
    'help',
  ],
];

type Failed = Extract<Outcome, { ok: false }>;

/** Requests a run: what was asked for is checked and pinned to a commit now, and stored once however often the wish arrives. */
export const train = defineCommand({
  path: ['train'],
  summary: 'Ask for a run of a project.',
  access: 'trainer',
  places: ['slack', 'github', 'http', 'queue'],
  needsCode: true,
  arguments: [{ name: 'project', kind: 'word', summary: 'The project to train.', required: true }],
  flags: [
    { name: 'ref', kind: 'word', summary: "Branch, tag or commit; the project's own otherwise." },
    { name: 'gpus', kind: 'count', summary: 'Accelerators; 0 means one CPU slot.', min: 0, max: 1024 },
    { name: 'gpu', kind: 'word', summary: "Part of the wanted accelerator's model." },
    { name: 'pool', kind: 'word', summary: 'Where it runs.' },
    { name: 'priority', kind: 'choice', summary: 'How urgent it is.', choices: priorities },
    { name: 'time', kind: 'duration', summary: 'How long it may take.' },
    { name: 'parameters', kind: 'pairs', summary: 'A parameter of the project.', short: 'p' },
    { name: 'note', kind: 'text', summary: 'What it is for.' },
    { name: 'dry-run', kind: 'switch', summary: 'See what would become of it, and ask for nothing.' },
  ],
  examples: ['train digits -p lr=0.1', 'train digits --ref main --gpus 1 --time 4h --note "wider net"'],
  needs: ['runs', 'source', 'plan', 'freezes', 'pulls'],
  async run(values, context, { runs, source, plan, freezes, pulls }) {
    const { place } = context;
    const isPull = place.kind === 'github' && place.pull;
    const pull = isPull ? await pulls.at(place, values.ref ?? null, context.policy) : null;
    if (pull && !pull.ok) return pull;
    const requested = pull
      ? requestRun({ ...values, ref: pull.branch }, pull.policy)
      : requestRun(values, context.policy);
    if (!requested.ok) {
      if (requested.code !== 'PROJECT_UNKNOWN' || requested.details.nearest) return requested;
      const meant = nearest(values.project, trainWords);
      const details = meant ? { nearest: `train ${meant}`, example: `train ${meant} --help` } : {};
      return { ...requested, details: { ...requested.details, ...details } };
    }
    const { spec, priority } = requested;
    const access = mayTrainAs(spec.project, context);
    if (!access.ok) return denied(`train ${spec.project}`, access);
    if (spec.gpus > 0) {
      const { pools } = await plan.snapshot(context.now);
      const tooMany = gpusTooMany(spec, pools, context.policy.flavors);
      if (tooMany) return tooMany;
    }
    if (values['dry-run'])
      return { ok: true, reply: dryRun(spec, priority, context, await plan.snapshot(context.now)) };
    const from = pull?.source ?? spec.source;
    const resolved = pull ?? (await source.resolve(spec.source, spec.ref));
    if (!resolved.ok) return refFailed(spec, resolved);
    const of = isPull && pull ? { pull: { repo: place.repo, number: place.issue, base: pull.base } } : {};
    const wanted = { ...spec, source: from, sha: resolved.sha, ...of };
    return { ok: true, reply: await storeRun(wanted, priority, context, { runs, freezes }) };
  },
});

type Requested = Pick<RunSpec, 'project' | 'ref'>;

function refFailed(spec: Requested, resolved: Extract<Resolved, { ok: false }>): Failed {
  const shared = { project: spec.project, word: spec.ref };
  switch (resolved.code) {
    case 'unknown': {
      const near = nearest(spec.ref, resolved.refs);
      const shown = near ?? resolved.refs[0];
      const example = shown ? `train ${spec.project} --ref ${shown}` : `train ${spec.project}`;
      return {
        ok: false,
        code: 'REF_UNKNOWN',
        details: { ...shared, allowed: resolved.refs, nearest: near, example },
      };
    }
    case 'ambiguous':
      return { ok: false, code: 'REF_AMBIGUOUS', details: { ...shared, reason: resolved.reason } };
    case 'unavailable':
      return { ok: false, code: 'SOURCE_UNAVAILABLE', details: { ...shared, reason: resolved.reason } };
  }
}
