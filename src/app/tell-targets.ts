import type { Log, ModelStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { Target } from '../core/promotion/model-keys.ts';
import {
  ofAll,
  type Serving,
  type ServingStore,
  type TargetHook,
  type ToldState,
} from '../core/promotion/serving.ts';

export interface TellTargetsPorts {
  serving: Pick<ServingStore, 'all' | 'told' | 'tell'>;
  models: Pick<ModelStore, 'version'>;
  policy(): Pick<Policy, 'targets'>;
  hook: TargetHook;
  config: { publicUrl: string | null };
  log: Log;
}

/** The target has heard it, also where nothing is to serve any more. */
const allWell: ToldState = { state: 'ready', said: '' };
/** While it is asked nobody else asks; longer than it may take. */
const claimMs = 30_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/**
 * Tells targets that are webhooks what is to serve, until each version that does is ready or has failed. Told again, with the same id, a target
 * does nothing twice.
 */
export function targetTeller(ports: TellTargetsPorts, clock: () => Date) {
  const asking = new Map<string, Promise<void>>();
  return {
    /** Begins what is due. One that is slow keeps no other one, nor what it is to hear next. */
    async look(): Promise<void> {
      const { targets } = ports.policy();
      for (const serving of await ports.serving.all()) {
        const { hold, model, environment } = serving;
        const target = hold && Object.hasOwn(targets, hold.target) ? targets[hold.target] : undefined;
        if (!hold || target?.kind !== 'webhook') continue;
        const id = idOf(serving, hold);
        if (asking.has(id)) continue;
        const told = tellTarget(serving, hold, target, ports, clock)
          .catch(err =>
            ports.log.warn({ err, model, environment }, 'what a target is told could not be stored'),
          )
          .finally(() => asking.delete(id));
        asking.set(id, told);
      }
    },
    /** Resolves when all that was begun is over. */
    settled: async () => void (await Promise.all(asking.values())),
  };
}

/** The same for the same wish, however often it is told. */
function idOf({ model, environment }: Serving, { promotion, stage }: NonNullable<Serving['hold']>): string {
  return `signalbox-${model}-${environment}-P${promotion}-${stage}`;
}

async function tellTarget(
  serving: Serving,
  hold: NonNullable<Serving['hold']>,
  target: Target & { kind: 'webhook' },
  ports: TellTargetsPorts,
  clock: () => Date,
): Promise<void> {
  const stage = { ...serving, promotion: hold.promotion, stage: hold.stage };
  const told = await ports.serving.told(stage);
  const tries = told?.tries ?? 0;
  if (told && (isSettled(serving, told) || told.nextAt > clock())) return;
  // 1. Whoever else looks meanwhile leaves it.
  const claimed = { states: told?.states ?? {}, tries: tries + 1, nextAt: later(clock(), claimMs) };
  await ports.serving.tell(stage, claimed);
  // 2. The target hears all that is to serve there, and not only what has changed.
  const id = idOf(serving, hold);
  const heard = await ports.hook(target, { id, now: clock(), body: await bodyOf(serving, id, ports) });
  const { model, environment } = serving;
  if (!heard.ok && tries === 0)
    ports.log.warn({ model, environment, reason: heard.reason }, 'a target could not be told');
  // 3. What it said. What it said before counts no longer where it cannot be asked.
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries, 10));
  const states: Record<string, ToldState> = heard.ok
    ? { ...heard.states, [ofAll]: allWell }
    : { [ofAll]: { state: 'starting', said: heard.reason } };
  await ports.serving.tell(stage, { ...claimed, states, nextAt: later(clock(), pauseMs) });
}

function isSettled({ rows }: Serving, { states }: { states: Record<string, ToldState> }): boolean {
  if (states[ofAll]?.state !== 'ready') return false;
  return rows.every(({ version }) => {
    const state = states[String(version)]?.state;
    return state === 'ready' || state === 'failed';
  });
}

async function bodyOf(
  { model, environment, hold, rows }: Serving,
  id: string,
  { models, config }: Pick<TellTargetsPorts, 'models' | 'config'>,
): Promise<object> {
  const versions = rows.map(async ({ version, weight }) => {
    const found = await models.version(model, version);
    const path = found && `/v1/runs/${found.run}/artifacts/${encodeURIComponent(found.output)}`;
    return {
      version,
      weight,
      artifact: found && {
        sha256: found.sha256,
        bytes: found.bytes,
        name: found.output,
        run: found.run,
        url: config.publicUrl === null ? path : `${config.publicUrl}${path}`,
      },
    };
  });
  const { promotion, stage } = hold ?? {};
  return { id, model, environment, promotion, stage, versions: await Promise.all(versions) };
}

function later(at: Date, ms: number): Date {
  return new Date(at.getTime() + ms);
}
