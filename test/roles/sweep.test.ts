import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { sweepStore } from '../../src/adapters/postgres/sweeps.ts';
import { tendSweeps } from '../../src/app/tend-sweeps.ts';
import { system } from '../../src/core/actor.ts';
import type { Exit } from '../../src/core/run.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { developer, operator } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openGitHubTown } from './github-town.ts';
import { openTown } from './town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

type Town = Pick<Awaited<ReturnType<typeof openTown>>, 'database' | 'runs' | 'show'>;

/** What the sweep of a worker does, as if its pause were over. */
async function tend({ database: { db, pool }, show }: Town) {
  await pool.query('update sweeps set next_at = now()');
  const { log } = recordingLog();
  const ports = { sweeps: sweepStore(db), runs: runStore(db), wakeups: { wake: () => {} }, log };
  await tendSweeps(ports, new Date());
  await show();
}

async function works({ runs }: Town, number: number, value: number, exit?: Partial<Exit>) {
  const at = new Date();
  const end = { code: 0, signal: null, stopped: null, failure: null, lines: [], at };
  await runs.change(number, { type: 'start', actor: system, reason: '' }, at, system);
  await runs.change(number, { type: 'running', attempt: 1, at }, at, system);
  await runs.addPoints(number, 1, [{ name: 'val_auc', step: 1, value }]);
  if (exit) await runs.change(number, { type: 'exited', attempt: 1, exit: { ...end, ...exit } }, at, system);
}

const asks = 'digits --sweep lr=0.1,0.2,0.3';

describe('in Slack', () => {
  test('a sweep is one message, with a table that fills, and its end is told once', async t => {
    const one = await openTown(t, server);
    await one.say(developer, '/train', asks);
    const inThread = (wanted: boolean) =>
      one.shown().filter(({ ts, thread_ts }) => (thread_ts !== undefined && thread_ts !== ts) === wanted);
    const titles = () => inThread(false).map(message => message.text);
    assert.deepEqual(titles(), ['⏳ S1 digits: 0 of 3 runs succeeded, 3 wait']);
    const ts = one.shown()[0]?.ts ?? '';
    await works(one, 1, 0.9, {});
    await works(one, 2, 0.5);
    await tend(one);
    assert.deepEqual(titles(), ['⚙️ S1 digits: 1 of 3 runs succeeded, 1 at work, 1 waits']);
    await works(one, 3, 0.1, { code: 1 });
    await one.runs.change(
      2,
      {
        type: 'exited',
        attempt: 1,
        exit: { code: 0, signal: null, stopped: null, failure: null, lines: [], at: new Date() },
      },
      new Date(),
      system,
    );
    await tend(one);
    await tend(one);
    const ended = '✅ S1 digits has ended: 2 of 3 runs succeeded';
    assert.deepEqual(titles(), [ended]);
    assert.equal(one.shown()[0]?.ts, ts, 'it is the same message');
    assert.deepEqual(
      inThread(true).map(message => [message.text, message.thread_ts]),
      [[ended, ts]],
    );
  });

  test('its button stops all of it, for whoever may', async t => {
    const one = await openTown(t, server);
    await one.say(developer, '/train', asks);
    const ts = one.shown()[0]?.ts ?? '';
    await one.press('sweep-cancel:1', { ts, user: operator });
    assert.deepEqual(await one.refusals(), ['ACCESS_DENIED']);
    assert.equal((await one.runs.get(1))?.state, 'queued');
    await one.press('sweep-cancel:1', { ts });
    const states = await Promise.all([1, 2, 3].map(async number => (await one.runs.get(number))?.state));
    assert.deepEqual(states, ['cancelled', 'cancelled', 'cancelled']);
    await tend(one);
    const cancelled = 'ℹ️ S1 digits was cancelled: none of 3 runs succeeded';
    assert.deepEqual(
      one.shown().map(message => message.text),
      [cancelled, cancelled],
      'the message, and its end in the thread',
    );
  });

  test('one that is not there', async t => {
    const one = await openTown(t, server);
    await one.say(developer, '/train', 'status S1');
    assert.deepEqual(one.whispers(), ['❌ There is no sweep S1.']);
  });
});

test('at a pull request a sweep is one comment, however often it is told', async t => {
  const town = await openGitHubTown(t, server);
  await town.repo.comment('octocat', town.pull, `/train ${asks} --ref ${town.sha}`);
  await town.work({ twice: true });
  await town.work();
  const { rows } = await town.database.pool.query('select count(*)::int as count from runs');
  assert.equal(rows[0].count, 3);
  const said = () => town.answers().map(body => body.split('\n')[0]);
  assert.deepEqual(said(), ['#### ⏳ S1 digits: 0 of 3 runs succeeded, 3 wait']);
  for (const number of [1, 2, 3]) await works(town, number, 0.5, {});
  await tend(town);
  await tend(town);
  assert.deepEqual(said(), ['#### ✅ S1 digits has ended: 3 of 3 runs succeeded']);
  const surfaces = await town.database.pool.query(
    "select distinct kind from surfaces where kind <> 'reaction' order by kind",
  );
  assert.deepEqual(
    surfaces.rows.map(row => row.kind),
    ['summary', 'sweep'],
    'besides, the one check that sums up the commit, and none for each run',
  );
});
