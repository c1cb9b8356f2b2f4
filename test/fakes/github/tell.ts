import type { hooks } from './hooks.ts';
import { repoShape } from './shapes/repository.ts';
import { organizationShape, userShape } from './shapes/user.ts';
import { installationOf, type Json, nodeId, type Repo, type User, type World } from './world.ts';

export interface Parts {
  world: World;
  out: ReturnType<typeof hooks>;
}

export interface Told {
  event: string;
  action?: string;
  by: User;
  more: Json;
  /** Default: as it is everywhere but in `push`. */
  repository?: Json;
}

/** An event of a repository. Nobody hears of it where the app is not installed, or is suspended. */
export function tell({ world, out }: Parts, repo: Repo, { event, action, by, more, repository }: Told): void {
  const installation = installationOf(world, repo);
  if (!installation || installation.suspendedAt !== null) return;
  const payload = {
    ...(action === undefined ? {} : { action }),
    ...more,
    repository: repository ?? repoShape(world, repo),
    ...(repo.owner.type === 'Organization' ? { organization: organizationShape(world, repo.owner) } : {}),
    sender: userShape(world, by),
    installation: { id: installation.id, node_id: nodeId('IntegrationInstallation', installation.id) },
  };
  out.emit({
    event,
    action: action ?? null,
    installation: installation.id,
    repository: repo.id,
    payload,
  });
}
