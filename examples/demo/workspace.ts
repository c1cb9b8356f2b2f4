import { createEmulator } from 'emulate';
import { openLine } from './line.ts';

export const botToken = 'xoxb-demo-token';

export interface SlackMessage {
  ts: string;
  text?: string;
  blocks?: unknown[];
  thread_ts?: string;
  reply_count?: number;
}

const persons = ['octocat', 'hubot', 'monalisa'] as const;
export type Person = (typeof persons)[number];

export interface Workspace {
  /** Base of its Web API. */
  apiUrl: string;
  team: string;
  channel: string;
  user: string;
  /** Those who type here, by what they are called. */
  people: Record<Person, string>;
  /** The other way round. */
  names: ReadonlyMap<string, string>;
  /** Where one command may be answered, and what was answered so far. */
  address(): { url: string; answers: SlackMessage[] };
  /** Messages of the channel with their threads, oldest first. */
  messages(): Promise<SlackMessage[]>;
  close(): Promise<void>;
}

/** An emulated Slack workspace with one channel, three people and the Signalbox bot. */
export async function startWorkspace(): Promise<Workspace> {
  const slack = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      tokens: {
        [botToken]: { login: 'signalbox', scopes: ['chat:write', 'channels:read', 'channels:history'] },
      },
      slack: {
        team: { name: 'Demo', domain: 'demo' },
        users: [
          ...persons.map(name => ({ name, real_name: name, email: `${name}@example.com` })),
          // Whom the bot token belongs to.
          { name: 'signalbox', real_name: 'Signalbox', email: 'signalbox@example.com', is_bot: true },
        ],
        channels: [{ name: 'training', topic: 'What is being trained' }],
        bots: [{ name: 'signalbox' }],
      },
    },
  });
  const line = await openLine(slack.url);
  const apiUrl = `${line.url}/api/`;
  const call = async (method: string, fields: Record<string, string>) => {
    const response = await fetch(new URL(method, apiUrl), {
      method: 'POST',
      headers: { authorization: `Bearer ${botToken}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields),
    });
    return (await response.json()) as { ok: boolean; error?: string; [key: string]: unknown };
  };
  const { channels = [] } = (await call('conversations.list', {})) as {
    channels?: { id: string; name: string }[];
  };
  const { members = [] } = (await call('users.list', {})) as {
    members?: { id: string; name: string; team_id?: string }[];
  };
  const channel = channels.find(one => one.name === 'training')?.id ?? '';
  const idOf = (name: string) => members.find(one => one.name === name)?.id ?? '';
  await call('conversations.join', { channel });
  return {
    apiUrl,
    team: members[0]?.team_id ?? 'T000000001',
    channel,
    user: idOf('octocat'),
    people: { octocat: idOf('octocat'), hubot: idOf('hubot'), monalisa: idOf('monalisa') },
    names: new Map(members.map(({ id, name }) => [id, name])),
    address: line.address,
    async messages() {
      const { messages = [] } = (await call('conversations.history', { channel })) as {
        messages?: SlackMessage[];
      };
      const threads = messages.map(async message => {
        if (!message.reply_count) return [message];
        const { messages: thread = [] } = (await call('conversations.replies', {
          channel,
          ts: message.ts,
        })) as {
          messages?: SlackMessage[];
        };
        return thread;
      });
      return (await Promise.all(threads)).flat().sort((a, b) => Number(a.ts) - Number(b.ts));
    },
    async close() {
      await line.close();
      await slack.close();
    },
  };
}
