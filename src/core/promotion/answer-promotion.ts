import { denied } from '../access.ts';
import { type Actor, actorKey } from '../actor.ts';
import type { CommandContext, Outcome } from '../command.ts';
import { accountsOf } from '../people.ts';
import type { Ports } from '../ports.ts';
import type { Policy } from '../project.ts';
import { reply } from '../reply.ts';
import { type Approvers, approversName, mayAnswer, readApprovers } from './approvers.ts';
import { findPromotion, settled } from './find-promotion.ts';
import type { ModelEnvironment } from './model-keys.ts';
import type { Answer, Promotion } from './promotion.ts';
import { isOver } from './promotion.ts';
import { listed, promotionJson, promotionName, promotionTitle, stateWords } from './promotion-reply.ts';
import type { ByReview } from './review.ts';
import { type FactorFor, namedAtProvider } from './step-up.ts';
import type { ModelVersion } from './version.ts';

type AnswerPorts = Pick<Ports, 'models' | 'promotions' | 'promotionDesk' | 'stepUp'>;

export interface Said {
  says: Answer['says'];
  reason: string;
  /** Without the approvals that are missing. */
  pass?: boolean;
}

/**
 * Takes what somebody says to a promotion: as they are now, and about what they were shown. What it is decided on is looked at once more
 * before, so that nobody answers what is no longer so.
 */
export async function answerPromotion(
  word: string,
  { says, reason, pass = false }: Said,
  context: CommandContext,
  { models, promotions, promotionDesk, stepUp }: AnswerPorts,
): Promise<Outcome> {
  const { actor, place, now, person, role, isSelf, review, saidAt } = context;
  const found = await findPromotion(word, place, promotions);
  if (!found.ok) return found;
  // What was shown: by the button, at the time of the review, with the link to a second factor, or as it was when they said so.
  const factor = factorOf(found.promotion, context);
  const shown = review
    ? review.shown
    : (factor?.evidence ??
      found.shown ??
      (saidAt ? await decidedOn(found.promotion, saidAt, promotions) : found.promotion.evidence));
  const looked = await promotionDesk.look(found.promotion.number, now);
  if (!looked) return settled(found.promotion, 'PROMOTION_OVER');
  const { promotion, environment } = looked;
  const known = answeredBefore(promotion, says, shown, isSelf);
  if (known) return answered(promotion);
  if (isOver(promotion.state)) return settled(promotion, 'PROMOTION_OVER');
  const version = await models.version(promotion.model, promotion.version);
  const unclear =
    review && version && environment ? isUnclear(review, promotion, version, environment) : null;
  if (unclear) return unclear;
  if (promotion.evidence !== null && shown !== promotion.evidence) return changedSince(promotion);
  if (promotion.state !== 'awaiting-approval' || promotion.evidence === null || !environment)
    return settled(promotion, 'PROMOTION_NOT_ASKED');
  if (actor.kind === 'token' && !isSomebodys(actor, context.policy.people)) return nobodys(says);
  if (pass) return await passApprovals(promotion, promotion.evidence, reason, context, promotions);
  const approvers = approversOf(environment);
  const may = mayAnswer(says, approvers, {
    role: actor.kind === 'token' ? (person.role ?? 'none') : role,
    teams: person.teams,
    asked: isSelf(promotion.requestedBy),
    trained: version !== null && isSelf(version.trainedBy),
  });
  if (!may.ok) return denied(`model ${says}`, may);
  if (says === 'approve' && environment.stepUp && !factor)
    return await askFactor({ promotion, evidence: promotion.evidence, reason }, context, stepUp);
  const given = {
    ...(factor ? { factor: { account: factor.account, at: factor.at } } : {}),
    ...(review ? { review: review.id } : {}),
  };
  const answer = {
    ...given,
    says,
    by: actor,
    person: person.id,
    evidence: promotion.evidence,
    reason,
    at: now,
  };
  const after = await promotions.change(promotion.number, { type: 'answer', answer }, now, actor);
  if (after.ok) return answered(after.promotion);
  // Another one was quicker.
  const current = await promotions.get(promotion.number);
  if (!current) return settled(promotion, 'PROMOTION_OVER');
  if (after.code === 'answered' || answeredBefore(current, says, shown, isSelf)) return answered(current);
  if (after.code === 'evidence') return changedSince(current);
  return settled(current, isOver(current.state) ? 'PROMOTION_OVER' : 'PROMOTION_NOT_ASKED');
}

/** A token that is nobody's would be one more person with every token that is made. */
function isSomebodys(actor: Actor, people: Policy['people']): boolean {
  return people.some(one => accountsOf(one).includes(actorKey(actor)));
}

function nobodys(says: Answer['says']): Outcome {
  return denied(`model ${says}`, {
    ok: false,
    reason: 'It is a token of nobody, and people decide.',
    todo: 'Name its id at one of the people of signalbox.yml (tokens: [...]), or decide in Slack or on GitHub.',
  });
}

