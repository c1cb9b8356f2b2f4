import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkRedis } from '../../../src/adapters/bullmq/check-redis.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const rows: { title: string; settings: string[]; code: string | null; says?: RegExp }[] = [
  { title: 'as it comes', settings: [], code: null },
  {
    title: 'noeviction with a limit',
    settings: ['maxmemory 100mb', 'maxmemory-policy noeviction'],
    code: null,
  },
  {
    title: 'allkeys-lru',
    settings: ['maxmemory 100mb', 'maxmemory-policy allkeys-lru'],
    code: 'REDIS_EVICTS',
    says: /Its maxmemory-policy is allkeys-lru\. Set `maxmemory-policy noeviction`\.$/,
  },
  {
    title: 'volatile-ttl',
    settings: ['maxmemory 100mb', 'maxmemory-policy volatile-ttl'],
    code: 'REDIS_EVICTS',
  },
  {
    title: 'an evicting policy without a limit yet',
    settings: ['maxmemory-policy allkeys-lfu'],
    code: 'REDIS_EVICTS',
  },
  {
    title: 'a password that is not given',
    settings: ['requirepass right'],
    code: 'ENV_INVALID',
    says: /REDIS_URL/,
  },
];

describe('checkRedis', { skip: noRedis }, () => {
  for (const { title, settings, code, says } of rows) {
    test(`${title}: ${code ?? 'accepted'}`, async t => {
      const redis = await startRedis(settings);
      t.after(redis.close);
      if (code === null) {
        assert.deepEqual(await checkRedis(redis.url), { reachable: true });
        return;
      }
      await assert.rejects(checkRedis(redis.url), err => {
        assert.ok(err instanceof SignalboxError);
        assert.equal(err.fault.code, code);
        assert.match(err.message, says ?? /./);
        return true;
      });
    });
  }

  test('with the password in the address', async t => {
    const redis = await startRedis(['requirepass right']);
    t.after(redis.close);
    const withPassword = (word: string) => redis.url.replace('//', `//:${word}@`);
    assert.deepEqual(await checkRedis(withPassword('right')), { reachable: true });
    await assert.rejects(checkRedis(withPassword('wrong')), {
      name: 'SignalboxError',
      message: /refuses its user or password/,
    });
  });

  test('a server that is away stops nothing', async t => {
    const redis = await startRedis();
    t.after(redis.close);
    await redis.kill();
    assert.deepEqual(await checkRedis(redis.url), { reachable: false });
  });
});
