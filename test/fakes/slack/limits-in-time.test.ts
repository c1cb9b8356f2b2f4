import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { handClock } from './clock.ts';
import { startFakeSlack } from './fake.ts';
import type { Fault } from './faults.ts';
import {
  ask,
  channel,
  developer,
  elsewhere,
  type FakeSlack,
  modal,
  openFake,
  seedOf,
  team,
  token,
} from './fixture.ts';

const post = (fake: FakeSlack, to = channel) =>
  fetch(`${fake.apiUrl}chat.postMessage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ channel: to, text: 'a' }),
    signal: AbortSignal.timeout(2_000),
  });

describe('rates', () => {
  test('one post a second and channel after a short burst; other channels are free', async t => {
    const clock = handClock();
    const fake = await startFakeSlack({ seed: seedOf(), clock });
    t.after(() => fake.close());
    const statuses = async (count: number) => {
      const all = [];
      for (let at = 0; at < count; at++) all.push((await post(fake)).status);
      return all;
    };
    assert.deepEqual(await statuses(4), [200, 200, 200, 429]);
    assert.equal((await post(fake, elsewhere)).status, 200);
    assert.equal((await post(fake)).headers.get('retry-after'), '1');
    clock.advance(999);
    assert.equal((await post(fake)).status, 429);
    clock.advance(1);
    assert.deepEqual(await statuses(2), [200, 429]);
    fake.rates.turn('off');
    assert.deepEqual(await statuses(5), [200, 200, 200, 200, 200]);
    assert.equal(fake.messages({ channel }).length, 9);
    assert.equal(fake.count('chat.postMessage'), 14);
  });

  const tiers: [method: string, args: object, perMinute: number][] = [
    ['conversations.list', {}, 20],
    ['chat.update', { channel, ts: '1.000001', text: 'a' }, 50],
    ['users.info', { user: developer }, 100],
  ];
  for (const [method, args, perMinute] of tiers)
    test(`${method}: ${perMinute} a minute in each workspace`, async t => {
      const clock = handClock();
      const fake = await startFakeSlack({ seed: seedOf(), clock });
      t.after(() => fake.close());
      const errors = [];
      for (let at = 0; at < perMinute + 1; at++) errors.push((await ask(fake, method, args)).error);
      assert.equal(errors.filter(error => error === 'ratelimited').length, 1);
      assert.equal(errors.at(-1), 'ratelimited');
      assert.notEqual((await ask(fake, method, args, 'xoxb-org')).error, 'ratelimited');
      clock.advance(60_000 / perMinute);
      assert.notEqual((await ask(fake, method, args)).error, 'ratelimited');
    });
});

describe('trigger ids', () => {
  const ages: [name: string, ms: number, error: string | undefined][] = [
    ['at once', 0, undefined],
    ['after 3 s', 3_000, undefined],
    ['after more than 3 s', 3_001, 'expired_trigger_id'],
  ];
  for (const [name, ms, error] of ages)
    test(`${name} -> ${error ?? 'ok'}`, async t => {
      const clock = handClock();
      const fake = await openFake({}, clock);
      t.after(() => fake.close());
      const trigger_id = fake.issueTrigger(team, developer);
      clock.advance(ms);
      assert.equal((await ask(fake, 'views.open', { trigger_id, view: modal() })).error, error);
    });

  test('one is good for one view, and a view that is refused does not use it up', async t => {
    const fake = await openFake();
    t.after(() => fake.close());
    const trigger_id = fake.issueTrigger(team, developer);
    const open = (view: object, id = trigger_id) => ask(fake, 'views.open', { trigger_id: id, view });
    assert.equal((await open({ type: 'modal' })).error, 'invalid_arguments');
    assert.equal((await open(modal())).ok, true);
    assert.equal((await open(modal())).error, 'exchanged_trigger_id');
    assert.equal((await open(modal(), '1.2.3')).error, 'invalid_trigger_id');
    const foreign = fake.issueTrigger('T000000002', 'U000000021');
    assert.equal((await open(modal(), foreign)).error, 'invalid_trigger_id');
  });
});

describe('faults', () => {
  const kinds: [fault: Fault, outcome: number | 'broken', posted: number][] = [
    ['rate-limited', 429, 0],
    ['server-error', 500, 0],
    ['cut', 'broken', 0],
    ['silent', 'broken', 0],
    ['lost', 'broken', 1],
    ['silent-after', 'broken', 1],
  ];
  for (const [fault, outcome, posted] of kinds)
    test(`${fault}: ${outcome}, ${posted} posted, and the next call is well`, async t => {
      const fake = await openFake();
      t.after(() => fake.close());
      fake.faults.next('chat.postMessage', fault);
      assert.equal((await ask(fake, 'auth.test')).ok, true);
      const seen = await post(fake).then(
        ({ status }) => status,
        () => 'broken',
      );
      assert.equal(seen, outcome);
      assert.equal(fake.messages({ channel }).length, posted);
      assert.equal((await post(fake)).status, 200);
    });

  test('a share of the calls fails, the same ones with the same seed', async t => {
    const run = async () => {
      const faults = {
        share: 0.2,
        kinds: ['rate-limited', 'server-error'],
        methods: ['auth.test'],
        seed: 7,
      } as const;
      const fake = await startFakeSlack({ seed: seedOf(), faults });
      t.after(() => fake.close());
      const statuses = [];
      for (let at = 0; at < 200; at++)
        statuses.push(
          (
            await fetch(`${fake.apiUrl}auth.test`, {
              method: 'POST',
              headers: { authorization: `Bearer ${token}` },
            })
          ).status,
        );
      assert.equal((await ask(fake, 'team.info')).ok, true);
      fake.faults.clear();
      assert.equal((await ask(fake, 'auth.test')).ok, true);
      return statuses;
    };
    const [first, second] = [await run(), await run()];
    assert.deepEqual(first, second);
    const failed = first.filter(status => status !== 200).length;
    assert.ok(failed > 20 && failed < 60, `${failed} of 200`);
    assert.deepEqual([...new Set(first)].sort(), [200, 429, 500]);
  });
});
