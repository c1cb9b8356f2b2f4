import { z } from 'zod';
import { cleanLine } from '../../core/format.ts';
import type { DeploymentStatus, DeploymentsPort } from '../../core/ports.ts';
import type { RepositoryRef } from '../../core/repository-event.ts';
import type { GitHubCall } from './calls.ts';

const perPage = 100;
const mostPages = 10;
/** https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status */
const mostDescription = 140;

const payloadSchema = z.object({ signalbox: z.string() });
const deploymentSchema = z.object({
  id: z.int(),
  // Text where it was given as text.
  payload: z.unknown(),
  performed_via_github_app: z.object({ id: z.int() }).nullish(),
});
const text = z
  .string()
  .nullish()
  .transform(said => said ?? '');
const statusSchema = z.object({
  state: z.string(),
  description: text,
  log_url: text,
  environment_url: text,
});

/**
 * Deployments of a repository, by its id. Whoever may write there makes deployments too: only those that this app made are its own, each known
 * by the mark in its payload.
 */
export function githubDeployments(call: GitHubCall, appId: string): DeploymentsPort {
  const list = (repository: RepositoryRef, path: string, query: Record<string, string | number>) =>
    call(repository.installation, { writes: false }, client =>
      client.request(`GET /repositories/{id}/deployments${path}`, { ...query, id: repository.id }),
    );
  const make = (repository: RepositoryRef, path: string, body: Record<string, unknown>) =>
    call(repository.installation, { writes: true }, client =>
      client.request(`POST /repositories/{id}/deployments${path}`, { ...body, id: repository.id }),
    );

  /** The first that was made with a mark. */
  async function find(repository: RepositoryRef, sha: string, environment: string, mark: string) {
    let oldest: number | null = null;
    for (let page = 1; page <= mostPages; page += 1) {
      const { data } = await list(repository, '', { sha, environment, per_page: perPage, page });
      const found = z.array(deploymentSchema).parse(data);
      for (const { id, payload, performed_via_github_app: by } of found)
        if (String(by?.id) === appId && payloadSchema.safeParse(payload).data?.signalbox === mark)
          oldest = Math.min(id, oldest ?? id);
      if (found.length < perPage) break;
    }
    return oldest;
  }

  async function tell(repository: RepositoryRef, id: number, said: DeploymentStatus): Promise<void> {
    const { state } = said;
    const description = cleanLine(said.description, mostDescription);
    const [log_url, environment_url] = [said.logUrl ?? '', said.environmentUrl ?? ''];
    const { data } = await list(repository, `/${id}/statuses`, { per_page: 1 });
    const [last] = z.array(statusSchema).parse(data);
    const isSaid =
      last?.state === state &&
      last.description === description &&
      last.log_url === log_url &&
      last.environment_url === environment_url;
    if (isSaid) return;
    await make(repository, `/${id}/statuses`, {
      ...{ state, description },
      ...(log_url ? { log_url } : {}),
      ...(environment_url ? { environment_url } : {}),
      // It would retire whatever others deploy to an environment of that name, and nothing at all in production: what is replaced is told so.
      auto_inactive: false,
    });
  }

  return {
    tell,
    async begin({ repository, sha, environment, mark, description, isProduction, payload = {} }) {
      const known = await find(repository, sha, environment, mark);
      if (known !== null) return known;
      const { data } = await make(repository, '', {
        ref: sha,
        environment,
        description: cleanLine(description, mostDescription),
        payload: { ...payload, signalbox: mark },
        production_environment: isProduction,
        transient_environment: false,
        // A commit is deployed as it is: GitHub would merge the default branch into a branch first, and deploy nothing.
        auto_merge: false,
        // The gates of the promotion decide. By default every check of the commit has to be green, the one of another run too.
        required_contexts: [],
      });
      const { id } = deploymentSchema.parse(data);
      const first = (await find(repository, sha, environment, mark)) ?? id;
      if (first === id) return id;
      const twice = { state: 'inactive', description: 'It was begun twice.' } as const;
      await tell(repository, id, { ...twice, logUrl: null, environmentUrl: null });
      return first;
    },
  };
}
