import type { Intent } from '../core/intent.ts';
import type { Log, ModelStore, PromotionStore, PullRequestsPort } from '../core/ports.ts';
import type { Promotion } from '../core/promotion/promotion.ts';
import { promotionName } from '../core/promotion/promotion-reply.ts';
import { reviewedCommits } from '../core/promotion/review.ts';
import { isReviewedAt } from '../core/promotion/typed-answers.ts';
import type { Translation } from '../core/webhook.ts';

export interface ReviewPorts {
  promotions: Pick<PromotionStore, 'open' | 'change' | 'shownAt'>;
  models: Pick<ModelStore, 'version'>;
  pullRequests: Pick<PullRequestsPort, 'review'>;
  log: Log;
}

/**
 * What a review wants of the promotion that was asked for at its pull request: an answer, to be judged like every other; null where it wants
 * nothing more. Throws where GitHub cannot be asked.
 */
export async function wishOfReview(
  { key, actor, place, review }: Translation & { kind: 'review' },
  { promotions, models, pullRequests, log }: ReviewPorts,
  now: Date,
): Promise<Intent | null> {
  // 1. What was asked for there.
  const open = (await promotions.open()).filter(one => isReviewedAt(one, place));

  // 2. What is taken back does not count any more, as far as nothing is decided.
  if (review.says === 'withdraw') {
    for (const { number } of open) {
      const after = await promotions.change(number, { type: 'withdraw', review: review.id }, now, actor);
      if (after.ok) log.info({ promotion: number, review: review.id }, 'a dismissed review counts no more');
    }
    return null;
  }
  const waiting = open.filter(one => one.state === 'awaiting-approval');
  if (waiting.length === 0) return null;

  // 3. It may have been dismissed since, and that may have been told first.
  const repo = { id: place.repo, name: place.name, installation: place.installation };
  if ((await pullRequests.review(repo, place.issue, review.id)) !== review.says) return null;

  // 4. Which of them it means: the one whose code was looked at.
  const commits = reviewedCommits(review);
  const fitting: Promotion[] = [];
  for (const one of waiting) {
    const version = await models.version(one.model, one.version);
    if (version && commits.includes(version.sha)) fitting.push(one);
  }
  const [meant, ...others] = fitting.length > 0 ? fitting : waiting.slice(-1);
  if (!meant) return null;
  const by = {
    ...{ id: review.id, commits, others: others.map(promotionName) },
    shown: await promotions.shownAt(meant.number, place, review.at),
  };
  const reason = review.body === '' ? {} : { reason: review.body };
  const values = { promotion: promotionName(meant), ...reason };
  return { key, actor, place, review: by, wish: { kind: 'call', path: ['model', review.says], values } };
}
