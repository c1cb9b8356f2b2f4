import {
  type BaselineWish,
  baselineFilter,
  baselineWish,
  type HistoryWish,
  mayBeBaseline,
} from '../core/baseline.ts';
import type { BaselineStore, Log, SourcePort } from '../core/ports.ts';
import type { Run } from '../core/run.ts';

export interface BaselinePorts {
  baselines: BaselineStore;
  source: Pick<SourcePort, 'isOnBranch'>;
  log: Log;
}

const pageSize = 20;
/** Runs that are looked at in all, and commits of them that Git is asked about. */
const most = { pages: 5, asks: 10 };

/** What a run is held against, and that run; `run` null: there is none yet. Null: it is a lease. */
export async function baselineOf(
  run: Run,
  ports: BaselinePorts,
): Promise<{ wish: BaselineWish; run: Run | null } | null> {
  const wish = baselineWish(run);
  if (!wish) return null;
  const filter = baselineFilter(run, wish);
  if (run.spec.compare === 'production') {
    const serving = await ports.baselines.inProduction(filter);
    if (serving) return { wish: { kind: 'production' }, run: serving };
  }
  let asks = 0;
  let before: number | undefined;
  for (let page = 0; page < most.pages; page++) {
    const found = await ports.baselines.candidates(filter, pageSize, before);
    for (const other of found) {
      const may = mayBeBaseline(run, wish, other);
      if (may === 'no' || (may === 'ask' && ++asks > most.asks)) continue;
      if (may === 'yes' || (await isOn(wish, other, ports))) return { wish, run: other };
    }
    before = found.at(-1)?.number;
    if (found.length < pageSize) break;
  }
  return { wish, run: null };
}

/** While its repository is away, a run counts for no branch: the message is made true again with the next change. */
async function isOn(
  wish: HistoryWish,
  { number, spec }: Run,
  { source, log }: BaselinePorts,
): Promise<boolean> {
  if (wish.kind !== 'base') return false;
  try {
    return await source.isOnBranch(spec.source, spec.sha, wish.branch);
  } catch (err) {
    log.info({ err, run: number }, 'it cannot be said of which branch a commit is');
    return false;
  }
}
