import type { DeploymentStatus } from '../ports.ts';
import type { Promotion, PromotionState } from './promotion.ts';

/** A promotion whose rollout has begun, as it is to be shown at its commit. */
export interface Deploying
  extends Pick<Promotion, 'number' | 'kind' | 'model' | 'version' | 'environment' | 'state'> {
  /** Why it is where it is: of its last step, or of its end. */
  reason: string;
  /** The promotion that came to serve after it; null: none has. */
  replacedBy: number | null;
}

/** By which it is found again. */
export function deploymentMark({ number }: Pick<Deploying, 'number'>): string {
  return `promotion-${number}`;
}

/** A repository may have several models, and environments that have nothing to do with them. */
export function deploymentEnvironment({
  model,
  environment,
}: Pick<Deploying, 'model' | 'environment'>): string {
  return `${model}/${environment}`;
}

/** `digits 7`, `digits 5, rolled back to` */
export function deploymentTitle({ kind, model, version }: Deploying): string {
  return kind === 'rollback' ? `${model} ${version}, rolled back to` : `${model} ${version}`;
}

const states: Partial<Record<PromotionState, DeploymentStatus['state']>> = {
  'rolling-out': 'in_progress',
  'rolling-back': 'in_progress',
  live: 'success',
  halted: 'failure',
  failed: 'error',
};

/** What GitHub is told of it; null: its rollout has not begun. */
export function deploymentStatus({
  state,
  reason,
  replacedBy,
}: Pick<Deploying, 'state' | 'reason' | 'replacedBy'>): Pick<
  DeploymentStatus,
  'state' | 'description'
> | null {
  if (state === 'live' && replacedBy !== null)
    return { state: 'inactive', description: `P${replacedBy} took its place.` };
  const told = states[state];
  return told ? { state: told, description: reason } : null;
}
