import type { Actor } from '../actor.ts';
import { type Better, betterOf } from '../metric-direction.ts';
import type { MetricKeys } from '../metric-keys.ts';
import type { MetricSummary } from '../ports.ts';
import type { Measured } from './gate.ts';

/** What a successful run made: nothing of it changes any more. */
export interface ModelVersion {
  model: string;
  /** From 1 on, without gaps, for each model. */
  number: number;
  /** That made it; one run makes one version of a model. */
  run: number;
  attempt: number;
  project: string;
  /** The name of the output. */
  output: string;
  /** Of its content: `sha256:` and 64 hexadecimal digits. */
  sha256: string;
  bytes: number;
  /** The code: where it lives, and the commit. */
  source: string;
  sha: string;
  /** As they were when it was made; the values of highest step are final, since its run has ended. */
  metrics: readonly MetricSummary[];
  /** Which way each of them gets better; one without a direction is not in it. */
  directions: Readonly<Record<string, { better: Better; unit?: string | undefined }>>;
  primaryMetric: string | null;
  /** Content digests of what it was made from, by name. */
  inputs: Readonly<Record<string, string>>;
  /** What it takes and gives, in its own words; null: it does not say. */
  signature: unknown;
  /** The text of its card at that commit, cut; null: there is none. */
  card: string | null;
  /** Who asked for the run. */
  trainedBy: Actor;
  at: Date;
}

/** The same before it has a number. */
export type NewVersion = Omit<ModelVersion, 'number'>;

/** A model that has, or may have, versions. */
export interface Model {
  name: string;
  /** Whose runs make its versions, and of which output: as it was declared last. */
  project: string;
  output: string;
  /** The number of its newest version; 0: there is none. */
  newest: number;
}

/** `version 7`, as sentences have it. */
function versionName({ number }: Pick<ModelVersion, 'number'>): string {
  return `version ${number}`;
}

/** The name and the number, as people say it: `digits 7`. */
export function versionTitle({ model, number }: Pick<ModelVersion, 'model' | 'number'>): string {
  return `${model} ${number}`;
}

/** A version as gates see it. */
export function measuredOf(version: ModelVersion): Measured {
  const { metrics, directions, at, inputs } = version;
  return { called: versionName(version), metrics, directions, at, inputs };
}

/** Which way metrics get better, settled: what is declared, else what their names say. */
export function directionsOf(
  metrics: readonly Pick<MetricSummary, 'name'>[],
  declared: MetricKeys,
): ModelVersion['directions'] {
  return Object.fromEntries(
    metrics.flatMap(({ name }) => {
      const better = betterOf(name, declared);
      const unit = Object.hasOwn(declared, name) ? declared[name]?.unit : undefined;
      return better === null ? [] : [[name, { better, ...(unit === undefined ? {} : { unit }) }]];
    }),
  );
}
