import { type Actor, actorKey, system } from '../core/actor.ts';
import { type Freeze, freezeSentence, freezesOn } from '../core/freeze.ts';
import type { FreezeStore, Log, RolloutHeld, RolloutPort } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { type Approvers, readApprovers } from '../core/promotion/approvers.ts';
import type { ModelEnvironment, ModelPolicy } from '../core/promotion/model-keys.ts';
import { isMoving, isOver, type Promotion } from '../core/promotion/promotion.ts';
import { escalatedReply, remindedReply } from '../core/promotion/promotion-reply.ts';
import { quietUntil } from '../core/promotion/quiet.ts';
import { type EvidencePorts, environmentOf, lookAt } from './promotion-evidence.ts';

export interface PromotePorts extends EvidencePorts {
  freezes: Pick<FreezeStore, 'standing'>;
  policy(): Policy;
  rollout: RolloutPort;
  log: Log;
}

interface Snapshot {
  policies: ReadonlyMap<string, ModelPolicy>;
  freezes: readonly Freeze[];
  policy: Policy;
}

/**
 * Brings every open promotion as far as it can come now. Made again at any time, by any number of workers, it goes on from what is stored: each
 * change is one of the store's own, under a lock, and a change that was made already changes nothing.
 */
export async function promote(ports: PromotePorts, now: Date): Promise<void> {
  // 1. What is open, and what is declared and held back.
  const open = await ports.promotions.open();
  if (open.length === 0) return;
  const snapshot: Snapshot = {
    policies: await ports.modelPolicies.all(),
    freezes: await ports.freezes.standing(),
    policy: ports.policy(),
  };
  for (const promotion of open) {
    try {
      await promoteOne(promotion, snapshot, ports, now);
    } catch (err) {
      // The others do not wait for it.
      ports.log.warn({ err, promotion: promotion.number }, 'a promotion could not be taken further');
    }
  }
}

async function promoteOne(
  found: Promotion,
  snapshot: Snapshot,
  ports: PromotePorts,
  now: Date,
): Promise<void> {
  const { promotions } = ports;
  if (!isMoving(found.state)) {
    // 2. Nobody has decided in time.
    const expired = await promotions.change(
      found.number,
      { type: 'expire', reason: expiredSentence(found) },
      now,
      system,
    );
    if (expired.ok || expired.code === 'ended') return;
  }
  // 3. What it is decided on, as it is now; answers for what it was before do not count.
  const looked = await lookAt(found.number, ports, now);
  if (!looked || isOver(looked.promotion.state)) return;
  const { promotion } = looked;
  const environment = environmentOf(promotion, snapshot.policies);
  const model = snapshot.policies.get(promotion.model);
  if (promotion.state === 'awaiting-approval' && environment)
    // 4. Whoever is to decide is reminded, and then others are asked.
    return await remind(promotion, environment, snapshot.policy, ports, now);
  if (promotion.state !== 'approved' && !isMoving(promotion.state)) return;
  const held = model ? heldOf(model, environment, snapshot, now) : { frozen: null, quiet: null };
  if (promotion.state === 'approved' && promotion.kind === 'promote') {
    // 5. It waits for its hours, and says until when.
    const reason = held.frozen ?? held.quiet;
    if (reason !== null) {
      await promotions.change(promotion.number, { type: 'wait', reason }, now, system);
      return;
    }
  }
  // 6. One step of its rollout.
  await ports.rollout.next(promotion, held, now);
}

function expiredSentence({ state, needed, evaluation }: Promotion): string {
  if (state === 'evaluating' && evaluation !== null) return 'It was not evaluated in time.';
  if (state !== 'awaiting-approval') return 'It did not begin in time.';
  return needed === 1 ? 'Nobody approved it in time.' : `It was not approved by ${needed} persons in time.`;
}

/** What keeps it from beginning, as of now. */
function heldOf(
  { project }: Pick<ModelPolicy, 'project'>,
  environment: Pick<ModelEnvironment, 'target' | 'quiet'> | null,
  { freezes, policy }: Pick<Snapshot, 'freezes' | 'policy'>,
  now: Date,
): RolloutHeld {
  const target =
    environment && Object.hasOwn(policy.targets, environment.target)
      ? policy.targets[environment.target]
      : undefined;
  const pool = target?.kind === 'process' ? target.pool : '';
  const on = freezesOn(freezes, { pool, project }).filter(one => one.kind === 'freeze');
  const frozen = on.length === 0 ? null : on.map(one => freezeSentence(one, now)).join(' ');
  const until = quietUntil(environment?.quiet ?? [], now);
  const quiet =
    until === null
      ? null
      : until === 'never'
        ? 'Its quiet hours never end.'
        : `It waits for the end of its quiet hours, ${until.toISOString().slice(0, 16).replace('T', ' ')} UTC.`;
  return { frozen, quiet };
}

async function remind(
  promotion: Promotion,
  { remind: everyS, escalate, approvals }: ModelEnvironment,
  policy: Policy,
  { promotions }: Pick<PromotePorts, 'promotions'>,
  now: Date,
): Promise<void> {
  const passedS = (now.getTime() - promotion.createdAt.getTime()) / 1_000;
  const turn = everyS === undefined ? 0 : Math.floor(passedS / everyS);
  if (turn > 0) {
    const people = peopleOf(readApprovers(approvals.from), policy, promotion);
    await promotions.remark(
      promotion.number,
      `remind:${turn}`,
      remindedReply(promotion, approvals.from, people),
    );
  }
  if (escalate && passedS >= escalate.after) {
    const people = peopleOf(readApprovers(escalate.to), policy, promotion);
    await promotions.remark(promotion.number, 'escalate', escalatedReply(promotion, escalate.to, people));
  }
}

const mostPeople = 5;

/** Those of them whom signalbox.yml names, as they are in the workspace where it was asked for. */
function peopleOf(
  approvers: Approvers | null,
  { people }: Policy,
  { place, requestedBy }: Promotion,
): Actor[] {
  if (!approvers || place.kind !== 'slack') return [];
  const fits = people.filter(one =>
    'role' in approvers ? one.role === approvers.role : one.teams.includes(approvers.team),
  );
  return fits
    .flatMap(({ name, slack }) =>
      [slack ?? []].flat().map((id): Actor => ({ kind: 'slack', id, name: name ?? id })),
    )
    .filter(one => one.id.startsWith(`${place.team}/`) && actorKey(one) !== actorKey(requestedBy))
    .slice(0, mostPeople);
}
