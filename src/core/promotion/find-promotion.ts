import type { Place } from '../actor.ts';
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { ModelPolicies, ModelStore, PromotionStore } from '../ports.ts';
import type { ModelPolicy } from './model-keys.ts';
import type { Promotion } from './promotion.ts';
import { promotionName, readPromotionName, stateWords } from './promotion-reply.ts';
import type { ModelVersion } from './version.ts';

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };

/** The promotion that is meant, by its name or by a button; `shown`: the evidence that a button's message showed. */
export async function findPromotion(
  word: string,
  place: Place,
  promotions: Pick<PromotionStore, 'get' | 'pressed'>,
): Promise<{ ok: true; promotion: Promotion; shown: string | null } | Failed> {
  const number = readPromotionName(word);
  const pressed = number === null ? await promotions.pressed(word, place) : null;
  const found = await promotions.get(pressed?.promotion ?? number ?? 0);
  if (found) return { ok: true, promotion: found, shown: pressed?.evidence ?? null };
  return { ok: false, code: 'PROMOTION_UNKNOWN', details: { word, example: 'model list' } };
}

/** The model of that name, as it is declared now. */
export async function findModel(
  name: string,
  policies: ModelPolicies,
): Promise<{ ok: true; model: ModelPolicy } | Failed> {
  const all = await policies.all();
  const model = all.get(name);
  if (model) return { ok: true, model };
  const names = [...all.keys()].sort();
  if (names.length === 0) return { ok: false, code: 'MODEL_NONE', details: {} };
  const details = { word: name, allowed: names, nearest: nearest(name, names), example: 'model list' };
  return { ok: false, code: 'MODEL_UNKNOWN', details };
}

export async function findVersion(
  model: string,
  number: number,
  models: Pick<ModelStore, 'get' | 'version'>,
): Promise<{ ok: true; version: ModelVersion } | Failed> {
  const version = await models.version(model, number);
  if (version) return { ok: true, version };
  const newest = (await models.get(model))?.newest ?? 0;
  const details = {
    ...{ word: number, name: model, newest: newest === 0 ? undefined : newest },
    example: `model show ${model}`,
  };
  return { ok: false, code: 'VERSION_UNKNOWN', details };
}

/** What is wrong with an environment's name; null where the model has it. */
export function unknownEnvironment(
  model: string,
  { environments }: ModelPolicy,
  word: string,
  example: (name: string) => string,
): Failed | null {
  if (Object.hasOwn(environments, word)) return null;
  const allowed = Object.keys(environments);
  const near = nearest(word, allowed);
  const [first = word] = allowed;
  const details = { model, word, allowed, nearest: near, example: example(near ?? first) };
  return { ok: false, code: 'ENVIRONMENT_UNKNOWN', details };
}

/** What is answered about one that cannot be answered, or changed, any more. */
export function settled(promotion: Promotion, code: 'PROMOTION_OVER' | 'PROMOTION_NOT_ASKED'): Failed {
  const { model, state, said } = promotion;
  const word = promotionName(promotion);
  return {
    ok: false,
    code,
    details: { word, reason: `It ${stateWords(state)}. ${said}`.trim(), example: `model history ${model}` },
  };
}
