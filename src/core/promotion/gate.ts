import { type Compared, evaluate, type Facts } from '../expression/evaluate.ts';
import { type Expression, namesIn, type Vocabulary } from '../expression/expression.ts';
import { parseCondition } from '../expression/parse.ts';
import { capital, cleanLine, formatNumber } from '../format.ts';
import { type Better, bestOf, betterOf } from '../metric-direction.ts';
import { nearest } from '../nearest.ts';
import type { MetricSummary } from '../ports.ts';

/** A version as gates see it. */
export interface Measured {
  /** `version 7`, for sentences. */
  called: string;
  /** Of the run that made it, which has ended: their last values are final. */
  metrics: readonly MetricSummary[];
  directions: Readonly<Record<string, { better: Better }>>;
  /** When it was made. */
  at: Date;
  /** Content digests of what it was made from, by name. */
  inputs: Readonly<Record<string, string>>;
}

export interface GateFacts {
  candidate: Measured;
  /** What serves there now; null: nothing has yet. */
  production: Measured | null;
  /** `unknown` where nobody watches it. */
  drift: string;
}

export interface GateVerdict {
  gate: string;
  /** `open`: there is nothing yet to hold it against, which keeps nobody from being the first. */
  verdict: 'holds' | 'fails' | 'open';
  /** One sentence with the numbers. */
  sentence: string;
  compared: Compared[];
}

const reserved = ['candidate', 'production'];

/**
 * What a gate may speak of: metrics of the candidate (`val_auc` or `candidate.val_auc`, their final values) and of what serves
 * (`production.val_auc`), `best(val_auc)`, the `age` of either, the state of `drift`, all `inputs` as one digest, and the digest of one.
 */
const gateVocabulary: Vocabulary = {
  typeOf(path) {
    const [first = '', second, ...rest] = path;
    if (rest.length > 0) return null;
    const name = reserved.includes(first) ? second : second === undefined ? first : undefined;
    if (name === undefined) return null;
    if (name === 'inputs') return 'text';
    if (name === 'drift') return first === 'production' || second === undefined ? 'text' : null;
    return 'number';
  },
  names: ['age', 'drift', 'inputs', 'production.age', 'production.inputs'],
  functions: {
    best: { takes: 'name', gives: 'number' },
    input: { takes: 'text', gives: 'text' },
  },
};

/** Reads a gate; its problem names the place in the text. */
export function readGate(text: string): ReturnType<typeof parseCondition> {
  return parseCondition(text, gateVocabulary);
}

/**
 * Whether a version may pass: `fails` also where a metric is not there or is no number, so that nothing passes for want of facts. `now`: for
 * ages.
 */
export function judge(gate: string, facts: GateFacts, now: Date): GateVerdict {
  const parsed = readGate(gate);
  const fails = (sentence: string): GateVerdict => ({ gate, verdict: 'fails', sentence, compared: [] });
  if (!parsed.ok) return fails(`It cannot be read: ${parsed.reason}`);
  const { expression } = parsed;
  if (!facts.production && speaksOfProduction(expression))
    return { gate, verdict: 'open', sentence: 'Nothing serves there yet to hold it against.', compared: [] };
  const found = evaluate(expression, gateFacts(facts, now), true);
  if (found.ok) {
    const verdict = found.holds ? 'holds' : 'fails';
    return { gate, verdict, sentence: `${found.compared.map(shown).join(', ')}.`, compared: found.compared };
  }
  if (found.why === 'not-finite') return fails(`${cleanLine(found.name, shownName)} is no finite number.`);
  return fails(missingSentence(found.name, facts));
}

const shownName = 100;

function speaksOfProduction(expression: Expression): boolean {
  return namesIn(expression).some(([first]) => first === 'production');
}

function gateFacts({ candidate, production, drift }: GateFacts, now: Date): Facts {
  /** Of which of the two, and what of it. */
  const split = (path: readonly string[]): { of: Measured | null; name: string } => {
    const [first = '', second] = path;
    if (second === undefined) return { of: candidate, name: first };
    return { of: first === 'production' ? production : candidate, name: second };
  };
  return {
    valueOf(path) {
      const { of, name } = split(path);
      if (!of) return null;
      if (name === 'age') return (now.getTime() - of.at.getTime()) / 1_000;
      if (name === 'inputs') return digestsOf(of.inputs);
      if (name === 'drift') return drift;
      const metric = metricOf(of, name);
      // An older value that was finite is not its final one.
      return metric?.notFinite === undefined ? (metric?.value ?? null) : Number.NaN;
    },
    call(name, of) {
      if (name === 'input') return typeof of === 'string' ? inputOf(candidate, of) : null;
      if (typeof of === 'string') return null;
      const which = split(of);
      const summary = which.of && metricOf(which.of, which.name);
      if (!which.of || !summary) return null;
      return bestOf(summary, betterOf(which.name, which.of.directions))?.value ?? null;
    },
  };
}

function metricOf({ metrics }: Measured, name: string): MetricSummary | undefined {
  return metrics.find(metric => metric.name === name);
}

function inputOf({ inputs }: Measured, name: string): string | null {
  return Object.hasOwn(inputs, name) ? (inputs[name] ?? null) : null;
}

/** Equal where all inputs are. */
function digestsOf(inputs: Measured['inputs']): string {
  return JSON.stringify(Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `0.9312 >= 0.9157` */
function shown({ sign, left, right, holds }: Compared): string {
  const [a, b] = [left, right].map(value =>
    typeof value === 'number' ? formatNumber(value) : cleanLine(value, shownName),
  );
  return holds ? `${a} ${sign} ${b}` : `${a} is not ${sign} ${b}`;
}

/** `version 7 has no metric val_acc; val_auc may be meant` */
function missingSentence(name: string, { candidate, production }: GateFacts): string {
  const of = /\bproduction\./.test(name) ? (production ?? candidate) : candidate;
  const bare = name
    .replace(/^.*\(/, '')
    .replace(/\)$/, '')
    .replace(/^(?:production|candidate)\./, '');
  const isInput = name.startsWith('input(');
  const known = isInput ? Object.keys(of.inputs) : of.metrics.map(metric => metric.name);
  const meant = nearest(bare, known);
  const metric = of.metrics.some(one => one.name === bare);
  const what = isInput ? 'input' : name.startsWith('best(') && metric ? 'direction for the metric' : 'metric';
  const hint = meant === undefined || metric ? '' : ` Perhaps ${cleanLine(meant, shownName)} is meant.`;
  return `${capital(of.called)} has no ${what} ${cleanLine(bare, shownName)}.${hint}`;
}
