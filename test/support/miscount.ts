import type { FlavorStock, Hold, Holder, Waiting, World } from '../../src/core/scheduler/world.ts';
import { cellOf, isWanted, lentFor, usedBy } from './counts.ts';

/** What the sentence of a reason counts or names otherwise than the world has it; null: nothing. */
export function miscount(run: Waiting, hold: Hold, world: World, held: readonly Hold[]): string | null {
  const amount = Math.max(run.gpus, 1) * run.workers;
  const { sentence } = hold;
  switch (hold.code) {
    case 'flavor-full': {
      const [, needs, free, total, pool, lack] = read(
        sentence,
        /^It needs (\d+) .*; (\d+) of (\d+)(?: \S+)? in pool (\S+) (?:is|are) free\. It starts when (\d+) more /,
      );
      const fits = stocksIn(world, run, pool).some(
        stock =>
          count(stock, node => node.free.length) === Number(free) &&
          count(stock, node => node.healthy) === Number(total),
      );
      if (!fits) return 'so many are not free';
      if (Number(needs) !== amount || Number(lack) !== amount - Number(free)) return 'so many do not lack';
      return strangerIn(sentence, world.holders);
    }
    case 'fragmented': {
      const [, pool, free, lack] = read(
        sentence,
        /; pool (\S+) has (\d+)(?: \S+)? free, but .* It starts when (?:one node has )?(-?\d+) more /,
      );
      const fits = stocksIn(world, run, pool).some(
        stock => count(stock, node => node.free.length) === Number(free),
      );
      return !fits ? 'so many are not free' : Number(lack) > 0 ? null : 'nothing lacks';
    }
    case 'quota-used': {
      const [, flavor = '', quota, firm, lack] = read(
        sentence,
        /^It needs \d+ (\S+); team \S+ has a quota of (\d+), .* hold (\d+)\. .* It starts when (\d+) of those /,
      );
      const cell = cellOf(run.team, flavor, world);
      const has = usedBy(run.team, flavor, world, true);
      if (has !== Number(firm) || cell?.quota !== Number(quota)) return 'it does not hold so many';
      return Number(lack) === has + amount - cell.quota ? null : 'so many do not lack';
    }
    case 'borrowing-limit':
      return ofBorrowing(run, sentence, amount, world);
    case 'runs-ahead':
      return ofThoseAhead(run, sentence, world, held);
    case 'making-room':
      return strangerIn(
        sentence,
        world.holders.filter(one => one.leaving),
      );
    case 'needs-approval':
    case 'over-budget': {
      const [, pool] = read(sentence, /^(?:In pool|Pool) (\S+) /);
      const costs = stocksIn(world, run, pool).map(({ price }) => (price * amount * run.limitS) / 3_600);
      if (hold.cost === undefined || !costs.includes(hold.cost)) return `it costs ${costs.join(' or ')}`;
      const team = world.teams.find(({ name }) => name === run.team);
      if (run.approved !== null && run.approved >= hold.cost) return 'somebody has approved it';
      if (hold.code === 'needs-approval')
        return hold.cost > (team?.askAbove ?? hold.cost) ? null : 'it is cheap';
      const [, left] = read(sentence, / has (\S+) \S+ left this month/);
      // What is promised to others of the team may be taken from it.
      const most = Math.max(0, team?.budgetLeft ?? 0);
      return Number(left) <= most + 0.01 && Number(left) < hold.cost ? null : `${most} is left`;
    }
    default:
      return null;
  }
}

function ofBorrowing(run: Waiting, sentence: string, amount: number, world: World): string | null {
  const [, flavor = '', used, quota] = read(
    sentence,
    /^It needs \d+ (\S+); team \S+ holds (\d+) with a quota of (\d+)/,
  );
  const cell = cellOf(run.team, flavor, world);
  const has = usedBy(run.team, flavor, world);
  if (cell?.quota !== Number(quota) || has !== Number(used)) return `it holds ${has}`;
  const [, lack] = read(sentence, /It starts when (\d+) more (?:is|are) released/);
  if (!(Number(lack) > 0)) return 'nothing lacks';
  const [, borrow] = read(sentence, / and may borrow (\d+)\. /);
  if (borrow !== undefined && cell.borrow !== Number(borrow)) return 'it may borrow otherwise';
  if (borrow !== undefined) return has + amount > cell.quota + Number(borrow) ? null : 'it may borrow more';
  const { lendable, beyond } = lentFor(run.team, flavor, world);
  const [, left] = read(sentence, / has (\d+) left to lend/);
  if (left !== undefined && Number(left) !== Math.max(0, lendable - beyond))
    return `${lendable - beyond} is left to lend`;
  const after = lentFor(run.team, flavor, world, amount);
  return after.beyond > after.lendable ? null : 'enough is left to lend';
}

/** Each of those who are named waits for the same, and there are as many. */
function ofThoseAhead(run: Waiting, sentence: string, world: World, held: readonly Hold[]): string | null {
  const [, more, said, first] = read(
    sentence,
    /^(More than )?([\d,]+) runs? (?:is|are) ahead of it \((?:the first is )?#(\d+)\)/,
  );
  const [, flavor, pool] = read(sentence, /for (?:GPUs \((\S+)\)|CPU slots) in pool (\S+)\. /);
  const [, ofQuota, team, cohort] = read(
    sentence,
    /for the quota of (\S+) (?:of team (\S+?)|that cohort (\S+) lends)(?:, and room is being made for that)?\. /,
  );
  const name = flavor ?? ofQuota ?? 'cpu';
  const others = world.waiting.filter(
    one =>
      one.number !== run.number &&
      (pool === undefined || one.pools.includes(pool)) &&
      (team === undefined || one.team === team) &&
      (cohort === undefined || cellOf(one.team, name, world)?.cohort === cohort) &&
      world.pools.some(
        ({ name: where, flavors }) =>
          one.pools.includes(where) && flavors.some(stock => stock.flavor === name && isWanted(one, stock)),
      ),
  );
  if (!others.some(({ number }) => number === Number(first))) return `#${first} does not wait for ${name}`;
  const least = Number(said?.replaceAll(',', '')) + (more === undefined ? 0 : 1);
  if (others.length < least) return `only ${others.length} wait for ${name}`;
  return held.some(one => one.run === Number(first)) ? null : `#${first} has no reason`;
}

/** Of those whose numbers the sentence names, whoever is none of these. */
function strangerIn(sentence: string, known: readonly Holder[]): string | null {
  const numbers = [...sentence.matchAll(/#(\d+)/g)].map(([, number]) => Number(number));
  const strange = numbers.find(number => known.every(one => one.number !== number));
  return strange === undefined ? null : `#${strange} does not`;
}

function stocksIn(world: World, run: Waiting, pool: string | undefined): FlavorStock[] {
  return world.pools
    .filter(({ name }) => name === pool)
    .flatMap(({ flavors }) => flavors.filter(stock => isWanted(run, stock)));
}

function count({ nodes }: FlavorStock, of: (node: FlavorStock['nodes'][number]) => number): number {
  return nodes.reduce((sum, node) => sum + of(node), 0);
}

/** The groups that the pattern finds; none where it finds nothing, which then counts as wrong. */
function read(sentence: string, pattern: RegExp): (string | undefined)[] {
  return pattern.exec(sentence) ?? [];
}
