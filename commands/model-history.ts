import { actorKey } from '../src/core/actor.ts';
import { defineCommand } from '../src/core/command.ts';
import { cleanLine, counted } from '../src/core/format.ts';
import { findModel } from '../src/core/promotion/find-promotion.ts';
import { approvalsOf, type Promotion, whyBack } from '../src/core/promotion/promotion.ts';
import {
  approverName,
  listed,
  promotionJson,
  promotionName,
  stateWords,
} from '../src/core/promotion/promotion-reply.ts';
import { type Inline, reply } from '../src/core/reply.ts';

const usual = 10;
const most = 50;

/** Who had which version serve, when, why and by what evidence. */
export const modelHistory = defineCommand({
  path: ['model', 'history'],
  summary: 'Show what came to serve of a model: who, when, why.',
  access: 'viewer',
  arguments: [{ name: 'model', kind: 'word', summary: 'The model.', required: true }],
  flags: [
    { name: 'environment', kind: 'word', summary: 'Only there.' },
    { name: 'limit', kind: 'count', min: 1, max: most, summary: `How many; ${usual} otherwise.` },
  ],
  examples: ['model history digits', 'model history digits --environment production'],
  needs: ['models', 'modelPolicies', 'promotions'],
  async run({ model, environment, limit = usual }, _context, { models, modelPolicies, promotions }) {
    // What it was is told also of one that is no longer declared.
    if (!(await models.get(model))) {
      const found = await findModel(model, modelPolicies);
      if (!found.ok) return found;
    }
    const all = await promotions.ofModel(model, limit, undefined, environment);
    const known = await Promise.all(
      all.map(async one => ({
        one,
        evidence: one.evidence === null ? null : await promotions.evidence(one.number, one.evidence),
        halted: one.state === 'rolling-back' ? whyBack(await promotions.events(one.number)) : null,
      })),
    );
    const live = await promotions.live(model);
    const now = live.map(one => `version ${one.version} in ${one.environment}`);
    const title = now.length === 0 ? `${model} serves nowhere yet` : `${model} serves ${listed(now)}`;
    const serving = new Set(live.map(one => one.promotion));
    const items = known.map(({ one, evidence, halted }) =>
      itemOf(one, { gates: evidence?.gates.length ?? 0, halted, serves: serving.has(one.number) }),
    );
    const data = { model, live, promotions: known.map(({ one, evidence }) => promotionJson(one, evidence)) };
    return { ok: true, reply: reply(title, items.length > 0 ? [{ kind: 'list', items }] : [], { data }) };
  },
});

const shownReason = 300;

/** Who, when, why, and on what; what its state says already is not said again. */
function itemOf(
  promotion: Promotion,
  { gates, halted, serves }: { gates: number; halted: string | null; serves: boolean },
): Inline[] {
  const { kind, version, before, environment, state, requestedBy, reason, said, endedAt, createdAt } =
    promotion;
  const names = approvalsOf(promotion).map(approverName);
  const from = before === null ? '' : ` (before: ${before})`;
  const what = kind === 'rollback' ? 'back to version' : 'version';
  const is = serves ? 'serves' : state === 'live' ? 'was live' : stateWords(state);
  const why = state === 'live' ? '' : ` ${[halted ?? '', said].filter(Boolean).join(' ')}`;
  return [
    { bold: `${promotionName(promotion)} ${what} ${version} in ${environment} ${is}` },
    from,
    ', ',
    { at: endedAt ?? createdAt },
    '. Asked by ',
    { person: actorKey(requestedBy), name: requestedBy.name },
    reason === '' ? '.' : `: ${cleanLine(reason, shownReason)}.`,
    names.length === 0 ? '' : ` Approved by ${listed(names)}.`,
    gates === 0 ? '' : ` On ${counted(gates, 'gate')}.`,
    why,
  ];
}
