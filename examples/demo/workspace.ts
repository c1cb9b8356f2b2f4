import { createEmulator } from 'emulate';

export const botToken = 'xoxb-demo-token';

export interface SlackMessage {
  ts: string;
  text?: string;
  blocks?: unknown[];
  thread_ts?: string;
  reply_count?: number;
}

export interface Workspace {
  /** Base of its Web API. */
  apiUrl: string;
  team: string;
  channel: string;
  user: string;
  /** Messages of the channel with their threads, oldest first. */
  messages(): Promise<SlackMessage[]>;
  close(): Promise<void>;
}

/** An emulated Slack workspace with one channel, one person and the Signalbox bot. */
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
          { name: 'octocat', real_name: 'octocat', email: 'octocat@example.com' },
          // Whom the bot token belongs to.
          { name: 'signalbox', real_name: 'Signalbox', email: 'signalbox@example.com', is_bot: true },
        ],
        channels: [{ name: 'training', topic: 'What is being trained' }],
        bots: [{ name: 'signalbox' }],
      },
    },
  });
  const apiUrl = `${slack.url}/api/`;
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
  const person = members.find(one => one.name === 'octocat');
  await call('conversations.join', { channel });
  return {
    apiUrl,
    team: person?.team_id ?? 'T000000001',
    channel,
    user: person?.id ?? '',
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
    close: () => slack.close(),
  };
}
