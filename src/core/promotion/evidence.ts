import { namesIn } from '../expression/expression.ts';
import { cleanLine, formatDuration, formatNumber } from '../format.ts';
import { githubSource } from '../github-source.ts';
import type { Better } from '../metric-direction.ts';
import { formatMoney } from '../money.ts';
import type { MetricSummary } from '../ports.ts';
import type { Run } from '../run.ts';
import { counterNames } from '../run-facts.ts';
import { differenceOf } from '../run-result.ts';
import { type Evaluated, measuredAnew } from './evaluation.ts';
import { type GateVerdict, judge, readGate } from './gate.ts';
import type { ModelEnvironment } from './model-keys.ts';
import type { Promotion } from './promotion.ts';
import { type ModelVersion, measuredOf } from './version.ts';

/** One metric of the version, beside the same of what serves. Numbers as people read them; null: there is none. */
export interface EvidenceMetric {
  name: string;
  value: string | null;
  before: string | null;
  better: Better | null;
  verdict: 'better' | 'worse' | 'same' | null;
  /** How far it is from what serves, and what part of that it is; null: nobody can say. */
  difference: number | null;
  share: number | null;
  /** The runs that measured them, where a version was evaluated. */
  run?: number;
  beforeRun?: number;
}

/** What a promotion is decided on, as it was when it was gathered. */
export interface Evidence extends Pick<Promotion, 'kind' | 'model' | 'version' | 'environment'> {
  sha256: string;
  /** Whether that content is still kept as it was. */
  isKept: boolean;
  run: number;
  sha: string;
  /** The run that evaluated the version; absent: none did. */
  evaluation?: number;
  /** What serves there; null: nothing. */
  serving: { version: number; sha256: string; run: number; sha: string } | null;
  metrics: EvidenceMetric[];
  gates: Pick<GateVerdict, 'gate' | 'verdict' | 'sentence'>[];
  /** Parameters that are not those of the run that made what serves; null: it has none such. */
  differences: { label: string; value: string | null; before: string | null }[];
  /** Where the difference of the code is seen; null: nowhere. */
  codeLink: string | null;
  trainedBy: string;
  /** Accelerator-hours and money of the run. */
  cost: string;
  drift: string;
  /** `stepUp`: an approval needs a second factor; absent where it does not. `rollout`: absent for a rollback, which has one step. */
  policy: {
    target: string;
    count: number;
    from: string;
    stepUp?: true;
    rollout?: ModelEnvironment['rollout'];
  };
}

/** What evidence is made of. */
export interface Found {
  version: ModelVersion;
  isKept: boolean;
  run: Pick<Run, 'spec'> | null;
  /** What was measured of it for this; null: nothing, and what its training measured counts. */
  evaluated: Evaluated | null;
  serving: { version: ModelVersion; run: Pick<Run, 'spec'> | null; evaluated: Evaluated | null } | null;
  cost: { hours: number; money: number };
  currency: string;
}

const shownLength = 60;
const mostRows = 20;

/** What a promotion is decided on. A rollback has no gates: it goes to what has served before. */
export function evidenceOf(
  promotion: Pick<Promotion, 'kind' | 'model' | 'version' | 'environment'>,
  {
    target,
    gates,
    approvals,
    stepUp,
    rollout,
  }: Pick<ModelEnvironment, 'target' | 'gates' | 'approvals' | 'stepUp' | 'rollout'>,
  { version, isKept, run, evaluated, serving, cost, currency }: Found,
  now: Date,
): Evidence {
  const { kind, model, environment } = promotion;
  // Nobody watches for drift yet.
  const drift = 'unknown';
  const measured = measuredAnew(version, evaluated);
  const before = serving && measuredAnew(serving.version, serving.evaluated);
  const facts = {
    candidate: measuredOf(measured),
    production: before && measuredOf(before),
    drift,
  };
  const hours = `${formatNumber(Math.round(cost.hours * 100) / 100)} GPU h`;
  return {
    kind,
    model,
    version: version.number,
    environment,
    sha256: version.sha256,
    isKept,
    run: version.run,
    sha: version.sha,
    ...(evaluated ? { evaluation: evaluated.run } : {}),
    serving: serving && {
      version: serving.version.number,
      sha256: serving.version.sha256,
      run: serving.version.run,
      sha: serving.version.sha,
    },
    metrics: metricRows(measured, before).map(row => ({
      ...row,
      ...runsOf(row, version, evaluated, serving),
    })),
    gates: kind === 'rollback' ? [] : gates.map(gate => gateOf(gate, judge(gate, facts, now))),
    differences: differencesOf(run, serving?.run ?? null),
    codeLink: codeLinkOf(version, serving?.version ?? null),
    trainedBy: version.trainedBy.name,
    cost: cost.money > 0 ? `${hours}, ${formatMoney(cost.money, currency)}` : hours,
    drift,
    policy: {
      ...{ target, count: kind === 'rollback' ? 0 : approvals.count, from: approvals.from },
      ...(stepUp && kind !== 'rollback' ? { stepUp: true as const } : {}),
      ...(kind === 'rollback' ? {} : { rollout }),
    },
  };
}

