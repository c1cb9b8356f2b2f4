import type { Actor, Place } from '../../core/actor.ts';
import { type ErrorCode, type Fault, fault, faultLine, SignalboxError } from '../../core/errors.ts';
import type { Form, FormDesk, Submission } from '../../core/form.ts';
import { type Log, MessengerError, type NewDelivery } from '../../core/ports.ts';
import { type Admission, admit } from './admission.ts';
import type { SlackBody } from './body.ts';
import { slackClients } from './client.ts';
import { withDeadline } from './deadline.ts';
import { messengerError, slackCode } from './failure.ts';
import { type FormOrigin, type ReadForm, renderChoices, renderErrors, renderForm } from './form.ts';
import { type FormAct, readFormAct } from './instant-payload.ts';
import { type Instant, type SlackAnswer, whisper } from './receive.ts';
import { actorOf, type Sender, senderOf } from './sender.ts';
import type { SlackTokens } from './tokens.ts';

interface InstantOptions {
  /** By the words of the command that a form stands for: `/train` without words opens the form `train`. */
  desks: Readonly<Record<string, FormDesk>>;
  tokens: SlackTokens;
  apiUrl: string;
  /** Stores durably before it resolves; throws `STORE_UNAVAILABLE` where it cannot. */
  ingest(delivery: NewDelivery): Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;
  /** Writes down that somebody may not speak here at all. Never throws. */
  refused(actor: Actor, code: ErrorCode): void;
  /** Says something to one person who cannot be answered directly. */
  tell(place: Place, said: Fault): Promise<void>;
  log: Log;
  clock: () => Date;
}

interface Act {
  desk: FormDesk;
  sender: Sender;
  delivery: Extract<SlackBody, { type: 'delivery' }>;
  receivedAt: Date;
}

/** Slack gives three seconds, for the answer and for the use of a trigger id. */
const answerMs = 2_500;
/** In which it is known who asks; what comes after needs the rest. */
const admitMs = 1_000;
const tooLate = 'It took longer than the three seconds that Slack gives for it.';

/**
 * Answers what is done with forms. Opening one, and its choices, need no store: what is not known in time is left out. A form that is
 * sent is stored before it closes. Only opening and updating a view calls Slack, once, and no answer takes longer than Slack waits.
 */
