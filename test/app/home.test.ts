import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { agentStore } from '../../src/adapters/postgres/agents.ts';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { elevationStore } from '../../src/adapters/postgres/elevations.ts';
import { groupStore } from '../../src/adapters/postgres/groups.ts';
import { linkStore } from '../../src/adapters/postgres/links.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { homeOf } from '../../src/app/home.ts';
import { publish } from '../../src/app/publish.ts';
import type { SlackPlace } from '../../src/core/actor.ts';
import { MessengerError } from '../../src/core/ports.ts';
import type { Policy } from '../../src/core/project.ts';
import { plain, type Reply, reply } from '../../src/core/reply.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { noon } from '../support/live-run.ts';
import { policy } from '../support/memory-ports.ts';
import { noCharts } from '../support/no-charts.ts';
import { noSweeps } from '../support/no-sweeps.ts';
import { startOf } from '../support/plan.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';

const place: SlackPlace = { kind: 'slack', team: 'T1', channel: 'U1', user: 'U1' };
const named = { name: 'octocat', role: 'trainer' as const, teams: [] };
const hubot = { kind: 'slack', id: 'T1/U2', name: 'hubot' } as const;

describe('homes in the store', () => {
  let server: TestServer;
  let database: Database;

  before(async () => {
    server = await startServer('embedded');
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
  });
  after(async () => {
    await database?.close();
    await server?.stop();
  });

  const depsWith = (policy: Policy) => ({
    commands,
    policy,
    runs: runStore(database.db),
    plan: planStore(database.db, ['local']),
    links: linkStore(database.db),
    groups: groupStore(database.db),
    elevations: elevationStore(database.db),
  });

  const textOf = ({ blocks }: Reply) =>
    blocks
      .map(block => {
        if (block.kind === 'text' || block.kind === 'context') return plain(block.text);
        if (block.kind === 'list') return block.items.map(plain).join('\n');
        if (block.kind === 'fields')
          return block.rows.map(row => `${row.label}: ${plain(row.value)}`).join('\n');
        return block.kind === 'heading' ? block.text : '';
      })
      .join('\n');

  test('places in the queue are those that the store counts; own runs and those of others are kept apart', async () => {
    const runs = runStore(database.db);
    const accelerator = {
      node: 'n',
      model: 'x86_64',
      resource: 'cpu',
      device: null,
      memoryMb: 0,
      healthy: true,
    };
    await agentStore(database.db).seen('local', [{ ...accelerator, kind: 'cpu', index: 0 }], noon);
    const at = (minute: number) => ({ at: new Date(noon.getTime() + minute * 60_000) });
    await runs.create(wish('home-1', { ...at(1), requestedBy: hubot }));
    const { run: own } = await runs.create(wish('home-2', at(2)));
    const { run: gpu } = await runs.create(wish('home-3', at(3), { gpus: 1 }));
    await runs.create(wish('home-4', { ...at(4), requestedBy: hubot, priority: 'high' }));
    assert.deepEqual([await runs.ahead(own), await runs.ahead(gpu)], [2, 0]);
    const said = textOf((await homeOf(place, depsWith(policy), noon)).content);
    assert.match(said, /local: 1\u00a0of\u00a01\u00a0CPU\u00a0slot\n/);
    assert.match(
      said,
      /#2 digits is queued\n2 runs are before it .*\n\n#3 digits is queued\nIt is the first/,
    );
    assert.match(said, /Others in the queue\n#4 .*priority high, asked by hubot\n#1 /);
  });

  const accounts: [name: string, changes: Partial<typeof policy>, isOwn: boolean][] = [
    [
      'of an account that signalbox.yml names too',
      { people: [{ ...named, slack: ['T1/U1', 'T2/U7'] }] },
      true,
    ],
    ['of an account that it names for somebody else', { people: [{ ...named, slack: ['T2/U7'] }] }, false],
  ];
  for (const [name, changes, isOwn] of accounts)
    test(`runs ${name} are ${isOwn ? 'own ones' : 'those of others'}`, async () => {
      const runs = runStore(database.db);
      const other = { kind: 'slack', id: 'T2/U7', name: 'octocat' } as const;
      const { run } = await runs.create(wish(`home-account-${isOwn}`, { requestedBy: other }));
      const { content } = await homeOf(place, depsWith({ ...policy, ...changes }), noon);
      const [own = '', others = ''] = textOf(content).split('Others in the queue');
      assert.equal(own.includes(`#${run.number} digits`), isOwn);
      assert.equal(others.includes(`#${run.number} `), !isOwn);
      await runs.change(run.number, { type: 'stop', actor: other, why: 'cancel', reason: '' }, noon, other);
      const after = textOf((await homeOf(place, depsWith({ ...policy, ...changes }), noon)).content);
      assert.equal(after.includes(`#${run.number} digits was cancelled`), isOwn);
    });

  test('a run that works makes it move, one that waits does not', async () => {
    const runs = runStore(database.db);
    const { isMoving } = await homeOf(place, depsWith(policy), noon);
    const mine = await runs.list({ requesters: ['slack:T1/U1'], states: ['queued'], limit: 1 });
    const number = mine[0]?.number ?? 0;
    const plans = planStore(database.db, ['local']);
    const start = startOf(number, 'local');
    assert.ok(await plans.commit(await plans.snapshot(noon), [start], noon));
    assert.deepEqual([isMoving, (await homeOf(place, depsWith(policy), noon)).isMoving], [false, true]);
  });

  const outcomes: [outcome: MessengerError['outcome'], gaveUp: boolean][] = [
    ['left', true],
    ['gone', true],
    ['elsewhere', true],
    ['retry', false],
  ];
  for (const [outcome, gaveUp] of outcomes)
    test(`Slack refuses it (${outcome}): ${gaveUp ? 'given up quietly' : 'tried again'}`, async () => {
      const surfaces = surfaceStore(database.db);
      const { log, lines } = recordingLog();
      const fail = async () => {
        throw new MessengerError('refused', outcome, 0);
      };
      const ports = {
        surfaces,
        runs: runStore(database.db),
        messenger: { send: fail, find: async () => null, direct: fail, home: fail },
        hash: (content: unknown) => JSON.stringify(content),
        outputOf: () => null,
        promotionOf: async () => null,
        versionsOf: async () => [],
        ...noSweeps,
        resultOf: async () => null,
        charts: noCharts,
        home: async () => ({ content: reply('nothing'), isMoving: false }),
        log,
      };
      const id = await surfaces.openHome({ ...place, user: `U${outcome}` }, true);
      await publish(id, ports, () => noon);
      const row = await database.db
        .selectFrom('surfaces')
        .select(['gave_up', 'failures'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      assert.deepEqual([row.gave_up, row.failures], [gaveUp, gaveUp ? 0 : 1]);
      assert.ok(lines.every(([level]) => level === 'info'));
      await surfaces.openHome({ ...place, user: `U${outcome}` }, true);
      assert.ok((await surfaces.claim(id)) !== null, 'whoever opens it has it tried again');
    });

  test('what is written down late, after Slack forgot what it showed, does not count', async () => {
    const surfaces = surfaceStore(database.db);
    const where = { ...place, user: 'Ulate' };
    const id = await surfaces.openHome(where, true);
    const first = await surfaces.claim(id);
    assert.ok(first);
    await surfaces.openHome(where, true);
    await surfaces.shown(first, 'hash', { channel: 'Ulate', ts: 'V1' }, 10_000);
    const again = await surfaces.claim(id);
    assert.equal(again?.shownHash, null);
  });
});
