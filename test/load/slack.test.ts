import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { installationStore } from '../../src/adapters/postgres/installations.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { tokenStore } from '../../src/adapters/postgres/tokens.ts';
import { serve } from '../e2e/process.ts';
import type { Delivery } from '../fakes/slack/deliver.ts';
import { usualScopes } from '../fakes/slack/seed.ts';
import { startServer } from '../support/postgres.ts';
import { random } from '../support/random.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { exitOf, startAgent } from './agent.ts';
import { idsOf, openTown, signingSecret } from './town.ts';

const whole = process.env.SIGNALBOX_LOAD === 'whole';
/** Of these a fifth are repeats of one that was sent before, byte for byte. */
const commands = whole ? 10_000 : 500;
const perSecond = 200;
const repeated = 0.2;
/** Slack takes 50 edits a minute in each. */
const workspaces = whole ? 100 : 20;
const slots = 1_000;
const patienceMs = whole ? 1_500_000 : 240_000;

const policy = `
teams: { research: {} }
pools: { local: { slots: ${slots}, accelerators: none } }
projects: { quick: { team: research, source: ./project, command: [run] } }
`;

/** Web, two workers, real servers, and many workspaces whose calls fail one time in ten. */
async function openHouse(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-load-'));
  mkdirSync(join(folder, 'project'));
  writeFileSync(join(folder, 'project', 'run'), '');
  writeFileSync(join(folder, 'signalbox.yml'), policy);
  const closes: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  t.after(async () => {
    for (const close of closes.reverse()) await close();
  });
  const server = await startServer();
  closes.push(server.stop);
  const redis = noRedis ? null : await startRedis();
  if (redis) closes.push(redis.close);
  const town = await openTown(workspaces);
  closes.push(town.close);
  town.faults.share({ share: 0.1, kinds: ['rate-limited', 'silent', 'silent-after'] });

  const databaseUrl = await server.database();
  const database = openDatabase(databaseUrl, { max: 2, onError: () => {} });
  closes.push(database.close);
  await migrate(database.pool);
  const key = randomBytes(32);
  const installations = installationStore(database.db, [key]);
  for (let i = 0; i < workspaces; i += 1) {
    const { team, user, bot, token } = idsOf(i);
    const who = { team, enterprise: null, name: team, botToken: token, botUser: bot };
    await installations.save({ ...who, scopes: [...usualScopes], installedBy: user }, new Date());
  }
  const { secret } = await tokenStore(database.db).create(
    { name: 'agent', scopes: ['agent'], pool: 'local' },
    new Date(),
  );
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis?.url,
    SIGNALBOX_CONFIG: join(folder, 'signalbox.yml'),
    SIGNALBOX_DATA: join(folder, 'data'),
    SIGNALBOX_SECRET_KEY: key.toString('base64'),
    SLACK_SIGNING_SECRET: signingSecret,
    SLACK_CLIENT_ID: '1.1',
    SLACK_CLIENT_SECRET: 'client-secret',
    SLACK_API_URL: town.apiUrl,
    LOG_LEVEL: 'info',
  };
  const web = await serve(['--role', 'web'], environment);
  closes.push(web.stop);
  for (let i = 0; i < 2; i += 1) closes.push((await serve(['--role', 'worker'], environment)).stop);
  town.sendTo(`${web.url}/slack/events`);
  closes.push(startAgent(web.url, secret, 'local', slots).stop);
  return { town, database };
}

type House = Awaited<ReturnType<typeof openHouse>>;

/** At a constant rate, whatever the answers do. Answers with how many were sent for the first time, and what was not acknowledged. */
async function sendAll({ town }: House): Promise<{ first: number; refused: unknown[] }> {
  const chance = random(7);
  const sent: Delivery[] = [];
  const refused: unknown[] = [];
  const acks: Promise<void>[] = [];
  let first = 0;
  const startedAt = performance.now();
  for (let i = 0; i < commands; i += 1) {
    await pause(startedAt + (i * 1_000) / perSecond - performance.now());
    const before =
      sent.length > 0 && chance.chance(repeated) ? sent[chance.int(0, sent.length - 1)] : undefined;
    if (before) {
      acks.push(town.replay(before).then(ack => void (ack.status === 200 || refused.push(ack))));
      continue;
    }
    const { team, user, channels } = idsOf(first % workspaces);
    const channel = channels[chance.int(0, channels.length - 1)] ?? '';
    first += 1;
    const said = town.slash({ team, user, channel, command: '/train', text: 'quick' });
    acks.push(
      said.then(({ delivery }) => {
        if (delivery.ack.status === 200) sent.push(delivery);
        else refused.push(delivery.ack);
      }),
    );
  }
  await Promise.all(acks);
  return { first, refused };
}

/** Until everything is shown, or nothing has changed for long. */
async function settle({ database }: House, t: TestContext): Promise<void> {
  const until = performance.now() + patienceMs;
  for (let looks = 0; performance.now() < until; looks += 1) {
    const { rows } = await database.pool.query<{ deliveries: number; runs: number; surfaces: number }>(`select
      (select count(*)::int from deliveries where done_at is null) as deliveries,
      (select count(*)::int from runs where ended_at is null) as runs,
      (select count(*)::int from surfaces where wanted_seq > seen_seq and not gave_up) as surfaces`);
    const open = rows[0];
    if (open && open.deliveries + open.runs + open.surfaces === 0) return;
    if (looks % 20 === 0) t.diagnostic(`still open: ${JSON.stringify(open)}`);
    await pause(1_000);
  }
}

test(`${commands} signed commands at ${perSecond} a second, a fifth of them repeats, over a Slack that fails one call in ten`, {
  timeout: patienceMs + 300_000,
}, async t => {
  const house = await openHouse(t);
  const { town, database } = house;
  const { first, refused } = await sendAll(house);
  assert.deepEqual(refused, [], 'every command is acknowledged');
  const startedAt = performance.now();
  await settle(house, t);
  t.diagnostic(
    `${first} runs; all true ${((performance.now() - startedAt) / 1_000).toFixed(0)} s after the last command`,
  );

  const { rows: runs } = await database.pool.query<{ number: number; state: string; channel: string }>(
    "select number::int, state, place ->> 'channel' as channel from runs order by number",
  );
  assert.equal(runs.length, first, 'a repeat makes no run');
  const wrong = runs.filter(({ number, state }) => state !== exitOf(number).state);
  assert.deepEqual(wrong, [], 'every run ended as it should');

  const shown = new Map<string, string[]>();
  for (let i = 0; i < workspaces; i += 1) {
    const { team, channels } = idsOf(i);
    for (const channel of channels)
      for (const { text, thread_ts, ts } of town.messages({ team, channel })) {
        const number = /#(\d+) /.exec(text)?.[1];
        const where = thread_ts === undefined || thread_ts === ts ? 'message' : 'thread';
        const id = `${where} of ${number} in ${channel}`;
        shown.set(id, [...(shown.get(id) ?? []), text]);
      }
  }
  const untrue = runs.flatMap(({ number, channel, state }) =>
    ['message', 'thread'].flatMap(where => {
      const texts = shown.get(`${where} of ${number} in ${channel}`) ?? [];
      return texts.length === 1 && texts[0]?.includes(state) ? [] : [{ number, where, state, texts }];
    }),
  );
  assert.deepEqual(untrue, [], 'each run has one message and one end, and both are true');
  assert.equal(shown.size, runs.length * 2, 'and there is nothing else');
});