export function slackForms({
  desks,
  tokens,
  apiUrl,
  ingest,
  refused,
  tell,
  log,
  clock,
}: InstantOptions): Instant {
  const clientFor = slackClients({ apiUrl, timeoutMs: answerMs, log });

  async function open(
    act: FormAct & { kind: 'open' },
    { desk, sender, ...rest }: Act,
  ): Promise<SlackAnswer | null> {
    const { delivery, receivedAt } = rest;
    const origin = { channel: sender.channel, responseUrl: sender.responseUrl, turn: 0 };
    const asker = askerOf(sender, origin);
    let late = false;
    const opening = async (): Promise<Fault | null> => {
      const admission = await admit(delivery.kind, delivery.payload, tokens);
      if (!admission.ok) {
        refused(asker.actor, admission.code);
        return fault(admission.code);
      }
      const opened = await desk.open(asker, act.text, receivedAt);
      if (!opened.ok) return opened.fault;
      // Whoever was told that it does not open is not to have it opened.
      if (late) return null;
      const { token } = admission;
      return await call(desk, admission, () =>
        clientFor(token).views.open({ trigger_id: act.trigger, view: renderForm(opened.form, origin) }),
      );
    };
    const said = await withDeadline(opening(), leftMs(receivedAt, answerMs), () => {
      late = true;
      return notOpened(tooLate, desk);
    }).catch(err => {
      log.warn({ err, delivery: delivery.deliveryId }, 'a form could not be opened');
      return err instanceof MessengerError ? notOpened(err.message, desk) : unforeseen(delivery.deliveryId);
    });
    if (!said) return null;
    if (delivery.kind === 'command') return whisper(said);
    tell(asker.place, said).catch(err => log.warn({ err }, 'nobody could be told that a form does not open'));
    return null;
  }

  /** What a person is told where the form did not open. */
  async function call(
    desk: FormDesk,
    admission: Admission & { ok: true },
    use: () => Promise<unknown>,
  ): Promise<Fault | null> {
    try {
      await use();
      return null;
    } catch (err) {
      const code = slackCode(err);
      // The same request came before, and that opened it.
      if (code === 'exchanged_trigger_id') return null;
      log.warn({ err }, 'slack opens no form');
      await tokens.failed(admission.token, admission.team, admission.enterprise, err);
      if (code === 'expired_trigger_id' || code === 'invalid_trigger_id') return notOpened(tooLate, desk);
      return notOpened(messengerError(err).message.replace('the message', 'the form'), desk);
    }
  }

  async function choose(form: ReadForm, { desk, sender, delivery, receivedAt }: Act): Promise<void> {
    const origin = { ...form.origin, turn: form.origin.turn + 1 };
    const choosing = async () => {
      const admission = await admit(delivery.kind, delivery.payload, tokens);
      if (!admission.ok) return refused(actorOf(sender), admission.code);
      const next = await desk.choose(askerOf(sender, origin), form, receivedAt);
      const view = renderForm(next, origin);
      await clientFor(admission.token).views.update({ view_id: form.view, hash: form.hash, view });
    };
    // What does not come in time, comes when the form is sent.
    await withDeadline(choosing(), leftMs(receivedAt, answerMs), () => undefined).catch(err => {
      if (slackCode(err) !== 'hash_conflict') log.warn({ err }, 'a form could not be updated');
    });
  }

  async function submit(form: ReadForm, { desk, sender, delivery, receivedAt }: Act): Promise<SlackAnswer> {
    const wrong = (said: Fault) => renderErrors({ '': faultLine(said) }, form.blocks);
    try {
      const admission = await withDeadline(
        admit(delivery.kind, delivery.payload, tokens),
        leftMs(receivedAt, admitMs),
        () => null,
      );
      if (!admission) return wrong(notTaken('Slack did not say in time who sends it.'));
      if (!admission.ok) {
        refused(actorOf(sender), admission.code);
        return wrong(fault(admission.code));
      }
      const { actor, place } = askerOf(sender, form.origin, form.place);
      const submitted = await desk.submit({ actor, place }, form, receivedAt);
      switch (submitted.kind) {
        case 'refused':
          return wrong(submitted.fault);
        case 'wrong':
          return renderErrors(submitted.errors, form.blocks);
        case 'again':
          return { response_action: 'update', view: again(submitted.form, form.origin) };
        case 'accepted': {
          const { values } = submitted;
          return await store(form, { command: form.id.split(' '), actor, place, values });
        }
      }
    } catch (err) {
      log.error({ err, view: form.view }, 'a form was not taken');
      if (err instanceof SignalboxError) return wrong(err.fault);
      return wrong(err instanceof MessengerError ? notTaken(err.message) : unforeseen(form.view));
    }
  }

  async function store(form: ReadForm, submission: Submission): Promise<SlackAnswer> {
    // Without the trigger id, which every try has anew: a form that is sent again is the same.
    const { outcome } = await ingest({
      source: 'slack',
      kind: 'submission',
      deliveryId: `view:${form.view}:${form.hash}`,
      body: JSON.stringify(submission),
    });
    if (outcome !== 'conflict') return { response_action: 'clear' };
    return renderErrors({ '': faultLine(fault('FORM_SENT')) }, form.blocks);
  }

  async function suggest(act: FormAct & { kind: 'suggest' }, { desk, receivedAt, delivery }: Act) {
    const suggesting = async () => {
      const admission = await admit(delivery.kind, delivery.payload, tokens);
      return admission.ok ? await desk.suggest(act.field, act.query, act.form) : [];
    };
    const choices = await withDeadline(suggesting(), leftMs(receivedAt, answerMs), () => []).catch(err => {
      log.warn({ err }, 'nothing could be suggested');
      return [];
    });
    return renderChoices(choices);
  }

  function leftMs(receivedAt: Date, ms: number): number {
    return Math.max(0, receivedAt.getTime() + ms - clock().getTime());
  }

  return async (delivery, receivedAt) => {
    const act = readFormAct(delivery);
    if (!act) return null;
    const id = act.kind === 'open' ? act.id : act.form.id;
    const desk = Object.hasOwn(desks, id) ? desks[id] : undefined;
    if (!desk) return null;
    const rest = { desk, delivery, receivedAt, sender: senderOf(delivery.kind, delivery.payload) };
    switch (act.kind) {
      case 'open':
        return answered(await open(act, rest));
      case 'choose':
        await choose(act.form, rest);
        return {};
      case 'suggest':
        return { answer: await suggest(act, rest) };
      case 'submit':
        return { answer: await submit(act.form, rest) };
    }
  };
}

function answered(answer: SlackAnswer | null): { answer?: SlackAnswer } {
  return answer ? { answer } : {};
}

function again(form: Form, origin: FormOrigin) {
  return renderForm(form, { ...origin, turn: origin.turn + 1 });
}

/** Who asks, and where what they asked for is shown: where they were, where they chose, else in a direct message. */
function askerOf(sender: Sender, { channel, responseUrl }: FormOrigin, chosen: string | null = null) {
  const { team, enterprise, user } = sender;
  const place: Place = {
    kind: 'slack',
    team: team ?? '',
    ...(enterprise ? { enterprise } : {}),
    channel: channel ?? chosen ?? user ?? '',
    user: user ?? '',
    ...(responseUrl ? { responseUrl } : {}),
  };
  return { actor: actorOf(sender), place };
}

function notOpened(reason: string, { example }: FormDesk): Fault {
  return fault('FORM_NOT_OPENED', { reason, example }, '/');
}

function unforeseen(reference: string): Fault {
  return fault('INTERNAL', { reference });
}

function notTaken(reason: string): Fault {
  return fault('FORM_NOT_TAKEN', { reason });
}
