import { githubSource } from '../core/github-source.ts';
import type { Log, ModelFile, ModelFileStore, ModelPolicies, ModelStore, SourcePort } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { declaredModels } from '../core/promotion/declared.ts';
import type { ModelPolicy } from '../core/promotion/model-keys.ts';
import { longestRepositoryFile, repositoryFileName } from '../core/repository-file.ts';
import type { ReadRepositoryFile } from './repository-files.ts';

export interface ModelFilePorts {
  files: ModelFileStore;
  source: Pick<SourcePort, 'resolve' | 'file'>;
  log: Log;
}

/** A repository on GitHub that projects name, and those projects. */
interface Repository {
  source: string;
  projects: string[];
}

/** Reads what repositories say of models, where that was not read since (null: lately). The file of the default branch counts. */
export async function readModelFiles(
  policy: Pick<Policy, 'projects'>,
  { since, project }: { since: Date | null; project: string | null },
  { files, source, log }: ModelFilePorts,
): Promise<void> {
  const repositories = repositoriesOf(policy).filter(
    one => project === null || one.projects.includes(project),
  );
  const taken = await files.take(
    repositories.map(one => one.source),
    since,
  );
  // From then on: what is pushed while it is read is read next time.
  for (const { source: one, at: readAt } of taken) {
    try {
      const resolved = await source.resolve(one, 'HEAD');
      if (!resolved.ok) {
        const reason = resolved.code === 'unavailable' ? resolved.reason : 'It has no default branch.';
        await files.failed(one, reason);
        continue;
      }
      const file = await source.file(one, resolved.sha, repositoryFileName);
      const content = file?.isPlain && file.size <= longestRepositoryFile ? await file.text() : null;
      await files.read({ source: one, sha: resolved.sha, content, readAt });
    } catch (err) {
      log.warn({ err, source: one }, 'what a repository says of models could not be read');
      await files.failed(one, err instanceof Error ? err.message : String(err));
    }
  }
}

/** Whether what a project's repository says was read since; so too where there is nothing to read. */
export async function isReadSince(
  project: string,
  since: Date,
  policy: Pick<Policy, 'projects'>,
  files: Pick<ModelFileStore, 'all'>,
): Promise<boolean> {
  const repository = repositoriesOf(policy).find(one => one.projects.includes(project));
  if (!repository) return true;
  const [read] = await files.all([repository.source]);
  return read !== undefined && read.readAt >= since;
}

type Models = Readonly<Record<string, ModelPolicy>>;

/** What is declared now. A file that is not valid declares nothing, and is said where it is proposed. */
export function modelPolicies(
  policy: () => Policy,
  ports: {
    files: Pick<ModelFileStore, 'all'>;
    models: Pick<ModelStore, 'all'>;
    readFile: ReadRepositoryFile;
  },
): ModelPolicies {
  let read: { by: Policy | null; models: Map<string, Models> } = { by: null, models: new Map() };
  return {
    async all() {
      const now = policy();
      if (read.by !== now) read = { by: now, models: new Map() };
      const { models } = read;
      const repositories = repositoriesOf(now);
      const [files, known] = await Promise.all([
        ports.files.all(repositories.map(one => one.source)),
        ports.models.all(),
      ]);
      const owners = new Map(known.map(({ name, project }) => [name, project]));
      const said = files.map(file => {
        const own = repositories.find(one => one.source === file.source)?.projects ?? [];
        const key = `${file.source} ${file.sha}`;
        const known = models.get(key) ?? modelsIn(file, now, own, ports.readFile);
        models.set(key, known);
        return { source: file.source, models: known };
      });
      return declaredModels(now.models, said, owners).models;
    },
  };
}

function modelsIn(
  { content }: Pick<ModelFile, 'content'>,
  policy: Policy,
  own: readonly string[],
  readFile: ReadRepositoryFile,
): Models {
  if (content === null) return {};
  const read = readFile(content, policy, own);
  return read.ok ? read.value.models : {};
}

/** By their names: one that is named with its id and without is one repository. */
function repositoriesOf({ projects }: Pick<Policy, 'projects'>): Repository[] {
  const found = new Map<string, Repository>();
  for (const [name, { source }] of Object.entries(projects)) {
    const repository = githubSource(source)?.name;
    if (repository === undefined) continue;
    const known = found.get(repository);
    if (known) known.projects.push(name);
    else found.set(repository, { source, projects: [name] });
  }
  return [...found.values()];
}
