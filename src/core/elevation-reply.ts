import { actorKey } from './actor.ts';
import { type Elevation, isOpen } from './elevation.ts';
import { cleanLine } from './format.ts';
import type { Inline } from './reply.ts';

const shownWhy = 200;

/** One line for a list: whose it is, why, and how long it lasts or lasted. */
export function elevationItem(elevation: Elevation, now: Date): Inline[] {
  const { id, actor, why, openedAt } = elevation;
  const open = isOpen(elevation, now);
  return [
    { bold: `Breakglass ${id}` },
    ', ',
    { person: actorKey(actor), name: actor.name },
    `: ${cleanLine(why, shownWhy)} (`,
    { at: openedAt },
    open ? ', open until ' : ' to ',
    { at: endOf(elevation) },
    ')',
  ];
}

/** As `--json` and the API show it. */
export function elevationJson(elevation: Elevation, now: Date) {
  const { id, actor, why, openedAt, review } = elevation;
  return {
    id,
    actor: { kind: actor.kind, id: actor.id, name: actor.name },
    why,
    openedAt: openedAt.toISOString(),
    until: endOf(elevation).toISOString(),
    open: isOpen(elevation, now),
    review: review && {
      by: review.by.name,
      verdict: review.verdict,
      note: review.note,
      at: review.at.toISOString(),
    },
  };
}

function endOf({ until, endedAt }: Elevation): Date {
  return endedAt ?? until;
}
