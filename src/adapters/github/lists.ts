import { RequestError } from 'octokit';
import { z } from 'zod';
import { branchOf, commitSchema, loginSchema, pullSchema } from '../../core/github-told.ts';
import type { Listed, RepositoryLists } from '../../core/ports.ts';
import type { RepositoryRef } from '../../core/repository-event.ts';
import type { GitHubApp } from './app.ts';
import type { GitHubCall } from './calls.ts';
import { GitHubError } from './errors.ts';

const perPage = 100;
const mostPages = 10;
const time = z.iso.datetime({ offset: true }).transform(text => new Date(text));

/** https://docs.github.com/en/rest/repos/repos#list-repository-activities */
const moveSchema = z
  .object({ ref: z.string(), before: commitSchema, after: commitSchema, timestamp: time, actor: loginSchema })
  .and(z.object({ activity_type: z.string() }));
const endSchema = z.object({
  updated_at: time,
  merged_at: time.nullable(),
  merge_commit_sha: commitSchema.nullish(),
});
const mergedSchema = z.object({ number: z.int(), base: z.object({ ref: z.string() }) }).and(endSchema);
const closedSchema = z.intersection(
  pullSchema,
  endSchema.extend({ closed_at: time.nullable(), merged_by: loginSchema }),
);

type Page = { data: unknown; at: Date; tag: string | null; next: string | null };

/**
 * What GitHub has of a repository, asked for by its id: whoever took its name since is never reached by it. GitHub documents these routes
 * by name, and leads there by redirects and by the links to further pages.
 */
export function githubLists(
  call: GitHubCall,
  app: Pick<GitHubApp, 'repository' | 'codeToken'>,
  clock: () => Date,
): RepositoryLists {
  const read = (repository: RepositoryRef, path: string, query: Record<string, string | number> = {}) =>
    call(repository.installation, { writes: false }, client =>
      client.request(`GET /repositories/{id}${path}`, { ...query, id: repository.id }),
    );

  /** The first page, or null where it is as it was. */
  async function page(
    { id, installation }: RepositoryRef,
    path: string,
    query: Record<string, string | number>,
    tag: string | null = null,
  ): Promise<Page> {
    const headers = tag === null ? {} : { 'if-none-match': tag };
    try {
      const { data, headers: said } = await call(installation, { writes: false }, client =>
        client.request(`GET /repositories/{id}${path}`, { ...query, id, headers }),
      );
      return { data, at: dateOf(said.date), tag: said.etag ?? null, next: nextOf(said.link) };
    } catch (error) {
      const cause = error instanceof GitHubError ? error.cause : null;
      if (!(cause instanceof RequestError) || cause.status !== 304) throw error;
      return { data: null, at: dateOf(cause.response?.headers.date), tag, next: null };
    }
  }

  const dateOf = (said: string | undefined) => {
    const at = new Date(said ?? Number.NaN);
    return Number.isNaN(at.getTime()) ? clock() : at;
  };

  async function named(name: string): Promise<RepositoryRef | null> {
    const [owner = '', repo = ''] = name.split('/');
    return await app.repository(owner, repo);
  }

  /** Page by page, until something is too old. */
  async function list<S extends z.ZodType>(
    repository: RepositoryRef,
    path: string,
    query: Record<string, string | number>,
    tag: string | null,
    schema: S,
    isOld: (item: z.output<S>) => boolean,
  ): Promise<Listed<z.output<S>>> {
    const first = await page(repository, path, { ...query, per_page: perPage }, tag);
    const { at } = first;
    if (first.data === null) return { at, tag, items: null, isCut: false };
    const items: z.output<S>[] = [];
    let next: Page = first;
    for (let read = 1; ; read += 1) {
      const found = z.array(schema).parse(next.data);
      const fresh = found.filter(one => !isOld(one));
      items.push(...fresh);
      const isCut = next.next !== null && fresh.length === found.length;
      if (!isCut || read === mostPages || next.next === null) return { at, tag: first.tag, items, isCut };
      const more = Object.fromEntries(new URL(next.next).searchParams);
      next = await page(repository, path, more);
    }
  }

  return {
    async find(known) {
      try {
        // Only the installation that has it gets a token for it: what is public anybody may read.
        const { name } = await app.codeToken(known);
        return { ...known, name };
      } catch (error) {
        if (!(error instanceof GitHubError) || !isElsewhere(error)) throw error;
      }
      // It was moved to others who have the app, or the app was taken out and in again. Its former name leads to it, unless it is somebody else's.
      const found = await named(known.name);
      return found?.id === known.id ? found : null;
    },
    named,
    async moves(repository, since, tag) {
      const found = await list(
        ...([repository, '/activity', {}, tag, moveSchema] as const),
        ({ timestamp }) => timestamp < since,
      );
      const items = found.items?.flatMap(({ ref, before, after, timestamp, actor, activity_type }) => {
        const branch = branchOf(ref);
        if (after === null || branch === null) return [];
        const forced = activity_type === 'force_push';
        return [{ at: timestamp, branch, before, after, by: actor, forced }];
      });
      return { ...found, items: items ?? null };
    },
    async openPulls(repository, tag) {
      const query = { state: 'open', sort: 'updated', direction: 'desc' };
      return await list(repository, '/pulls', query, tag, pullSchema, () => false);
    },
    async merged(repository, since, tag) {
      const query = { state: 'closed', sort: 'updated', direction: 'desc' };
      const found = await list(
        ...([repository, '/pulls', query, tag, mergedSchema] as const),
        ({ updated_at }) => updated_at < since,
      );
      const items = found.items?.flatMap(({ number, base, merged_at, merge_commit_sha }) =>
        merged_at !== null && merged_at >= since
          ? [{ number, branch: base.ref, sha: merge_commit_sha ?? null }]
          : [],
      );
      return { ...found, items: items ?? null };
    },
    async closed(repository, number) {
      try {
        const { data } = await read(repository, `/pulls/${number}`);
        const {
          closed_at: at,
          merged_at,
          merged_by,
          merge_commit_sha,
          updated_at,
          ...pull
        } = closedSchema.parse(data);
        if (at === null) return null;
        if (merged_at !== null) return { pull, at, by: merged_by, merged: merge_commit_sha ?? null };
        const { data: issue } = await read(repository, `/issues/${number}`);
        const { closed_by: by } = z.object({ closed_by: loginSchema }).parse(issue);
        return { pull, at, by, merged: null };
      } catch (error) {
        if (error instanceof GitHubError && error.outcome === 'missing') return null;
        throw error;
      }
    },
  };
}

/** The installation has no such repository, or there is no such installation. */
function isElsewhere({ outcome, cause }: GitHubError): boolean {
  return outcome === 'missing' || (cause instanceof RequestError && cause.status === 422);
}

function nextOf(link: string | undefined): string | null {
  return /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1] ?? null;
}
