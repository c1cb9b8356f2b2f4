import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { signer } from '../../src/adapters/postgres/signer.ts';
import { chartPage } from '../../src/app/chart-page.ts';
import { system } from '../../src/core/actor.ts';
import { start } from '../adapters/http/fixture.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { developer } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openTown } from './town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

type Town = Awaited<ReturnType<typeof openTown>>;

/** Asked for, on a machine, measured. */
async function measured(one: Town, number: number, best: number): Promise<void> {
  await one.ask();
  await one.database.pool.query(
    `update runs set spec = jsonb_set(spec::jsonb, '{primaryMetric}', '"val_auc"')::json where number = $1`,
    [number],
  );
  await one.works(number);
  const points = Array.from({ length: 40 }, (_, step) => ({
    name: 'val_auc',
    step,
    value: best - 0.5 / (step + 1),
  }));
  await one.runs.addPoints(number, 1, points);
}

async function ends(one: Town, number: number): Promise<void> {
  const at = new Date();
  const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at };
  await one.runs.change(number, { type: 'exited', attempt: 1, exit }, at, system);
  await one.show();
  await one.show();
}

describe('the curve of a run in Slack', () => {
  async function twoRuns(t: TestContext, charts: boolean) {
    const one = await openTown(t, server);
    one.fake.world.app.charts = charts;
    await measured(one, 1, 0.9);
    await ends(one, 1);
    await measured(one, 2, 0.95);
    await one.show();
    return one;
  }

  test('a line while it runs; when it has ended a chart in its thread, with the run before it behind', async t => {
    const one = await twoRuns(t, true);
    const going = JSON.stringify(one.shown().find(({ text }) => text.includes('#2')));
    assert.match(going, /Curve of val_auc: .*[▁▂▃▄▅▆▇█]{16}/);
    await ends(one, 2);
    const own = one
      .shown()
      .find(({ text, ts, thread_ts }) => text.includes('#2') && (thread_ts ?? ts) === ts);
    const ended = one.shown().find(({ ts, thread_ts }) => thread_ts === own?.ts && ts !== own?.ts);
    const said = JSON.stringify(ended?.blocks);
    assert.match(said, /"type":"data_visualization","title":"val_auc of #2 beside #1/);
    assert.match(said, /last and best 0\.9375 at step 39/);
    assert.doesNotMatch(JSON.stringify(own), /Curve of/);
  });

  test('where Slack does not know charts, a table and a picture', async t => {
    const one = await twoRuns(t, false);
    await ends(one, 2);
    const files = one.fake.files();
    assert.deepEqual(
      files.map(({ title }) => title.split(' beside')[0]),
      ['val_auc of #1', 'val_auc of #2'],
    );
    assert.equal(
      Buffer.from(files[0]?.bytes ?? [])
        .subarray(1, 4)
        .toString(),
      'PNG',
    );
    await one.show();
    assert.equal(one.fake.files().length, 2);
  });

  test('by a command, with addresses that show it', async t => {
    const one = await twoRuns(t, true);
    await one.say(developer, '/train', 'chart 2');
    assert.deepEqual(one.whispers().slice(-1), ['ℹ️ val_auc of #2 beside #1 on main.']);
    await one.say(developer, '/train', 'chart 2 val_acu');
    assert.match(one.whispers().at(-1) ?? '', /Run #2 has no curve of `?val_acu/);

    const { db } = one.database;
    const run = await one.runs.get(2);
    assert.ok(run);
    const links = await one.charts.pictures(run, 'val_auc', new Date());
    const page = chartPage({
      ...{ runs: one.runs, charts: one.charts, pictures: one.pictures },
      ...{ signer: signer(db), clock: () => new Date(), log: recordingLog().log },
    });
    const { ask } = await start(t, { pages: [page] });
    const path = new URL(links?.dark ?? '').pathname;
    const png = await ask('GET', path, { token: null });
    assert.deepEqual([png.status, png.headers.get('content-type')], [200, 'image/png']);
    assert.equal(png.headers.get('cache-control'), 'public, max-age=10');
    assert.equal(
      Buffer.from(await png.arrayBuffer())
        .subarray(1, 4)
        .toString(),
      'PNG',
    );
    const svg = await ask('GET', path.replace(/png$/, 'svg'), { token: null });
    assert.match(await svg.text(), /^<svg role="img" aria-label="val_auc of #2 beside #1 on main\. #2, /);

    const [words, mac] = path.slice('/charts/'.length, -'.png'.length).split('.');
    for (const file of [
      `${words}.${mac?.replace(/^./, one => (one === 'A' ? 'B' : 'A'))}.png`,
      `${words}.png`,
      'x',
    ]) {
      const wrong = await ask('GET', `/charts/${file}`, { token: null });
      assert.deepEqual([wrong.status, await wrong.text()], [404, 'There is no such picture.\n']);
      assert.equal(wrong.headers.get('cache-control'), 'no-store');
    }
  });
});
