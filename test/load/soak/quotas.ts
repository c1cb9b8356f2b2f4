import type { World } from '../../../src/core/scheduler/world.ts';
import { cellOf, lentFor, usedBy } from '../../support/counts.ts';

/** Where somebody has more than may be had, by quota, borrowing limit and what is lent. */
export function beyondQuotas(world: World): string[] {
  return world.queues.flatMap(({ team, quotas }) =>
    quotas.flatMap(({ flavor }) => {
      const cell = cellOf(team, flavor, world);
      if (!cell) return [];
      const used = usedBy(team, flavor, world);
      const firm = usedBy(team, flavor, world, true);
      const { lendable, beyond } = lentFor(team, flavor, world);
      const of = `${team} ${flavor}:`;
      return [
        ...(cell.borrow !== null && used > cell.quota + cell.borrow
          ? [`${of} ${used} of ${cell.quota} and ${cell.borrow} borrowed`]
          : []),
        ...(firm > cell.quota ? [`${of} ${firm} of ${cell.quota} by runs that may not borrow`] : []),
        ...(beyond > lendable ? [`${of} ${beyond} had of ${lendable} that its cohort lends`] : []),
      ];
    }),
  );
}
