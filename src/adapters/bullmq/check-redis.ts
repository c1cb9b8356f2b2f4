import { Redis } from 'ioredis';
import { SignalboxError } from '../../core/errors.ts';

/**
 * Throws `REDIS_EVICTS` unless the server's policy is `noeviction`, and `ENV_INVALID` when it refuses the password. A server that is away is
 * nothing to stop for: `reachable` is false then.
 */
export async function checkRedis(url: string): Promise<{ reachable: boolean }> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3_000,
    commandTimeout: 3_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // A refusal comes as an event, followed by a connection that is merely closed.
  let refusal: Error | null = null;
  redis.on('error', (err: Error) => {
    if (/^(NOAUTH|WRONGPASS|NOPERM)\b/.test(err.message)) refusal = err;
  });
  try {
    await redis.connect();
    const policy = /^maxmemory_policy:(.+?)\r?$/m.exec(await redis.info('memory'))?.[1];
    if (policy !== undefined && policy !== 'noeviction')
      throw new SignalboxError('REDIS_EVICTS', { word: policy });
    return { reachable: true };
  } catch (err) {
    if (err instanceof SignalboxError) throw err;
    if (refusal !== null)
      throw new SignalboxError(
        'ENV_INVALID',
        { word: 'REDIS_URL', reason: 'Redis refuses its user or password.' },
        { cause: refusal },
      );
    return { reachable: false };
  } finally {
    redis.disconnect();
  }
}
