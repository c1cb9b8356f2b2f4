import { evaluate, type Facts } from '../expression/evaluate.ts';
import { type Expression, namesIn } from '../expression/expression.ts';
import { cleanLine, formatNumber } from '../format.ts';
import { type Better, bestOf, betterOf } from '../metric-direction.ts';
import type { MetricExtreme } from '../ports.ts';
import type { ReadAlert } from './read-alert.ts';

/** What an attempt last said of a metric. */
export interface Heard {
  name: string;
  step: number;
  /** NaN where it was not finite. */
  value: number;
  /** Of all attempts; null: no value was finite. */
  ends: { least: MetricExtreme; most: MetricExtreme } | null;
}

export interface AlertFacts {
  /** What the newest attempt reported. */
  metrics: readonly Heard[];
  /** Which epoch it was at these steps, as the run reports it. */
  epochs: ReadonlyMap<number, number>;
  /** How long the attempt is at work. */
  runningS: number;
  primaryMetric: string | null;
  directions: Readonly<Record<string, { better: Better }>>;
}

/** Null: it does not hold, or nothing can be said yet. Else its numbers, as one sentence. */
export function judgeAlert(alert: ReadAlert, facts: AlertFacts): string | null {
  if (alert.after?.counter === 'time' && facts.runningS < alert.after.seconds) return null;
  if (alert.kind === 'no-improvement') return withoutImprovement(alert, facts);
  // What one of them speaks of and was never reported must not hide the others.
  const { condition } = alert;
  const parts = condition.kind === 'any' ? condition.of : [condition];
  for (const part of parts) {
    const named = namedIn(part).map(name => heard(name, facts));
    if (!named.every(one => one !== null && isPast(one, alert, facts))) continue;
    const found = evaluate(part, factsOf(facts), false);
    if (found.ok && found.holds) return `${numbersOf(part, facts)}.`;
  }
  return null;
}

/** The steps of which it must be known which epoch they were in. */
export function epochsAsked(alerts: readonly ReadAlert[], facts: Omit<AlertFacts, 'epochs'>): number[] {
  const steps = alerts.flatMap(alert => {
    const named = metricsOf(alert, facts.primaryMetric).flatMap(name => heard(name, facts) ?? []);
    const isAfter = alert.after?.counter === 'epoch';
    const counts = alert.kind === 'no-improvement' && alert.unit === 'epoch';
    return named.flatMap(one => {
      const best = one.ends && bestOf(one.ends, betterOf(one.name, facts.directions));
      return [...(isAfter || counts ? [one.step] : []), ...(counts && best ? [best.step] : [])];
    });
  });
  return [...new Set(steps)];
}

/** The metrics that a rule speaks of. */
export function metricsOf(alert: ReadAlert, primaryMetric: string | null): string[] {
  if (alert.kind === 'condition') return namedIn(alert.condition);
  const name = alert.metric ?? primaryMetric;
  return name === null ? [] : [name];
}

/** Those of a rule that must have a direction. */
export function directedIn(alert: ReadAlert, primaryMetric: string | null): string[] {
  return alert.kind === 'condition' ? bestIn(alert.condition) : metricsOf(alert, primaryMetric);
}

function namedIn(condition: Expression): string[] {
  return namesIn(condition).map(path => path.join('.'));
}

function bestIn(condition: Expression): string[] {
  if (condition.kind === 'call')
    return condition.name === 'best' ? namedIn(condition) : condition.of.flatMap(bestIn);
  switch (condition.kind) {
    case 'arithmetic':
    case 'comparison':
      return [...bestIn(condition.left), ...bestIn(condition.right)];
    case 'negative':
    case 'nan':
    case 'not':
      return bestIn(condition.of);
    case 'all':
    case 'any':
      return condition.of.flatMap(bestIn);
    default:
      return [];
  }
}

function heard(name: string, { metrics }: Pick<AlertFacts, 'metrics'>): Heard | null {
  return metrics.find(metric => metric.name === name) ?? null;
}

/** Whether what was last said of it was said late enough. */
function isPast({ step }: Heard, { after }: ReadAlert, { epochs }: AlertFacts): boolean {
  if (after === null || after.counter === 'time') return true;
  return (after.counter === 'step' ? step : (epochs.get(step) ?? -1)) >= after.from;
}

function factsOf(facts: AlertFacts): Facts {
  return {
    valueOf: path => heard(path.join('.'), facts)?.value ?? null,
    call(name, of) {
      if (name !== 'best' || typeof of === 'string') return null;
      return bestNamed(of.join('.'), facts)?.value ?? null;
    },
  };
}

function bestNamed(name: string, facts: AlertFacts): MetricExtreme | null {
  const ends = heard(name, facts)?.ends;
  return ends ? bestOf(ends, betterOf(name, facts.directions)) : null;
}

const shownName = 100;

/** `val_auc is 0.71 at step 120, best 0.74 at step 90` */
function numbersOf(condition: Expression, facts: AlertFacts): string {
  const withBest = new Set(bestIn(condition));
  const sentences = namedIn(condition).flatMap(name => {
    const one = heard(name, facts);
    if (!one) return [];
    const best = withBest.has(name) ? bestNamed(name, facts) : null;
    const was = best ? `, its best is ${formatNumber(best.value)} at step ${formatNumber(best.step)}` : '';
    return [`${cleanLine(name, shownName)} is ${shownValue(one)} at step ${formatNumber(one.step)}${was}`];
  });
  return sentences.join('; ');
}

function shownValue({ value }: Heard): string {
  return Number.isFinite(value) ? formatNumber(value) : 'not finite';
}

function withoutImprovement(
  alert: Extract<ReadAlert, { kind: 'no-improvement' }>,
  facts: AlertFacts,
): string | null {
  const name = alert.metric ?? facts.primaryMetric;
  const one = name === null ? null : heard(name, facts);
  const best = name === null ? null : bestNamed(name, facts);
  if (!one || !best || !isPast(one, alert, facts)) return null;
  const [from, to] =
    alert.unit === 'step' ? [best.step, one.step] : [facts.epochs.get(best.step), facts.epochs.get(one.step)];
  if (from === undefined || to === undefined || to - from < alert.count) return null;
  const plural = to - from === 1 ? alert.unit : `${alert.unit}s`;
  const was = `${formatNumber(best.value)} at step ${formatNumber(best.step)}`;
  return `The best ${cleanLine(one.name, shownName)} is ${was}; ${formatNumber(to - from)} ${plural} later, at step ${formatNumber(one.step)}, it is ${shownValue(one)}.`;
}

/** Seconds of work after which a rule that holds nothing back else is to be looked at, where that is still to come; null: it is not. */
export function looksAgainAfter(alert: ReadAlert, runningS: number): number | null {
  const { after } = alert;
  return after?.counter === 'time' && after.seconds > runningS ? after.seconds : null;
}
