import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { rateBudget } from '../../src/adapters/postgres/rates.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { slackMessenger } from '../../src/adapters/slack/messenger.ts';
import { publish } from '../../src/app/publish.ts';
import { reply } from '../../src/core/reply.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { wallClock } from '../fakes/slack/clock.ts';
import { startFakeSlack } from '../fakes/slack/fake.ts';
import { developer, type FakeSlack, seedOf, team, token } from '../fakes/slack/fixture.ts';
import { noCharts } from '../support/no-charts.ts';
import { noSweeps } from '../support/no-sweeps.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { octocat, wish } from '../support/run.ts';

const channels = ['C000000011', 'C000000012', 'C000000013'];
const stop = { type: 'stop', actor: octocat, why: 'cancel', reason: '' } as const;

describe('messages within the limits of Slack', () => {
  let server: TestServer;
  /** Two pools stand for two workers. */
  let workers: [Database, Database];
  let fake: FakeSlack;
  let skippedMs = 0;
  let asked = 0;

  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  beforeEach(async t => {
    const url = await server.database();
    workers = [openDatabase(url, { onError: () => {} }), openDatabase(url, { onError: () => {} })];
    await migrate(workers[0].pool);
    const seed = seedOf();
    seed.workspaces[0]?.channels?.push(...channels.map(id => ({ id, members: ['U00000BOT1', developer] })));
    fake = await startFakeSlack({ seed, clock: { ...wallClock, now: () => Date.now() + skippedMs } });
    if ('after' in t)
      t.after(async () => {
        await fake.close();
        await Promise.all(workers.map(worker => worker.close()));
      });
  });

  /** Time goes on by so much, for Slack and for what is stored. */
  async function pass(ms: number): Promise<void> {
    skippedMs += ms;
    await workers[0].pool.query(
      `with slots as (
         update rate_slots set free_at = free_at - $1 * interval '1 ms', held_until = held_until - $1 * interval '1 ms')
       update surfaces set next_at = next_at - $1 * interval '1 ms'`,
      [ms],
    );
  }

  function portsOf({ db }: Database) {
    const { log } = recordingLog();
    const tokens = { tokenFor: async () => token, failed: async () => {} };
    const signer = { sign: async (words: string) => `signed ${words}` };
    const budget = rateBudget(db);
    return {
      surfaces: surfaceStore(db),
      runs: runStore(db),
      messenger: slackMessenger({ tokens, apiUrl: fake.apiUrl, responseOrigins: [], signer, budget, log }),
      hash: (content: unknown) => JSON.stringify(content),
      outputOf: () => null,
      promotionOf: async () => null,
      versionsOf: async () => [],
      ...noSweeps,
      resultOf: async () => null,
      charts: noCharts,
      home: async () => ({ content: reply('Home', []), isMoving: false }),
      log,
    };
  }

  /** What two workers do in a second. */
  async function second(): Promise<void> {
    await Promise.all(
      workers.map(async worker => {
        const ports = portsOf(worker);
        const due = await ports.surfaces.due(16);
        await Promise.all(due.map(id => publish(id, ports, () => new Date())));
      }),
    );
    await pass(1_000);
  }

  const unshown = async () =>
    (
      await workers[0].pool.query(
        'select kind, run, failures, error, gave_up from surfaces where wanted_seq > seen_seq or gave_up',
      )
    ).rows;

  /** Seconds until all is shown. */
  async function settle(most: number, each: () => Promise<void> = async () => {}): Promise<number> {
    for (let seconds = 0; seconds < most; seconds++) {
      await each();
      await second();
      if ((await unshown()).length === 0) return seconds;
    }
    assert.deepEqual(await unshown(), [], `not all is shown after ${most} seconds`);
    return most;
  }

  async function ask(count: number, where: readonly string[]): Promise<number[]> {
    const numbers: number[] = [];
    for (let at = 0; at < count; at++) {
      const channel = where[at % where.length] ?? '';
      const place = { kind: 'slack', team, channel, user: developer } as const;
      const { run } = await runStore(workers[0].db).create(wish(`asked-${asked++}`, { place }));
      numbers.push(run.number);
    }
    return numbers;
  }

  const end = (numbers: number[]) =>
    Promise.all(numbers.map(number => runStore(workers[0].db).change(number, stop, new Date(), octocat)));
  const measure = (numbers: number[], step: number) =>
    Promise.all(
      numbers.map(number =>
        runStore(workers[0].db).addPoints(number, 1, [{ name: 'loss', step, value: 1 / step }]),
      ),
    );

  const shownOf = (number: number) =>
    channels
      .flatMap(channel => fake.messages({ channel }))
      .filter(({ text }) => text.includes(`#${number} `));
  const limited = () => fake.calls.filter(({ error }) => error === 'ratelimited').length;
  const edits = () => fake.calls.filter(({ method, error }) => method === 'chat.update' && !error);

  test('sixty runs that end at once, where a tenth of the calls fails: all true, each said once', async () => {
    const numbers = await ask(60, channels);
    fake.faults.share({
      share: 0.1,
      kinds: ['rate-limited', 'lost', 'cut', 'server-error'],
      seed: 7,
    });
    await settle(120);
    await end(numbers);
    await settle(300);
    for (const number of numbers) {
      const shown = shownOf(number);
      const [message, ended] = shown;
      assert.deepEqual(
        shown.map(({ text }) => /was cancelled/.test(text)),
        [true, true],
        `#${number}: ${shown.map(({ text }) => text).join(' | ')}`,
      );
      assert.equal(ended?.thread_ts, message?.ts);
    }
    assert.ok(limited() <= 3, `${limited()} calls were too many`);
  });

  test('while many end, who only makes progress is shown more seldom, and afterwards as often as there is room', async () => {
    const [ending, living] = [await ask(20, channels), await ask(6, channels)];
    await settle(60);
    let step = 0;
    const goOn = () => measure(living, ++step).then(() => {});
    await second();
    await end(ending);
    const before = edits().length;
    const isTrue = () =>
      ending.every(number => shownOf(number).every(({ text }) => /was cancelled/.test(text)));
    for (let seconds = 0; !isTrue(); seconds++) {
      assert.ok(seconds < 45, 'the ends take too long');
      await goOn();
      await second();
    }
    const progress = edits().length - before - ending.length;
    assert.ok(progress <= 5, `${progress} edits of progress went before ends`);
    for (let seconds = 0; seconds < 12; seconds++) {
      await goOn();
      await second();
    }
    assert.ok(edits().length - before - ending.length >= 6, 'progress goes on');
    await settle(120);
    assert.equal(limited(), 0);
  });

  test('a place where Slack asks to wait holds up no other, and nobody asks it meanwhile', async () => {
    await ask(12, [channels[0] ?? '']);
    const [other = 0] = await ask(1, [channels[1] ?? '']);
    await rateBudget(workers[1].db).hold(`slack ${team} post ${channels[0]}`, 10_000);
    for (let seconds = 0; seconds < 3; seconds++) await second();
    assert.equal(shownOf(other).length, 1);
    assert.deepEqual(fake.messages({ channel: channels[0] ?? '' }), []);
    assert.equal(fake.count('chat.postMessage'), 1);
    await settle(40);
    assert.equal(fake.messages({ channel: channels[0] ?? '' }).length, 12);
    assert.equal(limited(), 0);
  });

  test('first what was never shown and ends, then what changed, then progress; an end without a thread waits', async () => {
    const [progress = 0, ends = 0, changes = 0] = await ask(3, channels.slice(0, 1));
    await settle(20);
    const [unseen = 0] = await ask(1, channels.slice(1, 2));
    const [silent = 0] = await ask(1, channels.slice(2));
    await measure([progress, ends, changes], 1);
    await end([ends, silent]);
    const { pool, db } = workers[0];
    await pool.query("update runs set state = 'running' where number = $1", [changes]);
    await pool.query('update surfaces set next_at = now()');
    const due = await surfaceStore(db).due(10);
    const { rows } = await pool.query<{ id: string; what: string }>(
      "select id, kind || ' ' || run as what from surfaces",
    );
    const named = due.map(id => rows.find(row => row.id === id)?.what);
    assert.deepEqual(
      named.slice(0, 4).sort(),
      [`ended ${ends}`, `run ${ends}`, `run ${unseen}`, `run ${silent}`].sort(),
    );
    assert.deepEqual(named.slice(4), [`run ${changes}`, `run ${progress}`]);
  });

  test('a 429 holds its channel for every worker, and is no failure', async () => {
    await ask(8, [channels[0] ?? '']);
    fake.faults.next('chat.postMessage', 'rate-limited');
    await second();
    const { rows } = await workers[0].pool.query(
      `select max(failures) as failures, count(posting_since) as begun,
         (select held_until > 'epoch' from rate_slots where key like '% post %') as held from surfaces`,
    );
    assert.deepEqual(rows, [{ failures: 0, begun: 0, held: true }]);
    await settle(40);
    assert.equal(fake.messages({ channel: channels[0] ?? '' }).length, 8);
    assert.equal(fake.count('conversations.history'), 0, 'nothing was looked for');
  });
});
