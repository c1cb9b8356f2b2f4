import { denied, mayTrainAs } from '../src/core/access.ts';
import { type CommandContext, defineCommand, type Outcome } from '../src/core/command.ts';
import { dryRun } from '../src/core/dry-run.ts';
import { earlyStops, medianRule } from '../src/core/early-stop.ts';
import { githubSource } from '../src/core/github-source.ts';
import { nearest } from '../src/core/nearest.ts';
import { gpusTooMany } from '../src/core/pool-limit.ts';
import type { Ports, Resolved } from '../src/core/ports.ts';
import { type Policy, priorities } from '../src/core/project.ts';
import { type Rule, ruleWish } from '../src/core/repository-file.ts';
import type { RunSpec } from '../src/core/run.ts';
import { type RunWish, requestRun } from '../src/core/run-request.ts';
import { storeRun } from '../src/core/store-run.ts';
import { asFirstOf, planSweep, readSweep, storeSweep } from '../src/core/store-sweep.ts';
import { mostMembers, requestSweep } from '../src/core/sweep.ts';
import { trainWords } from '../src/core/train-words.ts';

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
    {
      name: 'sweep',
      kind: 'pairs',
      summary: `A parameter with several values: a run for each combination, at most ${mostMembers}.`,
    },
    {
      name: 'early-stop',
      kind: 'choice',
      summary: `Stop members of a sweep that have no hope: once ${medianRule.completed} have succeeded, those that are worse than most were then.`,
      choices: earlyStops,
    },
    { name: 'note', kind: 'text', summary: 'What it is for.' },
    { name: 'dry-run', kind: 'switch', summary: 'See what would become of it, and ask for nothing.' },
  ],
  examples: [
    'train digits -p lr=0.1',
    'train digits --ref main --gpus 1 --time 4h --note "wider net"',
    'train digits --sweep lr=1e-4,3e-4,1e-3 --early-stop median',
  ],
  needs: ['runs', 'sweeps', 'source', 'plan', 'freezes', 'pulls'],
  async run(values, context, { runs, sweeps, source, plan, freezes, pulls }) {
    const { place } = context;
    const sweep = readSweep(values);
    if (sweep && !sweep.ok) return sweep;
    const isPull = place.kind === 'github' && place.pull;
    const pull = isPull ? await pulls.at(place, values.ref ?? null, context.policy) : null;
    if (pull && !pull.ok) return pull;
    const there = isPull ? null : await onGitHub(values, context, { source, pulls });
    if (there && !there.ok) return there;
    const wish = pull ? { ...withRule(values, pull.rules), ref: pull.branch } : values;
    const policy = pull?.policy ?? there?.policy ?? context.policy;
    const grid = sweep && requestSweep(besides(wish, values, sweep.values), sweep.values, policy);
    const requested = grid?.ok ? grid.members[0] : (grid ?? requestRun(wish, policy));
    if (!requested) throw new Error('a sweep has no members');
    if (!requested.ok) return unknown(requested, values.project, Object.keys(pull?.rules ?? {}));
    const { spec, priority } = requested;
    const access = mayTrainAs(spec.project, context);
    if (!access.ok) return denied(`train ${spec.project}`, access);
    if (spec.gpus > 0) {
      const { pools } = await plan.snapshot(context.now);
      const tooMany = gpusTooMany(spec, pools, context.policy.flavors);
      if (tooMany) return tooMany;
    }
    const planned = grid?.ok ? planSweep(grid, sweep?.earlyStop ?? null) : null;
    if (planned && !planned.ok) return planned;
    if (values['dry-run']) {
      const shown = dryRun(spec, priority, context, await plan.snapshot(context.now));
      return { ok: true, reply: grid?.ok ? asFirstOf(grid.members.length, shown) : shown };
    }
    const from = pull?.source ?? spec.source;
    const resolved = pull ?? there ?? (await source.resolve(spec.source, spec.ref));
    if (!resolved.ok) return refFailed(spec, resolved);
    const of = isPull && pull ? { pull: { repo: place.repo, number: place.issue, base: pull.base } } : {};
    const wanted = { ...spec, source: from, sha: resolved.sha, ...of };
    if (grid?.ok && planned) {
      const pinned = { source: from, sha: resolved.sha, ...of };
      return { ok: true, reply: await storeSweep(planned.spec, grid, pinned, context, { sweeps, freezes }) };
    }
    return { ok: true, reply: await storeRun(wanted, priority, context, { runs, freezes }) };
  },
});

/** At a pull request the name of a rule stands for what it asks for, before what is said besides. */
function withRule(values: RunWish, rules: Record<string, Rule>): RunWish {
  const rule = Object.hasOwn(rules, values.project) ? rules[values.project] : undefined;
  if (!rule) return values;
  const { parameters, ...wish } = ruleWish(rule);
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  const given = { ...wish, ...Object.fromEntries(said), project: wish.project };
  return { ...given, parameters: { ...parameters, ...values.parameters } };
}

/** What a rule says of a parameter that goes over several values does not count; what was said with -p stays, and is refused. */
function besides(wish: RunWish, { parameters: said = {} }: RunWish, sweep: Record<string, string>): RunWish {
  const others = Object.entries(wish.parameters ?? {}).filter(
    ([name]) => !Object.hasOwn(sweep, name) || Object.hasOwn(said, name),
  );
  return { ...wish, parameters: Object.fromEntries(others) };
}

/** The commit that is meant of a repository on GitHub, and what the repository says there; null: the code is elsewhere. */
async function onGitHub(
  { project: name, ref }: RunWish,
  context: CommandContext,
  { source, pulls }: Pick<Ports, 'source' | 'pulls'>,
): Promise<{ ok: true; sha: string; policy: Policy } | Failed | null> {
  const { projects } = context.policy;
  const project = Object.hasOwn(projects, name) ? projects[name] : undefined;
  if (!project || !githubSource(project.source)) return null;
  // Whoever may not train it makes nobody fetch anything.
  const access = mayTrainAs(name, context);
  if (!access.ok) return denied(`train ${name}`, access);
  const wanted = requestRun({ project: name, ...(ref === undefined ? {} : { ref }) }, context.policy);
  if (!wanted.ok) return wanted;
  const resolved = await source.resolve(project.source, wanted.spec.ref);
  if (!resolved.ok) return refFailed(wanted.spec, resolved);
  const { sha } = resolved;
  const wish = { project: name, source: project.source, sha, proposed: false };
  const said = await pulls.commit(wish, context.policy);
  return said.ok ? { ...said, sha } : said;
}

/** A slip in the word for something else, or in the name of a rule, is told from an unknown project. */
function unknown(failed: Failed, word: string, rules: readonly string[]): Failed {
  const { code, details } = failed;
  if (code !== 'PROJECT_UNKNOWN') return failed;
  const allowed = [...(Array.isArray(details.allowed) ? details.allowed : []), ...rules];
  const rule = nearest(word, rules);
  if (rule) return { ...failed, details: { ...details, allowed, nearest: rule, example: `train ${rule}` } };
  if (details.nearest) return { ...failed, details: { ...details, allowed } };
  const meant = nearest(word, trainWords);
  const more = meant ? { nearest: `train ${meant}`, example: `train ${meant} --help` } : {};
  return { ...failed, details: { ...details, allowed, ...more } };
}

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
