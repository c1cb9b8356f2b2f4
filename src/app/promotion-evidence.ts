import { system } from '../core/actor.ts';
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
import { changesOf, type Evidence, evidenceOf, evidenceText, verdictOf } from '../core/promotion/evidence.ts';
import type { ModelEnvironment, ModelPolicy } from '../core/promotion/model-keys.ts';
import { isMoving, isOver, type Promotion } from '../core/promotion/promotion.ts';
import { voidedReply } from '../core/promotion/promotion-reply.ts';
import type { ModelVersion } from '../core/promotion/version.ts';

export interface EvidencePorts {
  promotions: PromotionStore;
  models: Pick<ModelStore, 'version'>;
  modelPolicies: ModelPolicies;
  runs: Pick<RunStore, 'get'>;
  records: Pick<RecordStore, 'artifacts'>;
  artifacts: Pick<ArtifactStore, 'has'>;
  costs: RunCosts;
  currency(): string;
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
  const environment = environmentOf(found, await ports.modelPolicies.all());
  if (isOver(found.state) || isMoving(found.state)) {
    const evidence = found.evidence === null ? null : await ports.promotions.evidence(number, found.evidence);
    return { promotion: found, evidence, environment };
  }
  if (!environment) return { promotion: await giveUp(found, ports, now), evidence: null, environment };
  const evidence = await gather(found, environment, ports, now);
  return { promotion: await judge(found, evidence, ports, now), evidence, environment };
}

async function gather(
  promotion: Promotion,
  environment: ModelEnvironment,
  ports: EvidencePorts,
  now: Date,
): Promise<Evidence> {
  const { model } = promotion;
  const version = await ports.models.version(model, promotion.version);
  if (!version) throw new Error(`version ${promotion.version} of ${model} is gone`);
  const live = await ports.promotions.live(model);
  const there = live.find(one => one.environment === promotion.environment);
  const serving = there ? await ports.models.version(model, there.version) : null;
  return evidenceOf(
    promotion,
    environment,
    {
      version,
      isKept: await isKept(version, ports),
      run: await ports.runs.get(version.run),
      serving: serving && { version: serving, run: await ports.runs.get(serving.run) },
      cost: await ports.costs.of(version.run, now),
      currency: ports.currency(),
    },
    now,
  );
}

/** Whether the run's output is what the version was made of, and is there. */
async function isKept(
  { run, output, sha256 }: ModelVersion,
  { records, artifacts }: Pick<EvidencePorts, 'records' | 'artifacts'>,
): Promise<boolean> {
  const made = (await records.artifacts(run)).find(one => one.name === output);
  return made?.sha256 === sha256 && (await artifacts.has(sha256));
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