/** The evidence at a time: what was typed is about that, however late it is heard. */
async function decidedOn(
  { number }: Promotion,
  at: Date,
  promotions: Pick<Ports['promotions'], 'events'>,
): Promise<string | null> {
  return (await promotions.events(number)).findLast(one => one.at <= at)?.evidence ?? null;
}

/** What they have shown for this promotion. */
function factorOf({ number }: Promotion, { factor }: CommandContext): FactorFor | null {
  return factor?.promotion === number ? factor : null;
}

const minutes = 10;

/** It counts when they come back from a page that is for them alone. */
async function askFactor(
  { promotion, evidence, reason }: { promotion: Promotion; evidence: string; reason: string },
  { actor, place, person, policy, key, now }: CommandContext,
  stepUp: Ports['stepUp'],
): Promise<Outcome> {
  const word = promotionName(promotion);
  const example = `model approve ${word}`;
  if (!stepUp.isOn) return { ok: false, code: 'STEP_UP_OFF', details: { word } };
  if (actor.kind === 'token' || place.kind !== 'slack') {
    const why =
      actor.kind === 'token'
        ? 'A token holds no browser that could be sent to sign in.'
        : 'The link to it would be seen here by others.';
    return { ok: false, code: 'STEP_UP_ELSEWHERE', details: { word, reason: why, example } };
  }
  const wish = { promotion: promotion.number, evidence, actor, place, reason, askedAt: now };
  const until = new Date(now.getTime() + minutes * 60_000);
  if (namedAtProvider(person, policy.people).length === 0)
    return { ok: false, code: 'STEP_UP_UNNAMED', details: { word, name: actor.name } };
  const address = await stepUp.startAddress(wish, key, until);
  const text = [
    { link: address, text: 'Sign in anew' },
    ` within ${minutes} minutes, and your approval counts. The link is for you alone and counts once: give it to nobody.`,
  ];
  const data = { promotion: promotion.number, stepUp: { address, until: until.toISOString() } };
  return {
    ok: true,
    reply: reply(`Approving ${word} needs a second factor.`, [{ kind: 'text', text }], { data }),
  };
}

function approversOf({ approvals }: ModelEnvironment): Approvers {
  return readApprovers(approvals.from) ?? { role: 'operator' };
}

/** A review says which code was looked at, and nothing else: it is taken only where that leaves no doubt. */
function isUnclear(
  { commits, others }: ByReview,
  promotion: Promotion,
  { number, sha }: ModelVersion,
  environment: ModelEnvironment,
): Outcome | null {
  const word = promotionName(promotion);
  const example = `model approve ${word}`;
  const who = approversName(approversOf(environment));
  if (!commits.includes(sha)) {
    const [commit] = commits;
    const of = commit === undefined ? 'It is of no commit that is known' : `It is of ${commit.slice(0, 7)}`;
    const reason = `${of}, and version ${number} was made from ${sha.slice(0, 7)}.`;
    return { ok: false, code: 'REVIEW_UNCLEAR', details: { word, reason, who, example } };
  }
  if (others.length === 0) return null;
  const reason = `It may mean ${listed([word, ...others])}, which wait here for one commit.`;
  return { ok: false, code: 'REVIEW_UNCLEAR', details: { word, reason, who, example } };
}

/** The same person said the same of the same, under whichever account. */
function answeredBefore(
  { answers }: Promotion,
  says: Answer['says'],
  shown: string | null,
  isSelf: CommandContext['isSelf'],
): boolean {
  return answers.some(one => one.says === says && one.evidence === shown && isSelf(one.by));
}

/** In an emergency: loud, and in the audit log under the number of the elevation. */
async function passApprovals(
  promotion: Promotion,
  evidence: string,
  why: string,
  { actor, now }: CommandContext,
  promotions: Ports['promotions'],
): Promise<Outcome> {
  if (actor.breakglass === undefined) {
    const example = 'signalbox breakglass --why "..."';
    return { ok: false, code: 'PROMOTION_PASS', details: { example } };
  }
  const reason = `${actor.name} passed its approvals under breakglass ${actor.breakglass}: ${why}`;
  const after = await promotions.change(promotion.number, { type: 'pass', evidence, reason }, now, actor);
  if (!after.ok) return settled((await promotions.get(promotion.number)) ?? promotion, 'PROMOTION_NOT_ASKED');
  const title = `${promotionTitle(promotion)}: approvals were passed`;
  const loud = reply(title, [{ kind: 'text', text: [reason] }], { audience: 'place', tone: 'warning' });
  await promotions.remark(promotion.number, `passed:${actor.breakglass}`, loud);
  return { ok: true, reply: { ...loud, data: promotionJson(after.promotion, null) } };
}

function changedSince(promotion: Promotion): Outcome {
  const { said: reason } = promotion;
  return { ok: false, code: 'PROMOTION_CHANGED', details: { word: promotionName(promotion), reason } };
}

function answered(promotion: Promotion): Outcome {
  const { state, said } = promotion;
  const title = `${promotionTitle(promotion)} ${stateWords(state)}`;
  const blocks = said === '' ? [] : [{ kind: 'text' as const, text: [said] }];
  return { ok: true, reply: reply(title, blocks, { data: promotionJson(promotion, null) }) };
}
