import { actorKey } from '../src/core/actor.ts';
import { defineCommand } from '../src/core/command.ts';
import { findModel } from '../src/core/promotion/find-promotion.ts';
import { approvalsOf, type Promotion } from '../src/core/promotion/promotion.ts';
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
      })),
    );
    const live = await promotions.live(model);
    const now = live.map(one => `version ${one.version} in ${one.environment}`);
    const title = `${model}: ${now.length === 0 ? 'nothing serves yet' : `${listed(now)} serves`}`;
    const items = known.map(({ one, evidence }) => itemOf(one, evidence?.gates.length ?? 0));
    const data = { model, live, promotions: known.map(({ one, evidence }) => promotionJson(one, evidence)) };
    return { ok: true, reply: reply(title, items.length > 0 ? [{ kind: 'list', items }] : [], { data }) };
  },
});

function itemOf(promotion: Promotion, gates: number): Inline[] {
  const { kind, version, before, environment, state, requestedBy, reason, said, endedAt, createdAt } =
    promotion;
  const names = approvalsOf(promotion).map(approverName);
  const from = before === null ? '' : ` (before: ${before})`;
  const what = kind === 'rollback' ? 'back to' : 'to';
  return [
    { bold: `${promotionName(promotion)} ${what} version ${version}` },
    ` in ${environment}${from} ${stateWords(state)}, `,
    { at: endedAt ?? createdAt },
    ', asked for by ',
    { person: actorKey(requestedBy), name: requestedBy.name },
    reason === '' ? '' : ` (${reason})`,
    names.length === 0 ? '' : `, approved by ${listed(names)}`,
    gates === 0 ? '' : `, on ${gates} gates`,
    `. ${said}`,
  ];
}