/** Whether nothing in it forbids the version to serve; else why, in one sentence. */
export function verdictOf({ isKept, gates, version }: Evidence): { holds: boolean; reason: string } {
  if (!isKept)
    return {
      holds: false,
      reason: `The content of version ${version} is not kept any more, or is other content than it was.`,
    };
  const failed = gates.filter(({ verdict }) => verdict === 'fails');
  const [first] = failed;
  if (!first)
    return { holds: true, reason: gates.length === 0 ? 'There are no gates.' : 'All its gates hold.' };
  const more = failed.length > 1 ? ` So do ${failed.length - 1} more.` : '';
  return { holds: false, reason: `The gate ${first.gate} fails: ${first.sentence}${more}` };
}

/**
 * What of it answers are given for, as one text whose digest changes with any of it. Left out is what goes by the clock alone: of a gate over
 * an age only the verdict counts, and neither names nor costs.
 */
export function evidenceText(evidence: Evidence): string {
  const { kind, model, version, environment, sha256, isKept, run, sha, serving, metrics, policy } = evidence;
  const { evaluation } = evidence;
  const gates = evidence.gates.map(one => (isOfTime(one.gate) ? [one.gate, one.verdict] : one));
  const { differences, drift } = evidence;
  return canonicalJson({
    ...{ kind, model, version, environment, sha256, isKept, run, sha, evaluation, serving, metrics },
    ...{ gates, differences, drift, policy },
  });
}

/** JSON of which there is one text alone: its keys are in order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** Its numbers go by the clock. */
function isOfTime(gate: string): boolean {
  const read = readGate(gate);
  return read.ok && namesIn(read.expression).some(path => path.at(-1) === 'age');
}

function gateOf(gate: string, { verdict, sentence, compared }: GateVerdict): Evidence['gates'][number] {
  const read = readGate(gate);
  const names = read.ok ? namesIn(read.expression) : [];
  // Seconds are for people only where all of it is time.
  if (names.length === 0 || compared.length === 0 || !names.every(path => path.at(-1) === 'age'))
    return { gate, verdict, sentence };
  const said = compared.map(({ sign, left, right, holds }) => {
    const [a, b] = [left, right].map(one => (typeof one === 'number' ? formatDuration(one) : one));
    return holds ? `${a} ${sign} ${b}` : `${a} is not ${sign} ${b}`;
  });
  return { gate, verdict, sentence: `${said.join(', ')}.` };
}

/** The primary one first. Those that only what serves has are shown too: they are missing. */
function metricRows(version: ModelVersion, serving: ModelVersion | null): EvidenceMetric[] {
  const names = new Set([
    ...(version.primaryMetric === null ? [] : [version.primaryMetric]),
    ...version.metrics.map(({ name }) => name),
    ...(serving?.metrics ?? []).map(({ name }) => name),
  ]);
  return [...names]
    .filter(name => !counterNames.includes(name))
    .map(name =>
      metricRow(name, version, finalOf(version.metrics, name), finalOf(serving?.metrics ?? [], name)),
    )
    .filter(row => row.value !== null || row.before !== null);
}

