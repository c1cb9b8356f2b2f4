import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';
import { type Interference, openWorkspace } from '../adapters/slack/workspace.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';

/** What boxes share: a PostgreSQL that keeps its promises (fsync on), a Redis where there is one, and a Slack workspace. */
export interface Town {
  folder: string;
  /** A new database; its address. */
  database(name: string): Promise<string>;
  /** SIGKILL for the server, as soon as it lives; it is started again by whoever watches over it. */
  killPostgres(): Promise<void>;
  redis: TestRedis | null;
  /** Where the Web API answers, and commands may be answered. */
  slackUrl: string;
  channel(name: string): Promise<string>;
  messages(channel: string): Promise<Message[]>;
  /** Answers that only one person saw: the call's path and its text. */
  whispers(): { path: string; channel: string | null; text: string }[];
  /** What happens to calls about a channel, until it is taken away. */
  disturb(channel: string, how: ((method: string) => Interference | undefined) | null): void;
  close(): Promise<void>;
}

export interface Message {
  ts: string;
  text: string;
  thread_ts?: string;
}

export const botToken = 'xoxb-bot';
const hooks = '/hooks/';

export async function openTown(): Promise<Town> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), log: () => {} });
  const redis = noRedis === false ? await startRedis() : null;
  const workspace = await openWorkspace();
  const disturbances = new Map<string, (method: string) => Interference | undefined>();
  workspace.disturb(({ path, body }) => {
    if (path.startsWith(hooks)) return { kind: 'answer', status: 200 };
    const channel = fieldOf(body, 'channel') ?? '';
    return disturbances.get(channel)?.(path.replace('/api/', ''));
  });

  return {
    folder,
    async database(name) {
      const client = new pg.Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return postgres.url.replace('/signalbox?', `/${name}?`);
    },
    async killPostgres() {
      for (let tries = 0; ; tries += 1) {
        try {
          process.kill(postgres.pid(), 'SIGKILL');
          return;
        } catch (err) {
          if (tries > 500) throw err;
          await pause(20);
        }
      }
    },
    redis,
    slackUrl: workspace.url,
    async channel(name) {
      const { channel } = await workspace.ask('conversations.create', { name });
      return (channel as { id: string }).id;
    },
    async messages(channel) {
      const { messages } = await workspace.ask('conversations.history', { channel, limit: '500' });
      const top = messages as (Message & { reply_count?: number })[];
      const threads = top.map(async message => {
        if (!message.reply_count) return [message];
        const { messages: thread } = await workspace.ask('conversations.replies', {
          channel,
          ts: message.ts,
        });
        return thread as Message[];
      });
      return (await Promise.all(threads)).flat();
    },
    whispers: () =>
      workspace.calls
        .filter(({ path }) => path.startsWith(hooks) || path === '/api/chat.postEphemeral')
        .map(({ path, body }) => ({
          path,
          channel: fieldOf(body, 'channel'),
          text: fieldOf(body, 'text') ?? '',
        })),
    disturb(channel, how) {
      if (how) disturbances.set(channel, how);
      else disturbances.delete(channel);
    },
    async close() {
      await workspace.close();
      await redis?.close();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

/** A field of a call, whether it came as a form or as JSON. */
function fieldOf(body: string, name: string): string | null {
  if (!body.startsWith('{')) return new URLSearchParams(body).get(name);
  const value: unknown = Reflect.get(JSON.parse(body), name);
  return typeof value === 'string' ? value : null;
}
