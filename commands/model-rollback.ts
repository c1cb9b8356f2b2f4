import type { Place } from '../src/core/actor.ts';
import { type CommandContext, defineCommand } from '../src/core/command.ts';
import type { Ports, PromotionStore } from '../src/core/ports.ts';
import { alsoShownAt } from '../src/core/promotion/also-shown.ts';
import { askedReply } from '../src/core/promotion/asked-reply.ts';
import {
  findModel,
  findPromotion,
  findVersion,
  unknownEnvironment,
} from '../src/core/promotion/find-promotion.ts';
import { waysBack } from '../src/core/promotion/going-back.ts';
import { isMoving, type Promotion } from '../src/core/promotion/promotion.ts';
import { promotionName, promotionReply } from '../src/core/promotion/promotion-reply.ts';
import { reply } from '../src/core/reply.ts';

/**
 * Lets an earlier version serve again, without approvals and gates; it is written down like any promotion. A rollout that is under way goes
 * back first, and where no other version is named, that is all.
 */
export const modelRollback = defineCommand({
  path: ['model', 'rollback'],
  summary: 'Let an earlier version of a model serve again.',
  access: 'approver',
  scope: 'admin',
  arguments: [
    {
      name: 'model',
      kind: 'word',
      summary: 'The model, or the promotion that is live, such as P12.',
      required: true,
    },
  ],
  flags: [
    {
      name: 'to',
      kind: 'count',
      min: 1,
      max: 1_000_000,
      summary: 'The version; otherwise the one that served before.',
    },
    { name: 'environment', kind: 'word', summary: 'Where; otherwise in the last environment.' },
    { name: 'reason', kind: 'text', summary: 'Why.', required: true },
  ],
  examples: [
    'model rollback digits --reason "it confuses 3 and 8"',
    'model rollback digits --to 5 --environment production --reason "it confuses 3 and 8"',
  ],
  needs: ['models', 'modelPolicies', 'promotions', 'promotionDesk', 'runs'],
  async run(values, context, ports) {
    const { actor, place, key, now } = context;
    const { models, modelPolicies, promotions, promotionDesk, runs } = ports;
    const { reason } = values;
    const from = await promotionMeant(values.model, place, ports);
    // One that is still being rolled out is stopped below.
    if (from && from.state !== 'rolling-out') {
      const ways = await waysBack(from, promotions);
      if (!ways.ok) return ways;
    }
    const name = from?.model ?? values.model;
    const found = await findModel(name, modelPolicies);
    if (!found.ok) return found;
    const typed = (one: string) => `model rollback ${name} --environment ${one} --reason "..."`;
    const environment =
      from?.environment ?? values.environment ?? Object.keys(found.model.environments).at(-1) ?? '';
    const unknown = unknownEnvironment(name, found.model, environment, typed);
    if (unknown) return unknown;
    const said = found.model.environments[environment];
    const cannot = (version: string, why: string) => ({
      ok: false as const,
      code: 'ROLLBACK_NEVER_LIVE' as const,
      details: { model: name, version, environment, reason: why, example: `model history ${name}` },
    });
    if (!said || !promotionDesk.reaches(said.target))
      return cannot(`version ${values.to ?? 'before'}`, 'Signalbox cannot reach its target.');
    const stopped = await stop({ model: name, environment, reason }, context, promotions);
    const live = (await promotions.live(name)).find(one => one.environment === environment);
    if (stopped && (values.to === undefined || values.to === live?.version)) {
      const { title, blocks, data, tone } = promotionReply(stopped, {
        evidence: null,
        from: null,
        button: null,
      });
      return { ok: true, reply: reply(title, blocks, { tone, data }) };
    }
    const earlier = await promotions.servedBefore(name, environment);
    const version = values.to ?? earlier;
    if (version === null) return cannot('an earlier version', 'No other version has served there.');
    if (live?.version === version) return cannot(`version ${version}`, 'It serves there now.');
    if (!(await promotions.wasLive(name, version, environment)))
      return cannot(`version ${version}`, 'It has never served there, and may only be promoted.');
    const made = await findVersion(name, version, models);
    if (!made.ok) return made;
    const run = await runs.get(made.version.run);
    const { promotion, created, superseded } = await promotions.create({
      key,
      kind: 'rollback',
      model: name,
      version,
      environment,
      before: live?.version ?? null,
      requestedBy: actor,
      place,
      alsoAt: alsoShownAt(run, said, place),
      reason,
      needed: 0,
      expiresAt: new Date(now.getTime() + said.expires * 1_000),
      at: now,
    });
    if (promotion.version !== version) {
      const reason = `${promotionName(promotion)} has brought version ${promotion.version} since.`;
      const word = `P${live?.promotion}`;
      const details = { word, environment, reason, example: typed(environment) };
      return { ok: false, code: 'ROLLBACK_NOT_LIVE', details };
    }
    const looked = await promotionDesk.look(promotion.number, now);
    const shown = looked?.promotion ?? promotion;
    const facts = { created, superseded, evidence: looked?.evidence ?? null, from: null };
    return { ok: true, reply: askedReply(shown, facts, place) };
  },
});

/** A rollout that is under way there goes back to what served before it; null: none is, or it has just come to its end. */
async function stop(
  { model, environment, reason }: { model: string; environment: string; reason: string },
  { actor, now }: Pick<CommandContext, 'actor' | 'now'>,
  promotions: Pick<PromotionStore, 'open' | 'change' | 'get'>,
): Promise<Promotion | null> {
  const moving = (await promotions.open()).find(
    one =>
      one.model === model && one.environment === environment && one.kind === 'promote' && isMoving(one.state),
  );
  if (!moving) return null;
  const why = `${actor.name} rolled it back: ${reason}`;
  await promotions.change(moving.number, { type: 'halt', reason: why }, now, actor);
  const after = await promotions.get(moving.number);
  return after?.state === 'live' ? null : after;
}

/** Instead of a model: what a button stands for, or a promotion by its name, whose version is to serve no longer. */
async function promotionMeant(
  word: string,
  place: Place,
  { modelPolicies, promotions }: Pick<Ports, 'modelPolicies' | 'promotions'>,
): Promise<Promotion | null> {
  if ((await modelPolicies.all()).has(word)) return null;
  const found = await findPromotion(word, place, promotions);
  return found.ok ? found.promotion : null;
}
