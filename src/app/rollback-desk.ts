import { mayUse } from '../core/access.ts';
import { type Actor, actorKey, commandMark, type Place } from '../core/actor.ts';
import { readButton } from '../core/button.ts';
import type { CommandDefinition } from '../core/command.ts';
import { type Fault, fault } from '../core/errors.ts';
import { type Form, type FormChoice, type FormDesk, mostShownChoices, type Submitted } from '../core/form.ts';
import type {
  AuditLog,
  ElevationStore,
  GroupStore,
  LinkStore,
  PromotionStore,
  Served,
  Signer,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { waysBack } from '../core/promotion/going-back.ts';
import type { Promotion } from '../core/promotion/promotion.ts';
import { promotionName } from '../core/promotion/promotion-reply.ts';
import { whoIs } from './who-is.ts';

export interface RollbackDeskDeps {
  commands: readonly CommandDefinition[];
  policy: Policy;
  signer: Pick<Signer, 'read'>;
  promotions: Pick<PromotionStore, 'get' | 'pressed' | 'live' | 'served' | 'servedBefore'>;
  links: Pick<LinkStore, 'all'>;
  groups: Pick<GroupStore, 'of'>;
  elevations: Pick<ElevationStore, 'newestOf'>;
  audit: Pick<AuditLog, 'append'>;
}

const id = 'model rollback';
const example = 'model rollback digits --reason "..."';

interface Back {
  promotion: Promotion;
  usual: number | null;
  versions: Served[];
}

/**
 * Asks why and where to, where somebody presses Roll back. Who may, and whether that version still serves, is decided at the press and
 * when it is sent, and once more by the command.
 */
export function rollbackDesk(deps: RollbackDeskDeps): FormDesk {
  const { signer, promotions } = deps;
  const command = commandOf(deps.commands);

  async function back(
    button: string,
    { actor, place }: { actor: Actor; place: Place },
    now: Date,
  ): Promise<{ ok: true; back: Back } | { ok: false; fault: Fault }> {
    const mark = commandMark(place);
    const pressed = await promotions.pressed(button, place);
    const promotion = pressed && (await promotions.get(pressed.promotion));
    if (!promotion) return { ok: false, fault: fault('BUTTON_INVALID', { example: 'model list' }, mark) };
    const { role } = await whoIs(actor, deps.policy, deps, now);
    const may = mayUse(command, role);
    if (!may.ok) {
      await refused(actor, place, promotion, now);
      const { reason, todo } = may;
      return { ok: false, fault: fault('ACCESS_DENIED', { command: id, reason, todo }, mark) };
    }
    const ways = await waysBack(promotion, promotions);
    if (!ways.ok) return { ok: false, fault: fault(ways.code, ways.details, mark) };
    return { ok: true, back: { promotion, ...ways } };
  }

  async function refused(actor: Actor, place: Place, { number }: Promotion, now: Date): Promise<void> {
    const words = `${id} ${promotionName({ number })}`;
    const details = { code: 'ACCESS_DENIED', words, place: place.kind };
    const entry = { actor, action: 'command.refused', subject: actorKey(actor), outcome: 'refused' as const };
    await deps.audit.append({ ...entry, details }, now);
  }

  return {
    example,
    async open(asker, text, now) {
      const { place } = asker;
      const said = text === null ? null : await signer.read(text);
      const button = said === null ? null : readButton(said);
      const isHere =
        place.kind === 'slack' && button?.team === place.team && button.channel === place.channel;
      if (button?.id === undefined || button.action !== 'promotion-rollback' || !isHere)
        return { ok: false, fault: fault('BUTTON_INVALID', { example: 'model list' }, commandMark(place)) };
      const found = await back(button.id, asker, now);
      return found.ok ? { ok: true, form: formOf(button.id, found.back) } : found;
    },
    choose: async (_asker, { state }) => formOf(state, null),
    suggest: async () => [],
    async submit(asker, { state, values }, now): Promise<Submitted> {
      const reason = values.reason?.trim() ?? '';
      if (reason === '')
        return { kind: 'wrong', errors: { reason: 'It needs a reason that others can read.' } };
      const found = await back(state, asker, now);
      if (!found.ok) return { kind: 'refused', fault: found.fault };
      const version = found.back.versions.find(one => String(one.version) === values.version?.trim());
      if (!version)
        return { kind: 'wrong', errors: { version: 'It must be a version that has served there.' } };
      return { kind: 'accepted', values: { model: state, to: version.version, reason } };
    },
  };
}

function formOf(state: string, back: Back | null): Form {
  const { usual = null, versions = [] } = back ?? {};
  const choices = versions.slice(0, mostShownChoices).map((one): FormChoice => {
    const since = `live on ${one.at.toISOString().slice(0, 10)}`;
    const hint = one.version === usual ? `It served before; ${since}` : `Last ${since}`;
    return { value: String(one.version), label: `Version ${one.version}`, hint };
  });
  const [first] = choices;
  const value = choices.find(one => one.value === String(usual))?.value ?? first?.value;
  const { promotion } = back ?? {};
  return {
    id,
    title: promotion ? `Roll back ${promotionName(promotion)}` : 'Roll back',
    submit: 'Roll back',
    fields: [
      { name: 'version', label: 'Back to', kind: 'choice', choices, ...(value ? { value } : {}) },
      {
        ...{ name: 'reason', label: 'Why', kind: 'text', optional: false },
        hint: 'Everybody sees it in the message.',
      },
    ],
    ...(promotion
      ? {
          note: `${promotion.model} in ${promotion.environment}: version ${promotion.version} serves now. Needs no approval.`,
        }
      : {}),
    state,
  };
}

function commandOf(commands: readonly CommandDefinition[]): CommandDefinition {
  const command = commands.find(one => one.path.join(' ') === id);
  if (!command) throw new Error(`there is no command ${id}`);
  return command;
}
