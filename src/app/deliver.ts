import { actorKey, type GitHubPlace, hasMessages, type Place } from '../core/actor.ts';
import type { Fault } from '../core/errors.ts';
import { counted } from '../core/format.ts';
import type { Dispatched, Intent, Standing } from '../core/intent.ts';
import type { AuditLog, DeliveryStore, GitHubUser, Log, SurfaceStore, Wakeups } from '../core/ports.ts';
import { type Inline, type Reply, reply, type Tone } from '../core/reply.ts';
import type { RepositoryEvent } from '../core/repository-event.ts';
import type { Delivery, GroupChange, Translation } from '../core/webhook.ts';
import type { PromoteWishes } from './promote-wishes.ts';
import { whileKept } from './while-kept.ts';

export interface DeliverPorts {
  deliveries: DeliveryStore;
  surfaces: SurfaceStore;
  wakeups: Wakeups;
  audit: Pick<AuditLog, 'append'>;
  /** Unpacks a stored delivery and hands each payload to the translation for its kind. */
  unpack(delivery: Delivery, onTranslation: (translation: Translation) => Promise<void>): Promise<void>;
  dispatch(intent: Intent, now: Date): Promise<Dispatched>;
  /** What GitHub says now that somebody may do in the repository of a place. */
  standing(place: GitHubPlace, account: GitHubUser): Promise<Standing>;
  groupChanged(change: GroupChange): Promise<void>;
  repositoryChanged(event: RepositoryEvent): Promise<void>;
  /** What a review of a pull request wants; null: nothing more. */
  reviewed(said: Translation & { kind: 'review' }): Promise<Intent | null>;
  /** What a label or a button asks to be promoted; null: nothing. */
  toPromote(said: Translation & { kind: 'promote' }): Promise<PromoteWishes | null>;
  /** What of a commit is to be done again that was asked for before this time; null: nothing. */
  toRepeat(
    said: Translation & { kind: 'repeat' },
    before: Date,
  ): Promise<(Translation & { kind: 'intents' }) | null>;
  /** `model`: as MLflow calls it. */
  registryChanged(model: string): Promise<void>;
  /** How long to wait after this error, where whoever was asked says so. Absent: nobody does. */
  waitFor?(err: unknown): number | null;
  log: Log;
}

/**
 * One stored delivery, start to end. It may be done again at any time: whatever it makes carries the delivery's key, and it counts as
 * done only after everything it made is stored.
 */
export async function deliver(id: number, ports: DeliverPorts, clock: () => Date): Promise<void> {
  // 1. It is this worker's for some seconds, or somebody else's.
  const delivery = await ports.deliveries.claim(id);
  if (!delivery) return;
  try {
    // 2. What does it say, and what becomes of it.
    await whileKept(
      () => ports.deliveries.keep(delivery),
      () => act(delivery, ports, clock),
    );
    // 3. Done only now.
    await ports.deliveries.done(delivery);
  } catch (err) {
    ports.log.error({ err, delivery: id }, 'delivery failed');
    const said = err instanceof Error ? err.message : String(err);
    await ports.deliveries.failed(delivery, said, ports.waitFor?.(err) ?? 0);
  }
}

async function act(delivery: Delivery, ports: DeliverPorts, clock: () => Date): Promise<void> {
  await ports.unpack(delivery, async translation => {
    if (translation.kind === 'ignore') {
      ports.log.info({ delivery: delivery.id, why: translation.why }, 'delivery ignored');
      return;
    }
    if (translation.kind === 'refuse') return await refuse(delivery, translation, ports, clock());
    if (translation.kind === 'group') return await ports.groupChanged(translation.change);
    if (translation.kind === 'repository') return await ports.repositoryChanged(translation.event);
    if (translation.kind === 'registry') return await ports.registryChanged(translation.model);
    if (translation.kind === 'home') {
      const home = await ports.surfaces.openHome(translation.place, translation.isEmpty);
      return ports.wakeups.wake([`surface:${home}`]);
    }
    if (translation.kind === 'intents') return await hear(translation, ports, clock);
    if (translation.kind === 'review') return await weigh(translation, ports, clock);
    if (translation.kind === 'promote') return await offer(translation, ports, clock);
    const saidAt = delivery.receivedAt;
    if (translation.kind === 'repeat') {
      const wanted = await ports.toRepeat(translation, saidAt);
      return wanted ? await hear(wanted, ports, clock) : undefined;
    }
    await obey({ saidAt, ...translation.intent }, ports, clock);
  });
}

/** How it went. */
async function obey(intent: Intent, ports: DeliverPorts, clock: () => Date): Promise<Dispatched> {
  const result = await ports.dispatch(intent, clock());
  // The answer is stored as a surface; publishing it is another's work.
  const content = answerFor(intent.place, result);
  if (content) await note(answerKey(intent, result), intent.place, content, ports);
  return result;
}

/** Everything that was said in one go, with a sign at once that it is heard, and another one of how it went. */
async function hear(
  { place, account, intents, left }: Translation & { kind: 'intents' },
  ports: DeliverPorts,
  clock: () => Date,
): Promise<void> {
  await sign(place, 'working', ports);
  // Asked now, however old the comment is: they may be out of the repository since.
  const standing = await ports.standing(place, account);
  const results: Dispatched[] = [];
  const saidAt = place.saidAt === undefined ? {} : { saidAt: new Date(place.saidAt) };
  for (const intent of intents) results.push(await obey({ ...intent, ...saidAt, standing }, ports, clock));
  const isHeard = results.some(result => result.ok || !isStranger(place, result));
  if (left && isHeard) await tellLeft(left, ports);
  await sign(place, !left && results.every(result => result.ok) ? 'success' : 'failure', ports);
}

