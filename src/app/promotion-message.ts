import type { Place } from '../core/actor.ts';
import type { Chart } from '../core/chart.ts';
import type {
  ModelPolicies,
  ModelStore,
  PromotionStore,
  RolloutPort,
  RunCharts,
  RunStore,
} from '../core/ports.ts';
import type { ModelEnvironment } from '../core/promotion/model-keys.ts';
import { isOver, type Promotion, whyBack } from '../core/promotion/promotion.ts';
import {
  type PromotionFacts,
  promotionReply,
  type RolloutProgress,
} from '../core/promotion/promotion-reply.ts';
import type { ServingStore } from '../core/promotion/serving.ts';
import { typedAnswers } from '../core/promotion/typed-answers.ts';
import type { Reply } from '../core/reply.ts';
import type { Run } from '../core/run.ts';
import { environmentOf } from './promotion-evidence.ts';

export interface PromotionMessagePorts {
  promotions: Pick<PromotionStore, 'get' | 'evidence' | 'events' | 'button' | 'live' | 'servedBefore'>;
  models: Pick<ModelStore, 'version'>;
  modelPolicies: ModelPolicies;
  serving: Pick<ServingStore, 'of'>;
  runs: Pick<RunStore, 'get'>;
  charts: RunCharts;
  /** Random, for a button. */
  id(): string;
}

/** What a promotion's message shows now in a place, with buttons that count for exactly that. */
export async function promotionMessage(
  number: number,
  place: Place,
  ports: PromotionMessagePorts,
): Promise<{ content: Reply; stage: string } | null> {
  const promotion = await ports.promotions.get(number);
  if (!promotion) return null;
  const { evidence: digest, state } = promotion;
  const evidence = digest === null ? null : await ports.promotions.evidence(number, digest);
  const environment = environmentOf(promotion, await ports.modelPolicies.all());
  const standing = state === 'live' ? await standingOf(promotion, ports) : {};
  const isPressed = state === 'awaiting-approval' || (state === 'live' && standing.mayGoBack === true);
  const chart = isOver(state) ? null : await chartOf(promotion, place, ports);
  const said = promotionReply(promotion, {
    ...{ evidence, from: environment?.approvals.from ?? null, chart },
    button: digest !== null && isPressed ? await buttonOf(promotion, digest, place, ports) : null,
    progress: state === 'rolling-out' ? await progressOf(promotion, environment, ports) : null,
    ...(await pastOf(promotion, ports)),
    ...standing,
  });
  const isAsked = state === 'awaiting-approval' && digest !== null;
  const typed = isAsked && place.kind === 'github' ? [typedAnswers(promotion, place)] : [];
  return {
    content: { ...said, blocks: [...said.blocks, ...typed] },
    stage: isAsked ? digest : state,
  };
}

/** What was pressed counts in its own place alone. On GitHub people type what the button would say. */
async function buttonOf(
  { number, state }: Promotion,
  evidence: string,
  place: Place,
  { promotions, id }: PromotionMessagePorts,
): Promise<string | 'typed' | null> {
  if (place.kind === 'slack')
    return await promotions.button({ id: id(), promotion: number, evidence, place });
  return place.kind === 'github' && state === 'live' ? 'typed' : null;
}

/** Whether what it brought still serves, and could be taken back. */
async function standingOf(
  { number, model, environment }: Promotion,
  { promotions }: PromotionMessagePorts,
): Promise<Pick<PromotionFacts, 'replacedBy' | 'mayGoBack'>> {
  const live = (await promotions.live(model)).find(one => one.environment === environment);
  if (live && live.promotion !== number) return { replacedBy: live };
  return { mayGoBack: (await promotions.servedBefore(model, environment)) !== null };
}

/** What was said on the way, and what came later no longer says. Where it ended there, its last sentence says why it went back. */
async function pastOf(
  { number, state }: Promotion,
  { promotions }: PromotionMessagePorts,
): Promise<Pick<PromotionFacts, 'halted' | 'passed'>> {
  if (state === 'evaluating' || state === 'awaiting-approval') return {};
  const events = await promotions.events(number);
  return {
    halted: state === 'rolling-back' ? whyBack(events) : null,
    passed: events.findLast(({ type }) => type === 'passed')?.reason ?? null,
  };
}

async function progressOf(
  promotion: Promotion,
  environment: ModelEnvironment | null,
  { serving }: Pick<PromotionMessagePorts, 'serving'>,
): Promise<RolloutProgress | null> {
  if (!environment || promotion.step === null) return null;
  const { hold, rows } = await serving.of(promotion);
  const mine = hold?.promotion === promotion.number ? hold : null;
  const weight = mine ? (rows.find(one => one.version === promotion.version)?.weight ?? 0) : 0;
  if (promotion.kind === 'rollback') return { weight, step: 0, steps: [100], until: null, check: null };
  const { steps, bake, check, holds } = environment.rollout;
  const isLast = promotion.step >= steps.length - 1;
  const bakes = mine !== null && mine.stage === promotion.step + 1 && (!isLast || check !== undefined);
  return {
    ...{ weight, step: promotion.step, steps },
    until: bakes ? new Date(mine.at.getTime() + bake * 1_000) : null,
    check: check === undefined ? null : `${check} ${holds ?? ''}`.trim(),
  };
}

/** The curve of the metric that its project watches. */
async function chartOf(
  { model, version: number }: { model: string; version: number },
  place: Place,
  { models, runs, charts }: PromotionMessagePorts,
): Promise<Chart | null> {
  const version = await models.version(model, number);
  if (!version || version.primaryMetric === null) return null;
  const run = await runs.get(version.run);
  if (!run) return null;
  const chart = await charts.of(run, version.primaryMetric);
  if (!chart || place.kind !== 'github') return chart;
  const pictures = await charts.pictures(run, version.primaryMetric, run.endedAt ?? run.createdAt);
  return pictures ? { ...chart, pictures } : chart;
}

/** What a run made that can be promoted now. */
export async function promotable(
  run: Pick<Run, 'number' | 'state'>,
  {
    models,
    modelPolicies,
    rollout,
  }: {
    models: Pick<ModelStore, 'ofRun'>;
    modelPolicies: ModelPolicies;
    rollout: Pick<RolloutPort, 'reaches'>;
  },
): Promise<{ model: string; number: number }[]> {
  if (run.state !== 'succeeded') return [];
  const made = await models.ofRun(run.number);
  if (made.length === 0) return [];
  const policies = await modelPolicies.all();
  return made
    .filter(({ model }) => {
      const [first] = Object.values(policies.get(model)?.environments ?? {});
      return first !== undefined && rollout.reaches(first.target);
    })
    .map(({ model, number }) => ({ model, number }));
}