/** Which runs measured what a row shows; nothing where none but those of the trainings did. */
function runsOf(
  { name, value, before }: EvidenceMetric,
  version: ModelVersion,
  evaluated: Evaluated | null,
  serving: Found['serving'],
): Pick<EvidenceMetric, 'run' | 'beforeRun'> {
  if (!evaluated && !serving?.evaluated) return {};
  const runOf = (one: Evaluated | null, made: ModelVersion) =>
    one?.metrics.some(metric => metric.name === name) ? one.run : made.run;
  return {
    ...(value === null ? {} : { run: runOf(evaluated, version) }),
    ...(before === null || !serving ? {} : { beforeRun: runOf(serving.evaluated, serving.version) }),
  };
}

function metricRow(
  name: string,
  { directions }: ModelVersion,
  value: number | null,
  before: number | null,
): EvidenceMetric {
  const better = Object.hasOwn(directions, name) ? (directions[name]?.better ?? null) : null;
  const shown = { value: shownNumber(value), before: shownNumber(before) };
  const known = better !== null && isNumber(value) && isNumber(before);
  const verdict =
    !known || value === null || before === null
      ? null
      : shown.value === shown.before
        ? 'same'
        : value > before === (better === 'higher')
          ? 'better'
          : 'worse';
  return { name, ...shown, better, verdict, ...differenceOf(value, before) };
}

function isNumber(value: number | null): boolean {
  return value !== null && Number.isFinite(value);
}

function finalOf(metrics: readonly MetricSummary[], name: string): number | null {
  const metric = metrics.find(one => one.name === name);
  if (!metric) return null;
  // An older value that was finite is not its final one.
  return metric.notFinite === undefined ? metric.value : Number.NaN;
}

function shownNumber(value: number | null): string | null {
  return value === null ? null : formatNumber(value);
}

function differencesOf(
  run: Pick<Run, 'spec'> | null,
  other: Pick<Run, 'spec'> | null,
): Evidence['differences'] {
  if (!run || !other) return [];
  const [own, others] = [run.spec.parameters, other.spec.parameters];
  const shown = (of: typeof own, name: string) =>
    Object.hasOwn(of, name) ? cleanLine(String(of[name]), shownLength) : null;
  const names = new Set([...Object.keys(own), ...Object.keys(others)]);
  return [...names]
    .sort()
    .map(label => ({ label, value: shown(own, label), before: shown(others, label) }))
    .filter(({ value, before }) => value !== before)
    .slice(0, mostRows);
}

/** A comparison on GitHub, where both are commits of one repository there. */
function codeLinkOf(version: ModelVersion, serving: ModelVersion | null): string | null {
  if (!serving || serving.source !== version.source || serving.sha === version.sha) return null;
  const repository = githubSource(version.source)?.name;
  const isCommit = (sha: string) => /^[0-9a-f]{40}$/.test(sha);
  if (repository === undefined || !isCommit(version.sha) || !isCommit(serving.sha)) return null;
  return `https://github.com/${repository}/compare/${serving.sha}...${version.sha}`;
}

/** What is other in it than it was, in words: `what serves there, a gate`. */
export function changesOf(before: Evidence, after: Evidence): string[] {
  const differs = (of: (one: Evidence) => unknown) => canonicalJson(of(before)) !== canonicalJson(of(after));
  return [
    ...(differs(({ sha256, isKept }) => [sha256, isKept]) ? ['the artifact'] : []),
    ...(differs(({ evaluation }) => evaluation ?? null) ? ['its evaluation'] : []),
    ...(differs(({ serving }) => serving) ? ['what serves there'] : []),
    ...(differs(({ policy }) => policy) ? ['the policy'] : []),
    ...(differs(({ gates }) => gates.map(one => one.gate)) ? ['the gates'] : []),
    ...(differs(({ gates }) => gates.map(one => one.verdict)) ? ['what the gates say'] : []),
    ...(differs(({ metrics }) => metrics) ? ['the metrics'] : []),
  ];
}
