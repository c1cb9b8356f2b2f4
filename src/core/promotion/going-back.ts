import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { PromotionStore, Served } from '../ports.ts';
import type { Promotion } from './promotion.ts';
import { promotionName, stateWords } from './promotion-reply.ts';

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };

/** Where one can go back to from what a promotion brought: only as long as that serves. */
export async function waysBack(
  promotion: Promotion,
  promotions: Pick<PromotionStore, 'live' | 'served' | 'servedBefore'>,
): Promise<{ ok: true; usual: number | null; versions: Served[] } | Failed> {
  const { model, environment, number, version, state, said } = promotion;
  const live = (await promotions.live(model)).find(one => one.environment === environment);
  const typed = `model rollback ${model} --environment ${environment} --reason "..."`;
  if (live?.promotion !== number) {
    const now =
      live && state === 'live' ? `P${live.promotion} has brought version ${live.version} since.` : null;
    const reason = now ?? `It ${stateWords(state)}. ${said}`.trim();
    return {
      ok: false,
      code: 'ROLLBACK_NOT_LIVE',
      details: { word: promotionName(promotion), environment, reason, example: typed },
    };
  }
  const [served, usual] = await Promise.all([
    promotions.served(model, environment),
    promotions.servedBefore(model, environment),
  ]);
  const versions = served.filter(one => one.version !== version);
  if (versions.length > 0) return { ok: true, usual, versions };
  const reason = 'No other version has served there.';
  const details = {
    model,
    version: 'an earlier version',
    environment,
    reason,
    example: `model history ${model}`,
  };
  return { ok: false, code: 'ROLLBACK_NEVER_LIVE', details };
}
