import { actorKey, type Place } from '../core/actor.ts';
import type { Fault } from '../core/errors.ts';
import type { Dispatched, Intent } from '../core/intent.ts';
import type { AuditLog, DeliveryStore, Log, SurfaceStore, Wakeups } from '../core/ports.ts';
import type { Inline, Reply } from '../core/reply.ts';
import type { RepositoryEvent } from '../core/repository-event.ts';
import type { Delivery, GroupChange, Translation } from '../core/webhook.ts';
import { whileKept } from './while-kept.ts';

export interface DeliverPorts {
  deliveries: DeliveryStore;
  surfaces: SurfaceStore;
  wakeups: Wakeups;
  audit: Pick<AuditLog, 'append'>;
  /** Unpacks a stored delivery and hands each payload to the translation for its kind. */
  unpack(delivery: Delivery, onTranslation: (translation: Translation) => Promise<void>): Promise<void>;
  dispatch(intent: Intent, now: Date): Promise<Dispatched>;
  groupChanged(change: GroupChange): Promise<void>;
  repositoryChanged(event: RepositoryEvent): Promise<void>;
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
    await ports.deliveries.failed(delivery, err instanceof Error ? err.message : String(err));
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
    if (translation.kind === 'home') {
      const home = await ports.surfaces.openHome(translation.place, translation.isEmpty);
      return ports.wakeups.wake([`surface:${home}`]);
    }
    const { intent } = translation;
    const result = await ports.dispatch(intent, clock());
    // The answer is stored as a surface; publishing it is another's work.
    const content = answerFor(intent.place, result);
    if (!content) return;
    const surface = await ports.surfaces.addNote(`answer:${intent.key}`, intent.place, content);
    ports.wakeups.wake([`surface:${surface}`]);
  });
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
  const surface = await ports.surfaces.addNote(`answer:${key}`, place, faultReply(fault));
  ports.wakeups.wake([`surface:${surface}`]);
}

function answerFor(place: Place, result: Dispatched): Reply | null {
  if (place.kind !== 'slack') return null;
  if (!result.ok) return faultReply(result.fault);
  // `publish` answers where it turns out that the run's message cannot be shown.
  return result.reply.shownByRun ? null : result.reply;
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
