import type { Place } from '../actor.ts';
import type { ReplyBlock } from '../reply.ts';
import type { Promotion } from './promotion.ts';
import { promotionName } from './promotion-reply.ts';

/** Whether reviews of a pull request answer a promotion: where it was asked for. */
export function isReviewedAt({ place }: Pick<Promotion, 'place'>, at: Place): boolean {
  if (place.kind !== 'github' || at.kind !== 'github') return false;
  return place.pull && place.repo === at.repo && place.issue === at.issue;
}

/** What to say where there are no buttons. */
export function typedAnswers(promotion: Promotion, at: Place): ReplyBlock {
  const name = promotionName(promotion);
  const review = isReviewedAt(promotion, at)
    ? [
        ' A review that approves counts too, and one that requests changes rejects it for what it says: of the code that the version was made from, by whoever may decide.',
      ]
    : [];
  return {
    kind: 'text',
    text: [
      'To decide, say here ',
      { command: `model approve ${name}` },
      ' or ',
      { command: `model reject ${name} --reason "..."` },
      '.',
      ...review,
    ],
  };
}
