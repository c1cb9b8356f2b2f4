import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RunJson } from '../../src/core/run-json.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { type House, openHouse } from './house.ts';
import { sendRequest } from './queue.ts';

describe('with the queue on Redis', { skip: noRedis }, () => {
  let redis: TestRedis;
  let house: House;
  before(async () => {
    redis = await startRedis(['maxmemory-policy noeviction']);
    house = await openHouse({ REDIS_URL: redis.url });
  });
  after(async () => {
    await house.close();
    await redis.close();
  });

  test('another service asks for a run, which ends; its key stands for it', async () => {
    const wish = { key: 'redis-1', request: { project: 'version', note: 'from Redis' } };
    const first = (await sendRequest(house, wish)) as { returned: RunJson };
    const again = (await sendRequest(house, wish)) as { returned: RunJson };
    assert.equal(first.returned.note, 'from Redis');
    assert.equal(again.returned.number, first.returned.number);
    await house.reaches(first.returned.number, 'succeeded');
  });

  test('a refused request fails with what is wrong, and makes nothing', async () => {
    const before = await house.newest();
    const outcome = await sendRequest(house, { request: { project: 'shwo' } });
    assert.match(
      'failed' in outcome ? outcome.failed : '',
      /There is no project shwo\..*Did you mean show\?/,
    );
    assert.equal(await house.newest(), before);
  });

  test('Slack is answered, and doctor is content', async () => {
    const { people, service } = house;
    assert.match(await people.asks(service().url, '/train list'), /One run/);
    assert.match((await house.cli('doctor')).stdout, /^ok +redis +answers, and evicts nothing$/m);
  });

  test('with Redis away, requests are stored and done all the same', async () => {
    await redis.kill();
    const { people, service } = house;
    const number = (await house.newest()) + 1;
    await people.says(service().url, '/train version');
    await house.reaches(number, 'succeeded');
    const { code, stdout } = await house.cli('doctor');
    assert.equal(code, 1);
    assert.match(stdout, /^broken +redis +does not answer/m);
  });
});