/** A review that counts is shown by the promotion's own message; one that does not is answered once. */
async function weigh(
  said: Translation & { kind: 'review' },
  ports: DeliverPorts,
  clock: () => Date,
): Promise<void> {
  const intent = await ports.reviewed(said);
  if (!intent) return;
  const standing = await ports.standing(said.place, said.account);
  const result = await ports.dispatch({ ...intent, standing }, clock());
  if (result.ok || isStranger(intent.place, result)) return;
  await note(`answer:${intent.key}`, intent.place, faultReply(result.fault), ports);
}

/** Who may put a label or press a button there is no stranger, and hears why it is refused: of one label at one place once. */
async function offer(
  said: Translation & { kind: 'promote' },
  ports: DeliverPorts,
  clock: () => Date,
): Promise<void> {
  const { key, place, actor, account, of } = said;
  const wishes = await ports.toPromote(said);
  if (!wishes) return;
  const refusedAs = (code: string) =>
    'label' in of ? `label:${place.repo}:${place.issue}:${of.label.toLowerCase()}:${code}` : `answer:${key}`;
  if ('fault' in wishes) {
    const { fault } = wishes;
    const details = { code: fault.code, source: 'github', kind: 'label' in of ? 'label' : 'button' };
    const subject = actorKey(actor);
    await ports.audit.append(
      { actor, action: 'delivery.refused', subject, outcome: 'refused', details },
      clock(),
    );
    return await note(refusedAs(fault.code), place, faultReply(fault), ports);
  }
  const standing = await ports.standing(place, account);
  for (const intent of wishes.intents) {
    const result = await ports.dispatch({ ...intent, standing }, clock());
    const content = result.ok ? answerFor(place, result) : faultReply(result.fault);
    const isDenied = !result.ok && result.fault.code === 'ACCESS_DENIED';
    if (content) await note(isDenied ? refusedAs('denied') : `answer:${intent.key}`, place, content, ports);
  }
}

async function note(key: string, place: Place, content: Reply, ports: DeliverPorts): Promise<void> {
  const surface = await ports.surfaces.addNote(key, place, content);
  ports.wakeups.wake([`surface:${surface}`]);
}

async function tellLeft(
  { amount, most, place }: NonNullable<(Translation & { kind: 'intents' })['left']>,
  ports: DeliverPorts,
): Promise<void> {
  const said = reply(
    `${counted(amount, 'more command')} in this comment ${amount === 1 ? 'was' : 'were'} not done.`,
    [{ kind: 'text', text: [`At most ${most} are taken of one comment. Say the others in another one.`] }],
    { tone: 'warning' },
  );
  await note(`left:github:${place.comment}`, place, said, ports);
}

async function sign(place: GitHubPlace, tone: Tone, ports: DeliverPorts): Promise<void> {
  if (place.comment === undefined) return;
  const key = `sign:github:${place.comment}:${tone}`;
  const surface = await ports.surfaces.addNote(key, place, reply('', [], { tone }), 'reaction');
  ports.wakeups.wake([`surface:${surface}`]);
}

/** Whoever may not do several things of one comment is told so once. */
function answerKey({ key, place }: Intent, result: Dispatched): string {
  const isDenied = !result.ok && result.fault.code === 'ACCESS_DENIED';
  if (isDenied && place.kind === 'github' && place.comment !== undefined)
    return `denied:github:${place.comment}`;
  return `answer:${key}`;
}

async function refuse(
  delivery: Delivery,
  { key, actor, place, fault }: Translation & { kind: 'refuse' },
  ports: DeliverPorts,
  now: Date,
): Promise<void> {
  ports.log.warn({ delivery: delivery.id, actor: actor.id, code: fault.code }, 'delivery refused');
  const details = { code: fault.code, source: delivery.source, kind: delivery.kind };
  const said = { actor, action: 'delivery.refused', subject: actorKey(actor), outcome: 'refused' } as const;
  await ports.audit.append({ ...said, details }, now);
  if (!place) return;
  await note(`answer:${key}`, place, faultReply(fault), ports);
}

function answerFor(place: Place, result: Dispatched): Reply | null {
  if (!hasMessages(place)) return null;
  if (!result.ok) return isStranger(place, result) ? null : faultReply(result.fault);
  // `publish` answers where it turns out that the run's message cannot be shown.
  return result.reply.shownByRun ? null : result.reply;
}

/** Whoever comes by a public repository must not be able to make Signalbox talk: the sign at their comment says enough. */
function isStranger(place: Place, { role, fault }: Extract<Dispatched, { ok: false }>): boolean {
  if (place.kind !== 'github' || place.isPublic === false || role !== 'none') return false;
  return !fault.code.startsWith('LINK_');
}

/** An error as people see it: only for its sender. */
export function faultReply(fault: Fault): Reply {
  return {
    audience: 'sender',
    tone: 'failure',
    title: fault.what,
    blocks: [
      { kind: 'text', text: [fault.why, fault.why && ' ', ...todoOf(fault)] },
      { kind: 'context', text: [fault.code] },
    ],
  };
}

/** With its example set apart, so that it is seen where it ends and can be taken as it is. */
function todoOf({ todo, example }: Fault): Inline[] {
  const at = example ? todo.lastIndexOf(example) : -1;
  if (!example || at < 0) return [todo];
  return [todo.slice(0, at), { code: example }, todo.slice(at + example.length)];
}
