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
import { isOver } from '../core/promotion/promotion.ts';
import { promotionReply } from '../core/promotion/promotion-reply.ts';
import { typedAnswers } from '../core/promotion/typed-answers.ts';
import type { Reply } from '../core/reply.ts';
import type { Run } from '../core/run.ts';
import { environmentOf } from './promotion-evidence.ts';

export interface PromotionMessagePorts {
  promotions: Pick<PromotionStore, 'get' | 'evidence' | 'button'>;
  models: Pick<ModelStore, 'version'>;
  modelPolicies: ModelPolicies;
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
  _now: Date,
): Promise<{ content: Reply; stage: string } | null> {
  const promotion = await ports.promotions.get(number);
  if (!promotion) return null;
  const { evidence: digest } = promotion;
  const evidence = digest === null ? null : await ports.promotions.evidence(number, digest);
  const environment = environmentOf(promotion, await ports.modelPolicies.all());
  const button =
    digest !== null && promotion.state === 'awaiting-approval' && place.kind === 'slack'
      ? await ports.promotions.button({ id: ports.id(), promotion: number, evidence: digest, place })
      : null;
  const chart = isOver(promotion.state) ? null : await chartOf(promotion, place, ports);
  const facts = { evidence, from: environment?.approvals.from ?? null, chart, button };
  const said = promotionReply(promotion, facts);
  const isAsked = promotion.state === 'awaiting-approval' && digest !== null;
  const typed = isAsked && place.kind === 'github' ? [typedAnswers(promotion, place)] : [];
  return {
    content: { ...said, blocks: [...said.blocks, ...typed] },
    stage: isAsked ? digest : promotion.state,
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
