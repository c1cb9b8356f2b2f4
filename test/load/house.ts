import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { installationStore } from '../../src/adapters/postgres/installations.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { tokenStore } from '../../src/adapters/postgres/tokens.ts';
import { serve } from '../e2e/process.ts';
import { usualScopes } from '../fakes/slack/seed.ts';
import { startServer } from '../support/postgres.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { exitOf, startAgent } from './agent.ts';
import { idsOf, openTown, signingSecret } from './town.ts';

const slots = 1_000;

const policy = `
teams: { research: {} }
pools: { local: { slots: ${slots}, accelerators: none } }
projects: { quick: { team: research, source: ./project, command: [run] } }
`;

/** Web, two workers, real servers, and many workspaces. */
export async function openHouse(t: TestContext, workspaces: number) {
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
  const agent = startAgent(web.url, secret, 'local', slots);
  closes.push(agent.stop);
  return { town, workspaces, database, agent };
}

export type House = Awaited<ReturnType<typeof openHouse>>;

export interface Open {
  deliveries: number;
  starting: number;
  runs: number;
  surfaces: number;
}

/** Looks at what is left to do once a second, until that is enough; says how long it took, in seconds. Throws when it does not come to that. */
export async function untilOpen(
  { database }: House,
  t: TestContext,
  limitMs: number,
  enough: (open: Open) => boolean,
): Promise<number> {
  const startedAt = performance.now();
  for (let looks = 0; ; looks += 1) {
    const { rows } = await database.pool.query<Open>(`select
      (select count(*)::int from deliveries where done_at is null) as deliveries,
      (select count(*)::int from runs where ended_at is null and state <> 'running') as starting,
      (select count(*)::int from runs where ended_at is null) as runs,
      (select count(*)::int from surfaces where wanted_seq > seen_seq and not gave_up) as surfaces`);
    const [open] = rows;
    const ms = performance.now() - startedAt;
    if (open && enough(open)) return Math.round(ms / 1_000);
    if (ms > limitMs) throw new Error(`After ${limitMs} ms there is still to do: ${JSON.stringify(open)}`);
    if (looks % 30 === 0) t.diagnostic(`after ${Math.round(ms / 1_000)} s: ${JSON.stringify(open)}`);
    await pause(1_000);
  }
}

export const nothingOpen = (open: Open) => open.deliveries + open.runs + open.surfaces === 0;

interface Untrue {
  run: number;
  where: 'message' | 'thread';
  state: string;
  texts: string[];
}

/** What is wrong when all is done: runs without exactly one message and one end, or whose message or end says something else. */
export async function lookAtAll({
  town,
  workspaces,
  database,
}: House): Promise<{ runs: number; untrue: Untrue[]; strange: string[] }> {
  const { rows: runs } = await database.pool.query<{ number: number; channel: string }>(
    "select number::int, place ->> 'channel' as channel from runs order by number",
  );
  const shown = new Map<string, string[]>();
  for (let i = 0; i < workspaces; i += 1) {
    const { team, channels } = idsOf(i);
    for (const channel of channels)
      for (const { text, thread_ts, ts } of town.messages({ team, channel })) {
        const where = thread_ts === undefined || thread_ts === ts ? 'message' : 'thread';
        const key = `${where} ${/#(\d+) /.exec(text)?.[1]} ${channel}`;
        shown.set(key, [...(shown.get(key) ?? []), text]);
      }
  }
  const untrue = runs.flatMap(({ number, channel }) =>
    (['message', 'thread'] as const).flatMap(where => {
      const key = `${where} ${number} ${channel}`;
      const texts = shown.get(key) ?? [];
      shown.delete(key);
      const { state } = exitOf(number);
      return texts.length === 1 && texts[0]?.includes(state) ? [] : [{ run: number, where, state, texts }];
    }),
  );
  return { runs: runs.length, untrue, strange: [...shown.values()].flat() };
}
