import assert from 'node:assert/strict';
import { commands } from '../../commands/index.ts';
import { modelHistory } from '../../commands/model-history.ts';
import { renderComment } from '../../src/adapters/github/render.ts';
import { renderForm } from '../../src/adapters/slack/form.ts';
import { renderTerminal } from '../../src/adapters/terminal/render.ts';
import { faultReply } from '../../src/app/deliver.ts';
import { rejectDesk } from '../../src/app/reject-desk.ts';
import { rollbackDesk } from '../../src/app/rollback-desk.ts';
import { buttonText } from '../../src/core/button.ts';
import type { FormDesk } from '../../src/core/form.ts';
import type { PromotionStore } from '../../src/core/ports.ts';
import { escalatedReply, remindedReply, voidedReply } from '../../src/core/promotion/promotion-reply.ts';
import type { ReplyActionName } from '../../src/core/reply.ts';
import { later } from '../support/live-run.ts';
import { context, memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { modelPorts } from '../support/models.ts';
import { lived, monalisa, operator, pullPlace, scenes, shownAt, slackPlace } from '../support/promotions.ts';
import type { ShownModal } from './modal.ts';
import type { Shown } from './replies.ts';

const now = later(600);

/** What people see of promotions in Slack: each message, what is said in its thread, and what commands answer. */
export async function promotions(): Promise<Record<string, Shown>> {
  const messages = await Promise.all(
    Object.entries(scenes).map(async ([name, scene]) => {
      const reply = await shownAt(scene, slackPlace);
      return [`promotion-${name}`, { reply, now }] as const;
    }),
  );
  const { promotion } = lived(scenes.waiting ?? {});
  const voided = lived(scenes.voided ?? {}).promotion;
  return {
    ...Object.fromEntries(messages),
    'promotion-reminded': { reply: remindedReply(promotion, 'approver', [monalisa, operator]), now },
    'promotion-escalated': { reply: escalatedReply(promotion, 'operator', [operator]), now },
    'promotion-voided-thread': {
      reply: voidedReply(voided, 'What it is decided on has changed: the metrics.', voided.answers),
      now,
    },
    'model-history': await history(['rollback', 'live', 'halted', 'rejected', 'waiting']),
    'model-history-none': await history([]),
  };
}

async function history(names: string[]): Promise<Shown> {
  const all = names.map((name, i) => {
    const known = lived(scenes[name] ?? {});
    return { ...known, promotion: { ...known.promotion, number: 14 - i } };
  });
  const of = (number: number) => all.find(one => one.promotion.number === number);
  const promotions: PromotionStore = {
    ...memoryPorts(memory()).promotions,
    ofModel: async () => all.map(one => one.promotion),
    evidence: async number => of(number)?.evidence ?? null,
    events: async number => of(number)?.events ?? [],
    live: async () =>
      all.length === 0 ? [] : [{ environment: 'production', version: 6, promotion: 14, since: later(20) }],
  };
  const ports = { ...memoryPorts(memory()), ...modelPorts(), promotions };
  const outcome = await modelHistory.run({ model: 'digits' }, context({ now }), ports);
  assert.ok(outcome.ok);
  return { reply: outcome.reply, now };
}

/** What opens when Reject or Roll back is pressed, and what somebody is told instead. */
export async function promotionForms(): Promise<Record<string, ShownModal>> {
  return {
    'modal-reject': { view: await opened(rejectDesk(desk('waiting')), 'promotion-reject') },
    'modal-rollback': { view: await opened(rollbackDesk(desk('live')), 'promotion-rollback') },
  };
}

export async function promotionRefusals(): Promise<Record<string, Shown>> {
  const refused = await ask(rollbackDesk({ ...desk('live'), policy }), 'promotion-rollback');
  const late = await ask(rollbackDesk(desk('no-longer')), 'promotion-rollback');
  assert.ok(!refused.ok && !late.ok);
  return {
    'rollback-refused': { reply: faultReply(refused.fault), now },
    'rollback-late': { reply: faultReply(late.fault), now },
  };
}

function desk(name: string) {
  const { promotion } = lived(scenes[name] ?? {});
  const { number, version, environment } = promotion;
  const live = scenes[name]?.live ?? { version, environment, promotion: number, since: now };
  const memories = memoryPorts(memory());
  const store: PromotionStore = {
    ...memories.promotions,
    get: async () => promotion,
    pressed: async () => ({ promotion: number, evidence: promotion.evidence ?? '' }),
    live: async () => [live],
    servedBefore: async () => 6,
    served: async () => [7, 6, 4].map((one, i) => ({ version: one, at: later(-i * 86_400 * 9) })),
  };
  const people = [{ name: 'monalisa', slack: monalisa.id, role: 'approver' as const, teams: [] }];
  return {
    ...{ ...memories, commands, promotions: store, policy: { ...policy, people } },
    signer: { read: async (text: string) => text },
    audit: { append: async () => undefined },
  };
}

async function ask(of: FormDesk, action: ReplyActionName) {
  const button = buttonText({ team: 'T1', channel: 'C1', action, run: 12, id: 'an-id-that-is-opaque' });
  return await of.open({ actor: monalisa, place: slackPlace }, button, now);
}

async function opened(of: FormDesk, action: ReplyActionName) {
  const answer = await ask(of, action);
  assert.ok(answer.ok, JSON.stringify(answer));
  return renderForm(answer.form, { channel: 'C1', responseUrl: null, turn: 0 });
}

/** The same at a pull request. */
export async function promotionComments(): Promise<Record<string, string>> {
  const all = Object.entries(scenes).map(
    async ([name, scene]) => [`promotion-${name}`, renderComment(await shownAt(scene, pullPlace))] as const,
  );
  return Object.fromEntries(await Promise.all(all));
}

/** The same in a terminal. */
export async function promotionTexts(): Promise<Record<string, string>> {
  const all = Object.entries(scenes).map(
    async ([name, scene]) =>
      [`promotion-${name}`, renderTerminal(await shownAt(scene, { kind: 'http' }))] as const,
  );
  const { reply } = await history(['rollback', 'live', 'halted']);
  return { ...Object.fromEntries(await Promise.all(all)), 'model-history': renderTerminal(reply) };
}
