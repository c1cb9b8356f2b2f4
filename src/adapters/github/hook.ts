import { z } from 'zod';
import type { HookAttempt } from '../../core/lost-delivery.ts';
import type { GitHubApp } from './app.ts';
import { GitHubError } from './errors.ts';

const perPage = 100;

const attemptSchema = z.object({
  id: z.number(),
  guid: z.string(),
  delivered_at: z.coerce.date(),
  status: z.string(),
  status_code: z.number(),
});

/** The App's own webhook, as GitHub remembers it (https://docs.github.com/en/rest/apps/webhooks). Throws `GitHubError`. */
export function githubHook(app: Pick<GitHubApp, 'asApp'>) {
  return {
    /** Newest first, page by page. */
    async *attempts(): AsyncGenerator<HookAttempt> {
      let cursor: string | undefined;
      do {
        const { data, headers } = await app.asApp(client =>
          client.request('GET /app/hook/deliveries', { per_page: perPage, ...(cursor ? { cursor } : {}) }),
        );
        for (const item of z.array(attemptSchema).parse(data)) yield attemptOf(item);
        cursor = nextOf(headers.link);
      } while (cursor !== undefined);
    },
    async tellAgain(attempt: number): Promise<'asked' | 'gone'> {
      try {
        await app.asApp(client =>
          client.request('POST /app/hook/deliveries/{delivery_id}/attempts', { delivery_id: attempt }),
        );
        return 'asked';
      } catch (err) {
        if (err instanceof GitHubError && err.outcome === 'missing') return 'gone';
        throw err;
      }
    },
  };
}

function attemptOf({
  id,
  guid,
  delivered_at: at,
  status,
  status_code: code,
}: z.infer<typeof attemptSchema>): HookAttempt {
  if (code >= 200 && code < 300) return { id, guid, at, outcome: 'ok' };
  return { id, guid, at, outcome: code === 0 && status === 'pending' ? 'pending' : 'failed' };
}

function nextOf(link: string | undefined): string | undefined {
  const address = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1];
  return address ? (new URL(address).searchParams.get('cursor') ?? undefined) : undefined;
}
