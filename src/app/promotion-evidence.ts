import { system } from '../core/actor.ts';
import { faultLine, SignalboxError } from '../core/errors.ts';
import type {
  ArtifactStore,
  Looked,
  ModelPolicies,
  ModelStore,
  PromotionStore,
  RecordStore,
  RunCosts,
  RunStore,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import {
  type Evaluated,
  type Evaluation,
  evaluatedBy,
  evaluationSpec,
  evaluationState,
  evaluationText,
  likeliest,
} from '../core/promotion/evaluation.ts';
import { changesOf, type Evidence, evidenceOf, evidenceText, verdictOf } from '../core/promotion/evidence.ts';
import type { Evaluate, ModelEnvironment, ModelPolicy } from '../core/promotion/model-keys.ts';
import { isMoving, isOver, type Promotion } from '../core/promotion/promotion.ts';
import { voidedReply } from '../core/promotion/promotion-reply.ts';
import type { ModelVersion } from '../core/promotion/version.ts';
import type { Run, RunSpec } from '../core/run.ts';

/** The version that a promotion is about. */
interface Subject {
  version: ModelVersion;
  isKept: boolean;
  /** The run that made it. */
  made: Run | null;
  /** How it is to be measured, and the key of that; null: not at all. */
  command: Evaluate | null;
  key: string;
  /** What was measured so; null: nothing yet. */
  evaluated: Evaluated | null;
}

export interface EvidencePorts {
  promotions: PromotionStore;
  models: Pick<ModelStore, 'version'>;
  modelPolicies: ModelPolicies;
  runs: Pick<RunStore, 'get' | 'metrics' | 'reported'>;
  records: Pick<RecordStore, 'artifacts'>;
  artifacts: Pick<ArtifactStore, 'has'>;
  costs: RunCosts;
  policy(): Policy;
  /** Digest of a text. */
  hash(text: string): string;
}

/** What the policies say of where a promotion goes; null: it is not declared any more. */
export function environmentOf(
  { model, environment }: Pick<Promotion, 'model' | 'environment'>,
  policies: ReadonlyMap<string, ModelPolicy>,
): ModelEnvironment | null {
  const said = policies.get(model)?.environments ?? {};
  return Object.hasOwn(said, environment) ? (said[environment] ?? null) : null;
}

/** Gathers what a promotion is decided on now, and stores what follows from it: at most that it is asked for anew, and what is asked then. */
export async function lookAt(number: number, ports: EvidencePorts, now: Date): Promise<Looked | null> {
  const found = await ports.promotions.get(number);
  if (!found) return null;
  const policies = await ports.modelPolicies.all();
  const environment = environmentOf(found, policies);
  if (isOver(found.state) || isMoving(found.state)) {
    const evidence = found.evidence === null ? null : await ports.promotions.evidence(number, found.evidence);
    return { promotion: found, evidence, environment };
  }
  if (!environment) return { promotion: await giveUp(found, ports, now), evidence: null, environment };
  const subject = await subjectOf(found, policies.get(found.model), ports);
  const waits = await evaluate(found, subject, ports, now);
  if (waits) return { promotion: waits, evidence: null, environment };
  const evidence = await gather(found, environment, subject, ports, now);
  return { promotion: await judge(found, evidence, ports, now), evidence, environment };
}

/** The version that is asked for, and what is to be known of it. */
async function subjectOf(
  promotion: Promotion,
  policy: ModelPolicy | undefined,
  ports: EvidencePorts,
): Promise<Subject> {
  const { model } = promotion;
  const version = await ports.models.version(model, promotion.version);
  if (!version) throw new Error(`version ${promotion.version} of ${model} is gone`);
  const command = policy?.evaluate;
  const key = command ? ports.hash(evaluationText(version, command)) : null;
  const [isThere, made, done] = await Promise.all([
    isKept(version, ports),
    ports.runs.get(version.run),
    key === null ? [] : ports.promotions.evaluations(model, version.number),
  ]);
  const own = done.find(one => one.key === key);
  return {
    ...{ version, isKept: isThere, made, command: command ?? null, key: key ?? '' },
    evaluated: own ? await evaluatedIn(own, ports) : null,
  };
}

async function evaluatedIn({ run: number }: Evaluation, { runs }: EvidencePorts): Promise<Evaluated | null> {
  const [run, metrics, { leftOut }] = await Promise.all([
    runs.get(number),
    runs.metrics(number),
    runs.reported(number),
  ]);
  return run && evaluatedBy(run, metrics, leftOut);
}

async function gather(
  promotion: Promotion,
  environment: ModelEnvironment,
  { version, isKept, made, command, evaluated }: Subject,
  ports: EvidencePorts,
  now: Date,
): Promise<Evidence> {
  const { model } = promotion;
  const live = await ports.promotions.live(model);
  const there = live.find(one => one.environment === promotion.environment);
  const serving = there ? await ports.models.version(model, there.version) : null;
  const [servingRun, servingEvaluated, cost] = await Promise.all([
    serving && ports.runs.get(serving.run),
    serving && command && evaluatedLike(serving, command, ports),
    ports.costs.of(version.run, now),
  ]);
  return evidenceOf(
    promotion,
    environment,
    {
      ...{ version, isKept, run: made, evaluated },
      serving: serving && { version: serving, run: servingRun, evaluated: servingEvaluated },
      cost,
      currency: ports.policy().currency,
    },
    now,
  );
}

/** What was measured of what serves, as alike as there is. */
async function evaluatedLike(
  version: ModelVersion,
  command: Evaluate,
  ports: EvidencePorts,
): Promise<Evaluated | null> {
  const done = await ports.promotions.evaluations(version.model, version.number);
  const found = likeliest(done, ports.hash(evaluationText(version, command)));
  return found && (await evaluatedIn(found, ports));
}

/** Whether the run's output is what the version was made of, and is there. */
async function isKept(
  { run, output, sha256 }: ModelVersion,
  { records, artifacts }: Pick<EvidencePorts, 'records' | 'artifacts'>,
): Promise<boolean> {
  const made = (await records.artifacts(run)).find(one => one.name === output);
  return made?.sha256 === sha256 && (await artifacts.has(sha256));
}

/** Sees to it that the version is measured before its gates are judged. Null: it is, or need not be; else the promotion as it waits for that. */
async function evaluate(
  found: Promotion,
  { version, isKept, made, command, key, evaluated }: Subject,
  { promotions, runs, policy }: EvidencePorts,
  now: Date,
): Promise<Promotion | null> {
  // What has served before serves again without delay; what is not there is refused for that.
  if (!command || evaluated || found.kind === 'rollback' || !isKept) return null;
  const { number } = found;
  const stored = async (after: Awaited<ReturnType<typeof promotions.change>>) =>
    after.ok ? after.promotion : ((await promotions.get(number)) ?? found);
  const own = found.evaluation === null ? null : await runs.get(found.evaluation);
  if (own?.spec.evaluates?.key === key && found.state === 'evaluating') {
    // 1. It was begun.
    const { state, said: reason } = evaluationState(own);
    const type = state === 'failed' ? ('failed' as const) : ('wait' as const);
    return await stored(await promotions.change(number, { type, reason }, now, system));
  }
  // 2. It begins.
  const { projects, pools } = policy();
  const project = Object.hasOwn(projects, version.project) ? projects[version.project] : undefined;
  if (!project || Object.keys(pools).length === 0) {
    const reason = `${version.project} is declared no longer, and its version cannot be evaluated.`;
    return await stored(await promotions.change(number, { type: 'wait', reason }, now, system));
  }
  let spec: RunSpec;
  try {
    const asked = { evaluate: command, key, project };
    spec = evaluationSpec(found, version, made, asked, { projects, pools });
  } catch (err) {
    if (!(err instanceof SignalboxError)) throw err;
    const reason = faultLine(err.fault);
    return await stored(await promotions.change(number, { type: 'failed', reason }, now, system));
  }
  const begun = await promotions.evaluate(number, { spec, instead: found.evaluation }, now);
  if (!begun.ok) return (await promotions.get(number)) ?? found;
  const answers = found.answers.filter(one => one.evidence === found.evidence);
  if (answers.length > 0) {
    const changed = 'It is to be evaluated in another way.';
    const key = `voided:evaluation:${begun.promotion.evaluation}`;
    await promotions.remark(number, key, voidedReply(begun.promotion, changed, answers));
  }
  return begun.promotion;
}

/** In which state it is then: what has changed is asked for anew in the same look. */
async function judge(
  before: Promotion,
  evidence: Evidence,
  { promotions, hash }: EvidencePorts,
  now: Date,
): Promise<Promotion> {
  const digest = `sha256:${hash(evidenceText(evidence))}`;
  const { holds, reason } = verdictOf(evidence);
  const judged = { type: 'judged' as const, evidence: digest, holds, needed: evidence.policy.count };
  let current = before;
  if (before.evidence !== null && before.evidence !== digest) {
    const known = await promotions.evidence(before.number, before.evidence);
    const what = known ? changesOf(known, evidence) : [];
    const changed = `What it is decided on has changed${what.length > 0 ? `: ${what.join(', ')}` : ''}.`;
    const voided = await promotions.change(
      before.number,
      { ...judged, reason: changed },
      now,
      system,
      evidence,
    );
    if (!voided.ok) return (await promotions.get(before.number)) ?? before;
    current = voided.promotion;
    const answers = before.answers.filter(one => one.evidence === before.evidence);
    if (answers.length > 0)
      await promotions.remark(before.number, `voided:${digest}`, voidedReply(current, changed, answers));
  }
  if (current.state !== 'evaluating') return current;
  const after = await promotions.change(current.number, { ...judged, reason }, now, system, evidence);
  return after.ok ? after.promotion : ((await promotions.get(current.number)) ?? current);
}

/** Nobody can say any more where it is to go. */
async function giveUp(promotion: Promotion, { promotions }: EvidencePorts, now: Date): Promise<Promotion> {
  const { number, model, environment } = promotion;
  const reason = `${model} has no environment ${environment} any more.`;
  const after = await promotions.change(number, { type: 'cancel', reason }, now, system);
  return after.ok ? after.promotion : promotion;
}
