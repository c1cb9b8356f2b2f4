import { type Front, targetFront } from '../adapters/front/front.ts';
import type { Log } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { Answers, ServingStore, Stage, Way } from '../core/promotion/serving.ts';
import { every } from './every.ts';
import type { Running } from './web.ts';

const lookEveryMs = 300;
const graceMs = 5_000;

export interface FrontPorts {
  serving: Pick<ServingStore, 'ways' | 'count'>;
  policy(): Pick<Policy, 'targets'>;
  /** The pool of this machine: what serves there is reached from here. */
  pool: string;
  /** Where it listens. */
  host: string;
  log: Log;
}

/**
 * The fronts of all targets of this machine: each on its own port, for as long as signalbox.yml names it. While the database is away they go on
 * by what they knew last.
 */
export async function startFronts(ports: FrontPorts): Promise<Running> {
  const { serving, policy, pool, host, log } = ports;
  const fronts = new Map<string, { port: number; front: Front }>();
  const refused = new Set<string>();
  let ways: readonly Way[] = [];
  /** Not stored yet. */
  const fresh = new Map<string, Stage & Answers>();

  function answered(way: Way, status: number | null, seconds: number): void {
    const { model, environment, version, promotion, stage } = way;
    const isError = status === null || status >= 500;
    const stageKey = JSON.stringify([model, environment, version, promotion, stage]);
    const none = { answers: 0, errors: 0, seconds: 0 };
    const one = fresh.get(stageKey) ?? { model, environment, version, promotion, stage, ...none };
    one.answers += 1;
    one.errors += Number(isError);
    one.seconds += seconds;
    fresh.set(stageKey, one);
  }

  async function store(): Promise<void> {
    const counted = [...fresh.values()];
    fresh.clear();
    // What was not stored is lost: to count it twice could halt what is well.
    await serving.count(counted);
  }

  async function open(): Promise<void> {
    const wanted = new Map(
      Object.entries(policy().targets).flatMap(([name, target]) =>
        target.kind === 'process' && target.pool === pool ? [[name, target.port] as const] : [],
      ),
    );
    for (const [name, { port, front }] of fronts)
      if (wanted.get(name) !== port) {
        fronts.delete(name);
        await front.close(graceMs);
      }
    for (const [name, port] of wanted) {
      if (fronts.has(name)) continue;
      const front = targetFront({
        ways: () => ways.filter(({ target }) => target === name),
        answered,
        random: Math.random,
      });
      try {
        await front.listen(port, host);
        fronts.set(name, { port, front });
        refused.delete(name);
        log.info({ target: name, host, port }, 'a front listens');
      } catch (err) {
        if (!refused.has(name)) log.warn({ target: name, host, port, err }, 'a front cannot listen');
        refused.add(name);
      }
    }
  }

  async function look(): Promise<void> {
    if (Object.keys(policy().targets).length === 0 && fronts.size === 0) return;
    ways = await serving.ways();
    await open();
    await store();
  }

  const stop = every(lookEveryMs, look, err => log.warn({ err }, 'what serves could not be looked at'));
  return {
    async close() {
      await stop();
      await Promise.all([...fronts.values()].map(({ front }) => front.close(graceMs)));
      await store().catch(err => log.warn({ err }, 'the last answers could not be counted'));
    },
  };
}
