import type { Database } from '../../../src/adapters/postgres/database.ts';
import { policy } from './site.ts';

/** What the database knows when all is over. */
export interface History {
  runs: number;
  /** Runs that are not over, failed, had an attempt that nobody counts, or say another number of attempts than there were. */
  odd: unknown[];
  preemptions: number;
  /** Of runs that gave way at least once. */
  preempted: number;
  allocations: number;
  /** Rows of one accelerator that overlap in time. */
  twice: unknown[];
  beyond: string[];
  waits: Wait[];
  seconds: number;
}

export interface Wait {
  run: number;
  seconds: number;
  /** Runs of its own team that waited meanwhile and stood before it, by priority and then by age. */
  ahead: number;
  /** Runs of the whole site that ended meanwhile. */
  ended: number;
  /** It needs more than its team's own quota, so that it waits for what others leave. */
  borrows: boolean;
}

export async function historyOf({ pool }: Database): Promise<History> {
  const { rows: counts } = await pool.query<{ runs: number; preemptions: number; preempted: number }>(
    'select count(*)::int as runs, sum(preemptions)::int as preemptions, (count(*) filter (where preemptions > 0))::int as preempted from runs',
  );
  const { rows: odd } = await pool.query(`
    select number, state, attempt, preemptions, failure, taken from runs where state <> 'succeeded' or attempt <> preemptions + 1
      or attempt <> (select count(*) from attempts where run = number)
      or preemptions <> (select count(*) from run_events where run = number and type = 'preempted')
      or attempt <> (select count(distinct attempt) from allocations where run = number) limit 10`);
  const { rows: twice } = await pool.query(`
    select * from (
      select id, run, attempt, pool, node, kind, gpu, held_at, released_at,
        max(coalesce(released_at, 'infinity')) over (partition by pool, node, kind, gpu order by held_at, id
          rows between unbounded preceding and 1 preceding) as before
      from allocations) as held
    where held_at < before order by id limit 10`);
  const { rows: held } = await pool.query<Held>(`
    select team, project, flavor, count(*)::int as amount, held_at as from, released_at as to
    from allocations join runs on number = allocations.run group by allocations.run, allocations.attempt, team, project, flavor, held_at, released_at`);
  const { rows: spans } = await pool.query<Span>(`
    select run, type, at, lead(at) over (partition by run order by seq) as until, team, priority, gpus, spec ->> 'gpuModel' as model
    from run_events join runs on number = run`);
  const { rows: allocations } = await pool.query<{ count: number }>(
    'select count(*)::int as count from allocations',
  );
  const [count = { runs: 0, preemptions: 0, preempted: 0 }] = counts;
  const times = spans.map(({ at }) => at.getTime());
  return {
    ...count,
    odd,
    twice,
    allocations: allocations[0]?.count ?? 0,
    beyond: beyondIn(held),
    waits: waitsIn(spans),
    seconds: (times.reduce((a, b) => Math.max(a, b), 0) - times.reduce((a, b) => Math.min(a, b))) / 1_000,
  };
}

interface Span {
  run: number;
  type: string;
  at: Date;
  until: Date | null;
  team: string;
  priority: number;
  gpus: number;
  model: string | null;
}

function waitsIn(spans: readonly Span[]): Wait[] {
  const ends = spans
    .flatMap(({ type, at }) => (type === 'succeeded' ? [at.getTime()] : []))
    .sort((a, b) => a - b);
  const waits = spans.flatMap(({ type, at, until, ...rest }) =>
    type === 'queued' && until ? [{ ...rest, from: at.getTime(), to: until.getTime() }] : [],
  );
  const byTeam = Map.groupBy(waits, ({ team }) => team);
  return waits.map(one => {
    const { run, team, gpus, model, priority, from, to } = one;
    const ahead = (byTeam.get(team) ?? []).filter(
      other =>
        other.to > from &&
        other.from < to &&
        (other.priority > priority ||
          (other.priority === priority && (other.from < from || (other.from === from && other.run < run)))),
    );
    const cell = model === null ? undefined : policy.teams[team]?.queue?.quotas[model];
    return {
      run,
      seconds: (to - from) / 1_000,
      ahead: ahead.length,
      ended: countUpTo(ends, to) - countUpTo(ends, from),
      borrows: cell !== undefined && gpus > cell.quota,
    };
  });
}

/** How many of the sorted times are not later. */
function countUpTo(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Held {
  team: string;
  project: string;
  flavor: string;
  amount: number;
  from: Date;
  to: Date | null;
}

/** Every moment at which something changed hands: where a team then had more than quota and loans, or a cohort had lent more than it lends. */
function beyondIn(held: readonly Held[]): string[] {
  const changes = held
    .flatMap(one => [
      { one, at: one.from.getTime(), sign: 1 },
      ...(one.to ? [{ one, at: one.to.getTime(), sign: -1 }] : []),
    ])
    // What is given back at a moment can be given out at that moment.
    .sort((a, b) => a.at - b.at || a.sign - b.sign);
  const used = new Map<string, number>();
  const add = (key: string, amount: number) => {
    const sum = (used.get(key) ?? 0) + amount;
    used.set(key, sum);
    return sum;
  };
  const beyond: string[] = [];
  for (const { one, at, sign } of changes) {
    const { team, flavor, project } = one;
    const queue = policy.teams[team]?.queue;
    const cell = queue?.quotas[flavor];
    if (!queue || !cell) continue;
    const amount = sign * one.amount;
    const isFirm = !policy.projects[project]?.preemptible;
    const kept = cell.quota - Math.min(cell.lend ?? cell.quota, cell.quota);
    const has = add(`${team} ${flavor}`, amount);
    const firm = add(`${team} ${flavor} firm`, isFirm ? amount : 0);
    const lent = add(
      `cohort ${queue.cohort} ${flavor}`,
      Math.max(0, has - kept) - Math.max(0, has - amount - kept),
    );
    const wrong =
      has > cell.quota + (cell.borrow ?? Number.POSITIVE_INFINITY) ||
      firm > cell.quota ||
      lent > lendableIn(queue.cohort, flavor);
    if (wrong)
      beyond.push(`${new Date(at).toISOString()} ${team} ${flavor}: ${has}, ${firm} firm, ${lent} lent`);
  }
  return beyond;
}

function lendableIn(cohort: string, flavor: string): number {
  return Object.values(policy.teams).reduce((sum, { queue }) => {
    const cell = queue?.cohort === cohort ? queue.quotas[flavor] : undefined;
    return sum + (cell ? Math.min(cell.lend ?? cell.quota, cell.quota) : 0);
  }, 0);
}
