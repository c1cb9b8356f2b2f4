import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { chartPictures } from '../../../src/adapters/charts/charts.ts';
import { slackMessenger } from '../../../src/adapters/slack/messenger.ts';
import type { Place } from '../../../src/core/actor.ts';
import type { Chart } from '../../../src/core/chart.ts';
import type { OutgoingMessage, PicturePort } from '../../../src/core/ports.ts';
import { type ReplyBlock, reply } from '../../../src/core/reply.ts';
import { recordingLog } from '../../adapters/slack/support.ts';
import { charts, usual } from '../../support/charts.ts';
import { handClock } from './clock.ts';
import { channel, developer, elsewhere, type FakeSlack, openFake, team, token } from './fixture.ts';

const place: Place = { kind: 'slack', team, channel, user: developer };

function messengerOf(fake: FakeSlack, pictures?: PicturePort, as = token) {
  const { log, lines } = recordingLog();
  const tokens = { tokenFor: async () => as, failed: async () => {} };
  const signer = { sign: async (words: string) => words };
  const made = slackMessenger({
    ...{ tokens, signer, log, pictures, apiUrl: fake.apiUrl },
    responseOrigins: [fake.url],
  });
  return { ...made, lines };
}

function message(shown: Chart[], more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const blocks = shown.map((chart): ReplyBlock => ({ kind: 'chart', ...chart }));
  const content = reply('#42 digits has succeeded', blocks, { audience: 'place' });
  return { place, content, nonce: 'nonce-1', remote: null, thread: null, ...more };
}

type Posted = { ts: string; blocks?: { type: string }[]; files?: { title: string }[]; thread_ts?: string };
const shownSchema = z.object({
  blocks: z.array(
    z.object({
      chart: z
        .object({
          series: z.array(z.object({ name: z.string(), data: z.array(z.object({ value: z.number() })) })),
          axis_config: z.object({ categories: z.array(z.string()) }),
        })
        .optional(),
    }),
  ),
});
const typesOf = (posted: unknown) => (posted as Posted).blocks?.map(({ type }) => type);

describe('charts where the workspace knows them', () => {
  for (const [name, chart] of Object.entries(charts))
    test(`${name}: is taken as it is`, async t => {
      const fake = await openFake({ charts: true });
      t.after(() => fake.close());
      const { send, lines } = messengerOf(fake);
      await send(message([chart]));
      const types = typesOf(fake.messages({ channel }).at(-1));
      const drawn = name !== 'one-point' && name !== 'none';
      assert.equal(types?.includes('data_visualization'), drawn);
      assert.deepEqual(lines, []);
    });

  test('two are drawn, a third is a table', async t => {
    const fake = await openFake({ charts: true });
    t.after(() => fake.close());
    await messengerOf(fake).send(message([usual, usual, usual]));
    assert.deepEqual(typesOf(fake.messages({ channel }).at(-1)), [
      ...['rich_text', 'data_visualization', 'rich_text', 'data_visualization', 'rich_text', 'table'],
    ]);
  });

  test('twenty places from the first to the last point, each series with a value at each', async t => {
    const fake = await openFake({ charts: true });
    t.after(() => fake.close());
    await messengerOf(fake).send(message([usual]));
    const { blocks } = shownSchema.parse(fake.messages({ channel }).at(-1));
    const [chart] = blocks.flatMap(one => one.chart ?? []);
    assert.ok(chart);
    const { series, axis_config } = chart;
    const { categories } = axis_config;
    assert.deepEqual([categories.length, categories[0], categories.at(-1)], [20, '0', '59']);
    assert.deepEqual(
      series.map(({ name }) => name),
      ['#42', '#38 (main)'],
    );
    assert.equal(series[0]?.data.at(-1)?.value, usual.series[0]?.points.at(-1)?.y);
  });
});

describe('charts where the workspace does not', () => {
  async function opened(t: { after(work: () => unknown): void }) {
    const clock = handClock();
    const fake = await openFake({}, clock);
    const pictures = chartPictures();
    t.after(() => Promise.all([fake.close(), pictures.close()]));
    return { fake, clock, pictures };
  }

  test('a table, and the picture in the thread some moments later', async t => {
    const { fake, clock, pictures } = await opened(t);
    const { send } = messengerOf(fake, pictures);
    const { remote } = await send(message([usual]));
    assert.deepEqual(typesOf(fake.messages({ channel }).at(-1)), ['rich_text', 'table']);
    assert.equal(fake.files().length, 1);
    clock.advance(1_000);
    const inThread = fake
      .messages({ channel })
      .map(one => one as unknown as Posted)
      .filter(one => one.thread_ts === remote?.ts && one.files);
    assert.deepEqual(
      inThread.map(({ files }) => files?.[0]?.title),
      [usual.title],
    );
    const [file] = fake.files();
    assert.equal(
      Buffer.from(file?.bytes ?? [])
        .subarray(1, 4)
        .toString(),
      'PNG',
    );

    // An edit brings no second picture, and the workspace is not asked again what it does not know.
    const { send: again, lines } = messengerOf(fake, pictures);
    await again(message([usual], { remote }));
    assert.equal(fake.files().length, 1);
    assert.equal(lines.filter(([, , said]) => said === 'slack refused the blocks of a message').length, 1);
    await again(message([usual], { remote }));
    assert.equal(lines.filter(([, , said]) => said === 'slack refused the blocks of a message').length, 1);
  });

  const refusals: [name: string, how: (fake: FakeSlack) => { as?: string; where?: Place }][] = [
    ['the app may not upload', () => ({ as: 'xoxb-narrow' })],
    ['the bot is not in the channel', () => ({ where: { ...place, channel: elsewhere } })],
    [
      'the upload fails',
      fake => {
        fake.faults.next('upload', 'cut');
        return {};
      },
    ],
  ];
  for (const [name, how] of refusals)
    test(`${name}: the table stands, and nothing is tried again`, async t => {
      const { fake, pictures } = await opened(t);
      const { as, where = place } = how(fake);
      const { send, lines } = messengerOf(fake, pictures, as);
      const { remote } = await send(message([usual], { place: where }));
      assert.ok(remote);
      assert.ok(lines.some(([, , said]) => said === 'a picture could not be shared'));
      const { channel: posted } = remote;
      assert.deepEqual(typesOf(fake.messages({ channel: posted }).at(-1)), ['rich_text', 'table']);
    });

  test('for one person alone a table is all', async t => {
    const { fake, pictures } = await opened(t);
    const asked = message([usual]);
    await messengerOf(fake, pictures).send({ ...asked, content: { ...asked.content, audience: 'sender' } });
    assert.equal(fake.files().length, 0);
    assert.equal(fake.ephemerals({ channel, user: developer }).length, 1);
  });

  test('without anything that draws a table is all', async t => {
    const { fake } = await opened(t);
    await messengerOf(fake).send(message([usual]));
    assert.deepEqual([fake.files().length, fake.messages({ channel }).length > 0], [0, true]);
  });
});
