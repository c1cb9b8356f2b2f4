import type { Artifact, DeclaredModel, MetricSummary } from '../ports.ts';
import type { Run } from '../run.ts';
import type { ModelPolicy } from './model-keys.ts';
import { directionsOf, type NewVersion } from './version.ts';

/** Of a card, so much is kept; of a signature, as much JSON. */
const mostCard = 20_000;
const mostSignature = 64_000;
/** An output that may hold a signature within it is read whole: no more than this. */
export const mostJson = 4_000_000;

export function declaredOf(name: string, { project, output, pullRequests }: ModelPolicy): DeclaredModel {
  return { name, project, output, pullRequests };
}

/** Whether a run may make versions of a model at all, whatever it has put out. */
export function mayMake({ state, spec }: Pick<Run, 'state' | 'spec'>, model: ModelPolicy): boolean {
  if (state !== 'succeeded' || (spec.kind ?? 'train') !== 'train' || spec.project !== model.project)
    return false;
  return model.pullRequests || spec.trigger !== 'pull-request';
}

/** The version that a run makes of one of its outputs. */
export function versionFrom(
  run: Run,
  model: string,
  { sha256, bytes, name, attempt }: Artifact,
  found: {
    metrics: readonly MetricSummary[];
    inputs: Readonly<Record<string, string>>;
    signature: unknown;
    card: string | null;
  },
  now: Date,
): NewVersion {
  const { spec, number, requestedBy } = run;
  return {
    ...{ model, run: number, attempt, project: spec.project, output: name, sha256, bytes },
    ...{ source: spec.source, sha: spec.sha, metrics: found.metrics },
    directions: directionsOf(found.metrics, spec.metrics ?? {}),
    primaryMetric: spec.primaryMetric,
    ...{ inputs: found.inputs, signature: found.signature, card: found.card && cardOf(found.card) },
    ...{ trainedBy: requestedBy, at: now },
  };
}

/** The signature in an output: all of a file of its own (`whole`), or what stands under that key of the model itself. Null: none. */
export function signatureIn(content: string, whole: boolean): unknown {
  let said: unknown;
  try {
    said = JSON.parse(content);
  } catch {
    return null;
  }
  const signature = whole ? said : isObject(said) && Object.hasOwn(said, 'signature') ? said.signature : null;
  // Signs that Postgres takes into no JSON.
  const text = JSON.stringify(signature ?? null);
  return text.length > mostSignature || text.includes('\\u0000') ? null : (signature ?? null);
}

/** As it was written, without what nobody sees and terminals obey; cut at the end of a line. */
export function cardOf(text: string): string {
  const clean = text
    .replaceAll('\r\n', '\n')
    .replace(/[^\P{C}\n\t]|[\u2028\u2029]/gu, '')
    .trim();
  if (clean.length <= mostCard) return clean;
  const cut = clean.slice(0, mostCard);
  return cut.slice(0, cut.lastIndexOf('\n') > mostCard / 2 ? cut.lastIndexOf('\n') : mostCard - 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
