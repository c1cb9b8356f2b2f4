import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { publish } from '../../src/app/publish.ts';
import { isMoved } from '../../src/core/actor.ts';
import { MessengerError, type OutgoingMessage } from '../../src/core/ports.ts';
import { type Reply, reply } from '../../src/core/reply.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { noCharts } from '../support/no-charts.ts';
import { noSweeps } from '../support/no-sweeps.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { octocat, wish } from '../support/run.ts';

type Outcome = MessengerError['outcome'];
const stop = { type: 'stop', actor: octocat, why: 'cancel', reason: '' } as const;

describe('where the messages of a run are shown', () => {
  let server: TestServer;
  let database: Database;
  let next = 1;

  before(async () => {
    server = await startServer('embedded');
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
  });
  after(async () => {
    await database?.close();
    await server?.stop();
  });

  /** A run asked for in C1, and a Slack whose channels refuse as told; the person's own is D1. */
  async function town(refusals: Partial<Record<'C1' | 'D1' | 'direct', Outcome>>) {
    const runs = runStore(database.db);
    const surfaces = surfaceStore(database.db);
    const sent: OutgoingMessage[] = [];
    const refuses = { ...refusals };
    const refuse = (where: keyof typeof refusals) => {
      const outcome = refuses[where];
      if (outcome) throw new MessengerError(`${where} refuses`, outcome, 0);
    };
    const { log, lines } = recordingLog();
    const ports = {
      surfaces,
      runs,
      messenger: {
        async send(message: OutgoingMessage) {
          const { place, remote, thread } = message;
          const asked = place.kind === 'slack' ? place.channel : '';
          const channel = remote?.channel ?? thread?.channel ?? asked;
          refuse(channel === 'C1' ? 'C1' : 'D1');
          sent.push(message);
          return { remote: remote ?? { channel, ts: `${sent.length}.1` } };
        },
        find: async () => null,
        home: async () => assert.fail('no Home is open'),
        async direct(place: OutgoingMessage['place']) {
          refuse('direct');
          assert.ok(place.kind === 'slack');
          return { ...place, channel: 'D1', askedIn: place.channel };
        },
      },
      hash: (content: unknown) => JSON.stringify(content),
      outputOf: () => null,
      promotionOf: async () => null,
      versionsOf: async () => [],
      ...noSweeps,
      resultOf: async () => null,
      charts: noCharts,
      home: async () => assert.fail('no Home is open'),
      log,
    };
    const { run } = await runs.create(wish(`message-${next++}`));
    const rows = async () => {
      const ids = await surfaces.ofRun(run.number);
      const found = await database.db.selectFrom('surfaces').selectAll().where('id', 'in', ids).execute();
      return new Map(found.map(row => [row.kind, row]));
    };
    return {
      sent,
      lines,
      refuses,
      /** Says something to whoever asked, as whoever drains a pool is told that it is empty. */
      async tell(content: Reply) {
        const id = await surfaces.addNote(`told-${next++}`, run.place, content);
        await publish(id, ports, () => new Date());
        const found = await database.db.selectFrom('surfaces').selectAll().where('id', '=', id).execute();
        return found[0];
      },
      rows,
      end: () => runs.change(run.number, stop, new Date(), octocat),
      /** Publishes everything of the run that is due now. */
      async show() {
        await database.pool.query('update surfaces set next_at = now() where run = $1', [run.number]);
        for (const id of await surfaces.ofRun(run.number)) await publish(id, ports, () => new Date());
      },
      async notes() {
        const found = await database.db
          .selectFrom('surfaces')
          .selectAll()
          .where('kind', '=', 'note')
          .execute();
        const own = [...(await rows()).values()].map(row => `unseen:${row.id}`);
        return found.filter(row => own.includes(row.key));
      },
    };
  }

  const channelOf = ({ place }: OutgoingMessage) => (place.kind === 'slack' ? place.channel : null);

  test('where it was asked, its end in its thread', async () => {
    const one = await town({});
    await one.show();
    await one.end();
    await one.show();
    await one.show();
    assert.deepEqual(one.sent.map(channelOf), ['C1', 'C1', 'C1']);
    assert.deepEqual(one.sent.map(message => message.thread).filter(Boolean), [{ channel: 'C1', ts: '1.1' }]);
    assert.ok(one.sent.every(message => !isMoved(message.place)));
  });

  test('a channel that cannot show it: to the person who asked, at once, with the end in that thread', async () => {
    const one = await town({ C1: 'elsewhere' });
    await one.show();
    assert.deepEqual(
      one.sent.map(({ place }) => place),
      [{ kind: 'slack', team: 'T1', channel: 'D1', user: 'U1', askedIn: 'C1' }],
    );
    const row = (await one.rows()).get('run');
    assert.deepEqual([row?.remote, row?.gave_up], [{ channel: 'D1', ts: '1.1' }, false]);
    await one.end();
    await one.show();
    await one.show();
    const ended = one.sent.find(message => message.thread);
    assert.deepEqual(ended?.thread, { channel: 'D1', ts: '1.1' });
    assert.deepEqual(await one.notes(), []);
  });

  test('a channel that was archived since: the end comes to the person alone', async () => {
    const one = await town({});
    await one.show();
    one.refuses.C1 = 'elsewhere';
    await one.end();
    await one.show();
    await one.show();
    const rows = await one.rows();
    assert.equal(rows.get('run')?.gave_up, true, 'what is there can no longer be edited');
    assert.deepEqual(rows.get('ended')?.remote, { channel: 'D1', ts: '2.1' });
    assert.deepEqual(
      one.sent.slice(1).map(message => [channelOf(message), message.thread]),
      [['D1', null]],
    );
  });

  const notices: [name: string, refusals: Parameters<typeof town>[0], shown: string[], gaveUp: boolean][] = [
    ['in its place', {}, ['C1'], false],
    ['a place that cannot show it: to the person', { C1: 'elsewhere' }, ['D1'], false],
    ['a place that is gone for good: given up', { C1: 'gone' }, [], true],
    ['the person has left: given up', { C1: 'elsewhere', direct: 'left' }, [], true],
    ['nor can their own show it: given up', { C1: 'elsewhere', D1: 'elsewhere' }, [], true],
    ['Slack is busy: later', { C1: 'elsewhere', direct: 'retry' }, [], false],
  ];
  for (const [name, refusals, shown, gaveUp] of notices)
    test(`what is said to one person: ${name}`, async () => {
      const one = await town(refusals);
      const row = await one.tell(reply('Pool lab is empty: its last run has ended.'));
      assert.deepEqual(one.sent.map(channelOf), shown);
      assert.equal(row?.gave_up, gaveUp);
    });

  const unreached: [name: string, refusals: Parameters<typeof town>[0], warns: boolean, notes: number][] = [
    ['the person has left', { C1: 'elsewhere', direct: 'left' }, false, 0],
    ['the person may not be written to', { C1: 'elsewhere', direct: 'gone' }, true, 1],
    ['nor is there a way in their own', { C1: 'elsewhere', D1: 'elsewhere' }, true, 1],
    ['the place refuses for good', { C1: 'gone' }, true, 1],
  ];
  for (const [name, refusals, warns, notes] of unreached)
    test(`given up, and its end with it: ${name}`, async () => {
      const one = await town(refusals);
      await one.show();
      const row = (await one.rows()).get('run');
      assert.equal(row?.gave_up, true);
      assert.match(row?.error ?? '', /refuses/);
      assert.equal(
        one.lines.some(([level]) => level === 'warn'),
        warns,
      );
      assert.equal((await one.notes()).length, notes);
      await one.end();
      await one.show();
      assert.equal((await one.rows()).get('ended')?.gave_up, true);
      assert.deepEqual(one.sent, []);
    });

  test('Slack is busy when the person is looked for: later, and not lost', async () => {
    const one = await town({ C1: 'elsewhere', direct: 'retry' });
    await one.show();
    assert.deepEqual([(await one.rows()).get('run')?.gave_up, one.sent.length], [false, 0]);
    delete one.refuses.direct;
    await one.show();
    assert.deepEqual(one.sent.map(channelOf), ['D1']);
  });

  test('the end waits for the message, however long, and does not count that as failures', async () => {
    const one = await town({ C1: 'retry' });
    await one.end();
    for (let i = 0; i < 20; i += 1) await one.show();
    assert.equal((await one.rows()).get('ended')?.failures, 0);
    delete one.refuses.C1;
    await one.show();
    await one.show();
    assert.deepEqual(
      one.sent.map(message => message.thread),
      [null, { channel: 'C1', ts: '1.1' }],
    );
  });
});
