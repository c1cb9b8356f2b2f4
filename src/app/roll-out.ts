import { system } from '../core/actor.ts';
import type {
  ModelPolicies,
  ModelStore,
  PromotionStore,
  RolloutHeld,
  RolloutPort,
  RunStore,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { readHolds } from '../core/promotion/holds.ts';
import type { ModelEnvironment, Target } from '../core/promotion/model-keys.ts';
import { isOver, type Promotion, type PromotionChange, whyBack } from '../core/promotion/promotion.ts';
import {
  type Checked,
  nextStep,
  type RolloutPlan,
  type VersionState,
  type waitCodes,
} from '../core/promotion/rollout.ts';
import {
  ofAll,
  refusedThere,
  type Serving,
  type ServingStore,
  type ToldState,
  versionState,
  weightsOf,
} from '../core/promotion/serving.ts';
import { environmentOf } from './promotion-evidence.ts';

/** One number for a query, as it is now; null: it gave none. Throws where it cannot be asked. */
export interface MetricsPort {
  query(text: string): Promise<number | null>;
}

export interface RollOutPorts {
  serving: ServingStore;
  modelPolicies: ModelPolicies;
  models: Pick<ModelStore, 'version'>;
  runs: Pick<RunStore, 'get'>;
  policy(): Pick<Policy, 'targets' | 'pools' | 'projects'>;
  /** Null: no Prometheus is configured. */
  checks: MetricsPort | null;
}

export type RolledOut =
  /** To be stored; then there may be more to do at once. */
  | { change: PromotionChange }
  /** What serves was changed; there may be more to do at once. */
  | { applied: true }
  | { waits: { code: (typeof waitCodes)[number] | 'undeclared' | 'refused'; reason: string } }
  | { nothing: true };

/** What the front itself knows, in the place of a query. */
const ownChecks = ['signalbox.errors', 'signalbox.latency'] as const;

const roomWithinS = 3_600;
const leastDataWithinS = 30;

/** One step of a rollout that is approved or under way, or of the way back. Each may be repeated; it never waits. */
async function rollOut(
  promotion: Promotion,
  held: RolloutHeld,
  ports: RollOutPorts,
  now: Date,
): Promise<RolledOut> {
  const { model, environment: name } = promotion;
  // 1. What was declared. What is declared no longer goes back to what it was.
  const environment = environmentOf(promotion, await ports.modelPolicies.all());
  const { targets } = ports.policy();
  const serving = await ports.serving.of({ model, environment: name });
  const targetName = environment?.target ?? serving.hold?.target ?? '';
  const target = Object.hasOwn(targets, targetName) ? targets[targetName] : undefined;
  if (!environment || !target) {
    const reason = `${model} in ${name}, or the target where it serves, is declared no longer.`;
    if (promotion.state === 'approved') return { waits: { code: 'undeclared', reason } };
    if (promotion.state === 'rolling-out') return { change: { type: 'halt', reason } };
  }
  const refused = await refusedAt(promotion, target, ports);
  if (refused !== null) {
    if (promotion.state === 'approved') return { waits: { code: 'refused', reason: refused } };
    if (promotion.state === 'rolling-out') return { change: { type: 'halt', reason: refused } };
  }
  // 2. What is seen.
  const plan = planOf(promotion, environment, target);
  const seen = {
    hold: serving.hold,
    weights: weightsOf(serving),
    states: await statesOf(serving, target, ports),
    check: await checked(promotion, plan, environment, serving, ports),
    ...held,
  };
  // 3. What follows from it, and only that.
  const next = nextStep(promotion, plan, seen, now);
  switch (next.do) {
    case 'apply': {
      const { do: _, ...applying } = next;
      await ports.serving.apply(
        { model, environment: name, target: targetName, promotion: promotion.number, ...applying },
        now,
      );
      return { applied: true };
    }
    case 'wait':
      return { waits: { code: next.code, reason: next.reason } };
    case 'nothing':
      return { nothing: true };
    case 'step':
      return { change: { type: 'step', step: next.step, reason: next.reason } };
    default:
      return { change: { type: next.do, reason: next.reason } };
  }
}

/** As many steps as there may be in one look, and then some. */
const mostSteps = 20;

/** Takes promotions as far as it is known to be time, each step stored before the next is asked for. */
export function rollouts(
  ports: RollOutPorts & {
    promotions: Pick<PromotionStore, 'change' | 'events'>;
    environment: Readonly<Record<string, string | undefined>>;
  },
): RolloutPort {
  return {
    reaches(name) {
      const { targets, pools } = ports.policy();
      const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
      if (target?.kind === 'process') return Object.hasOwn(pools, target.pool);
      return target !== undefined && Boolean(ports.environment[target.secret]);
    },
    async next(first, held, now) {
      let promotion = first;
      for (let steps = 0; steps < mostSteps; steps += 1) {
        const done = await rollOut(promotion, held, ports, now);
        if ('nothing' in done) return;
        if ('applied' in done) continue;
        const change: PromotionChange =
          'waits' in done
            ? { type: 'wait', reason: done.waits.reason }
            : await withWhy(promotion, done.change, ports.promotions);
        const stored = await ports.promotions.change(promotion.number, change, now, system);
        if (!stored.ok || 'waits' in done || isOver(stored.promotion.state)) return;
        promotion = stored.promotion;
      }
    },
  };
}

/** What was rolled back says at its end also why: meanwhile it may have said what it waited for. */
async function withWhy(
  { number, state }: Promotion,
  change: PromotionChange,
  promotions: Pick<PromotionStore, 'events'>,
): Promise<PromotionChange> {
  if (state !== 'rolling-back' || (change.type !== 'restored' && change.type !== 'failed')) return change;
  const why = whyBack(await promotions.events(number));
  return why === null || why === change.reason ? change : { ...change, reason: `${why} ${change.reason}` };
}

/** The way back has one step, and nothing to prove but that it serves. */
function planOf(
  { kind }: Pick<Promotion, 'kind'>,
  environment: ModelEnvironment | null,
  target: Target | undefined,
): RolloutPlan {
  const shared = { readyWithinS: target?.readyWithin ?? 0, roomWithinS };
  const rollout = environment?.rollout;
  if (!rollout || kind === 'rollback')
    return { ...shared, steps: [100], bakeS: 0, check: null, dataWithinS: 0 };
  return {
    ...shared,
    steps: rollout.steps,
    bakeS: rollout.bake,
    check: rollout.holds === undefined ? null : readHolds(rollout.holds),
    dataWithinS: Math.max(leastDataWithinS, rollout.bake),
  };
}

/** What a pull request proposed runs only where it can do no harm, however well it is approved of. */
async function refusedAt(
  { model, version: number }: Promotion,
  target: Target | undefined,
  { models, runs, policy }: Pick<RollOutPorts, 'models' | 'runs' | 'policy'>,
): Promise<string | null> {
  const version = target?.kind === 'process' ? await models.version(model, number) : null;
  if (!version || target?.kind !== 'process') return null;
  return refusedThere(version, await runs.get(version.run), target.pool, policy());
}

async function statesOf(
  serving: Serving,
  target: Target | undefined,
  { serving: store }: Pick<RollOutPorts, 'serving'>,
): Promise<Map<number, VersionState>> {
  if (target?.kind === 'webhook') {
    const { hold } = serving;
    const told = hold ? await store.told({ ...serving, ...hold }) : null;
    return new Map(
      serving.rows.map(({ version }) => [
        version,
        toldState(told?.states ?? {}, version, hold?.at ?? new Date(0)),
      ]),
    );
  }
  const runs = await store.runs(serving);
  return new Map(serving.rows.map(row => [row.version, versionState(row, runs)]));
}

function toldState(states: Record<string, ToldState>, version: number, since: Date): VersionState {
  const told = states[String(version)] ?? states[ofAll];
  if (told?.state === 'failed') return { state: 'failed', said: told.said };
  if (told?.state === 'ready' && told !== states[ofAll]) return { state: 'ready' };
  return { state: 'starting', since, said: told?.said ?? '' };
}

/** Asked only while a step bakes. */
async function checked(
  { number, model, environment: place, version, state }: Promotion,
  { check }: RolloutPlan,
  environment: ModelEnvironment | null,
  { hold }: Serving,
  { serving, checks }: Pick<RollOutPorts, 'serving' | 'checks'>,
): Promise<Checked | null> {
  const query = environment?.rollout.check;
  if (!check || query === undefined || state !== 'rolling-out') return null;
  if (hold?.promotion !== number || hold.stage === 0) return null;
  const own = ownChecks.find(one => one === query);
  if (own) {
    const stage = { model, environment: place, version, promotion: number, stage: hold.stage };
    const { answers, errors, seconds } = await serving.counts(stage);
    if (answers === 0) return { missing: 'Nobody has asked the version anything at this step.' };
    return { value: own === 'signalbox.errors' ? errors / answers : seconds / answers };
  }
  if (!checks) return { missing: 'PROMETHEUS_URL is not set.' };
  try {
    const value = await checks.query(query);
    return value === null ? { missing: 'The query gave no number.' } : { value };
  } catch (err) {
    return { missing: `Prometheus: ${err instanceof Error ? err.message : 'it cannot be asked'}.` };
  }
}
