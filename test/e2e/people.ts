import { randomBytes } from 'node:crypto';
import { signSlack } from '../../src/adapters/slack/signature.ts';
import { openWorkspace } from '../adapters/slack/workspace.ts';
import { until } from './until.ts';

export const signingSecret = 'the-signing-secret-of-the-tests';
export const botToken = 'xoxb-bot';
const channel = 'C000000001';
const team = 'T000000001';
const user = 'U000000001';

/** What one person was told, and by which way. */
export interface Told {
  way: 'response_url' | 'ephemeral';
  text: string;
}

interface Manner {
  where?: string;
  who?: string;
  /** Whether the command brings an address to answer to. */
  respond?: boolean;
  /** Slack sends it again, though it was acknowledged. */
  twice?: boolean;
}

interface Said {
  /** Where Signalbox may answer; unlike any other. */
  responseUrl: string;
  who: string;
  /** Calls of Slack's API before it. */
  before: number;
}

/** An emulated Slack workspace with people who type commands. */
export async function openPeople() {
  const workspace = await openWorkspace();
  workspace.disturb(({ path }) =>
    path.startsWith('/respond/') ? { kind: 'answer', status: 200 } : undefined,
  );

  /** Sends a command as Slack does: form-encoded, signed over time and bytes. */
  async function says(
    service: string,
    line: string,
    { where = channel, who = user, respond = true, twice = false }: Manner = {},
  ): Promise<Said> {
    const before = workspace.calls.length;
    const responseUrl = `${workspace.url}/respond/${randomBytes(8).toString('hex')}`;
    const cut = line.search(/\s|$/);
    const body = new URLSearchParams({
      command: line.slice(0, cut),
      text: line.slice(cut + 1),
      team_id: team,
      channel_id: where,
      user_id: who,
      user_name: 'octocat',
      trigger_id: randomBytes(8).toString('hex'),
      ...(respond ? { response_url: responseUrl } : {}),
    }).toString();
    const timestamp = Math.floor(Date.now() / 1_000);
    for (let sent = 0; sent < (twice ? 2 : 1); sent += 1) {
      const response = await fetch(`${service}/slack/events`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-slack-request-timestamp': String(timestamp),
          'x-slack-signature': signSlack(signingSecret, timestamp, body),
        },
        body,
      });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    }
    return { responseUrl, who, before };
  }

  /** All that was said to one person alone: over the command's own address, or as an ephemeral message. */
  function told({ responseUrl, who, before }: Said): Told[] {
    return workspace.calls.slice(before).flatMap(({ path, body }): Told[] => {
      if (responseUrl.endsWith(path)) {
        const { blocks, text } = JSON.parse(body);
        return [{ way: 'response_url', text: wordsOf(blocks) || text }];
      }
      if (path !== '/api/chat.postEphemeral') return [];
      const fields = new URLSearchParams(body);
      const blocks = JSON.parse(fields.get('blocks') ?? '[]');
      return fields.get('user') === who ? [{ way: 'ephemeral', text: wordsOf(blocks) }] : [];
    });
  }

  const answers = (said: Said) => until('an answer', () => told(said)[0]);

  /** The messages of the channel, oldest first, as text. */
  async function messages(where = channel): Promise<{ ts: string; text: string; thread: string[] }[]> {
    const { messages: found = [] } = (await workspace.ask('conversations.history', { channel: where })) as {
      messages?: { ts: string; blocks?: unknown[]; reply_count?: number }[];
    };
    const shown = found.map(async message => ({
      ts: message.ts,
      text: wordsOf(message.blocks ?? []),
      thread: message.reply_count ? await replies(where, message.ts) : [],
    }));
    return (await Promise.all(shown)).sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  async function replies(where: string, ts: string): Promise<string[]> {
    const { messages: found = [] } = (await workspace.ask('conversations.replies', {
      channel: where,
      ts,
    })) as {
      messages?: { blocks?: unknown[] }[];
    };
    return found.slice(1).map(message => wordsOf(message.blocks ?? []));
  }

  return {
    url: workspace.url,
    calls: workspace.calls,
    says,
    told,
    messages,
    answers,
    /** Says it, and waits for the answer that only its sender sees. */
    async asks(service: string, line: string, as: Manner = {}): Promise<string> {
      return (await answers(await says(service, line, as))).text;
    },
    close: () => workspace.close(),
  };
}

/** All words of blocks, in order, a line for each block. */
function wordsOf(blocks: unknown[]): string {
  return blocks.map(words).join('\n').trim();
}

function words(value: unknown): string {
  if (Array.isArray(value)) return value.map(words).join('');
  if (typeof value !== 'object' || value === null) return '';
  const { type, text, fallback, elements, rows, user_id: person } = value as Record<string, unknown>;
  if (type === 'user') return `@${person}`;
  if (typeof fallback === 'string') return fallback;
  if (typeof text === 'string') return text;
  if (Array.isArray(rows)) return rows.map(row => (row as unknown[]).map(words).join(' ')).join('\n');
  if (type === 'rich_text' && Array.isArray(elements)) return elements.map(words).join('\n');
  return words(elements ?? text);
}
