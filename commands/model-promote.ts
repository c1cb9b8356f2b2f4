import { denied, mayTrainAs } from '../src/core/access.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import type { PromotionStore } from '../src/core/ports.ts';
import { alsoShownAt } from '../src/core/promotion/also-shown.ts';
import { askedReply } from '../src/core/promotion/asked-reply.ts';
import { findModel, findVersion, unknownEnvironment } from '../src/core/promotion/find-promotion.ts';
import type { ModelPolicy } from '../src/core/promotion/model-keys.ts';
import type { Promotion } from '../src/core/promotion/promotion.ts';
import { promotionName, promotionTitle, stateWords } from '../src/core/promotion/promotion-reply.ts';

/**
 * Asks that a version comes to serve. It is looked at, perhaps decided on, and rolled out; its message says how far that is. Environments
 * keep their order.
 */
export const modelPromote = defineCommand({
  path: ['model', 'promote'],
  summary: 'Ask that a version of a model comes to serve.',
  access: 'trainer',
  arguments: [
    { name: 'model', kind: 'word', summary: 'The model.', required: true },
    { name: 'version', kind: 'count', min: 1, max: 1_000_000, summary: 'Which version.', required: true },
  ],
  flags: [
    {
      name: 'to',
      kind: 'word',
      summary: 'The environment; otherwise the first in which it has not been live.',
    },
    { name: 'reason', kind: 'text', summary: 'Why.' },
  ],
  examples: [
    'model promote digits 7',
    'model promote digits 7 --to production --reason "fewer mistakes on 4"',
  ],
  needs: ['models', 'modelPolicies', 'promotions', 'promotionDesk', 'runs'],
  async run(values, context, { models, modelPolicies, promotions, promotionDesk, runs }) {
    const { model: name, version: number, reason = '' } = values;
    const { actor, place, key, now } = context;
    const found = await findModel(name, modelPolicies);
    if (!found.ok) return found;
    const { model } = found;
    const may = mayTrainAs(model.project, context);
    if (!may.ok) return denied('model promote', may);
    const made = await findVersion(name, number, models);
    if (!made.ok) return made;
    const to = await whereTo({ name, model, number, to: values.to }, promotions);
    if (!to.ok) return to;
    const { environment } = to;
    const said = model.environments[environment];
    if (!said) return nowhere(name);
    if (!promotionDesk.reaches(said.target))
      return nowhere(name, `Signalbox cannot reach the target ${said.target} of ${environment}.`);
    const run = await runs.get(made.version.run);
    const live = (await promotions.live(name)).find(one => one.environment === environment);
    const { promotion, created, superseded } = await promotions.create({
      key,
      kind: 'promote',
      model: name,
      version: number,
      environment,
      before: live?.version ?? null,
      requestedBy: actor,
      place,
      alsoAt: alsoShownAt(run, said, place),
      reason,
      needed: said.approvals.count,
      expiresAt: new Date(now.getTime() + said.expires * 1_000),
      at: now,
    });
    // Whoever may only ask takes the place of no rollback.
    if (promotion.kind === 'rollback') return comesFirst(promotion);
    const looked = await promotionDesk.look(promotion.number, now);
    const shown = looked?.promotion ?? promotion;
    const facts = { created, superseded, evidence: looked?.evidence ?? null, from: said.approvals.from };
    return { ok: true, reply: askedReply(shown, facts, place) };
  },
});

async function whereTo(
  { name, model, number, to }: { name: string; model: ModelPolicy; number: number; to: string | undefined },
  promotions: Pick<PromotionStore, 'wasLive' | 'live'>,
): Promise<{ ok: true; environment: string } | Extract<Outcome, { ok: false }>> {
  const order = Object.keys(model.environments);
  const typed = (environment: string) => `model promote ${name} ${number} --to ${environment}`;
  const [first] = order;
  if (first === undefined) return nowhere(name);
  if (to === undefined) {
    for (const environment of order)
      if (!(await promotions.wasLive(name, number, environment))) return { ok: true, environment };
    const details = { model: name, version: number, example: typed(order.at(-1) ?? first) };
    return { ok: false, code: 'PROMOTION_ALL_LIVE', details };
  }
  const unknown = unknownEnvironment(name, model, to, typed);
  if (unknown) return unknown;
  const live = (await promotions.live(name)).find(one => one.environment === to);
  if (live?.version === number) {
    const details = { model: name, version: number, environment: to, example: `model history ${name}` };
    return { ok: false, code: 'PROMOTION_SERVES', details };
  }
  const before = order[order.indexOf(to) - 1];
  if (before !== undefined && !(await promotions.wasLive(name, number, before))) {
    const details = { model: name, version: number, environment: to, before, example: typed(before) };
    return { ok: false, code: 'PROMOTION_ORDER', details };
  }
  return { ok: true, environment: to };
}

function comesFirst(promotion: Promotion): Extract<Outcome, { ok: false }> {
  const reason = `${promotionTitle(promotion)} ${stateWords(promotion.state)}, and comes first.`;
  const todo = `Ask again once ${promotionName(promotion)} is over.`;
  return { ok: false, code: 'PROMOTION_NOWHERE', details: { model: promotion.model, reason, todo } };
}

function nowhere(
  model: string,
  reason = 'It has no environments.',
): { ok: false; code: 'PROMOTION_NOWHERE'; details: Record<string, string> } {
  const todo =
    'Ask the platform engineer for one under `environments:` of the model, with a target that serves.';
  return { ok: false, code: 'PROMOTION_NOWHERE', details: { model, reason, todo } };
}
