import type { Log } from '../../core/ports.ts';
import type { HttpDeps } from './deps.ts';

const healthMs = 2_000;

/** Whether requests are worth sending here. No answer in time, or a throw, is an answer too. */
export async function ready(
  health: HttpDeps['health'],
  log: Log,
): Promise<{ ok: boolean; checks: Record<string, string> }> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof health>>>();
  const timer = setTimeout(() => resolve({ ok: false, checks: { health: 'no answer in 2 s' } }), healthMs);
  try {
    return await Promise.race([health(), promise]);
  } catch (err) {
    log.warn({ err }, 'health could not be checked');
    return { ok: false, checks: { health: 'failed' } };
  } finally {
    clearTimeout(timer);
  }
}
