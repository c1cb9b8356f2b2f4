import { createHash, createHmac, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isEnd, type RunState } from '../../src/core/run.ts';
import { type Box, signingSecret } from './box.ts';
import type { Town } from './town.ts';

/** A command as it was sent once. */
export interface Sent {
  line: string;
  /** The key that its wish has. */
  key: string;
  /** Where it may be answered; null: it named no such place. */
  hook: string | null;
  /** Signalbox has taken it: status 200, and no words about trouble. */
  acked: boolean;
}

/** What one person does in one channel, which nobody else uses, and what came of it. */
export interface Life {
  box: Box;
  town: Town;
  channel: string;
  sent: Sent[];
  /** Sends a command as Slack does, and like a person again where it was refused; answers the one that was taken. */
  say(line: string, how?: { privately?: boolean; user?: string }): Promise<Sent>;
}

/** Long enough for anything that is still on its way; whoever waits for it fails then. */
const patienceMs = 45_000;
const pollMs = 60;

export async function beginLife(town: Town, box: Box, name: string): Promise<Life> {
  const channel = await town.channel(`${box.name}-${name}-${randomBytes(4).toString('hex')}`);
  const sent: Sent[] = [];

  async function once(line: string, hook: string | null, user: string): Promise<Sent> {
    const [command = '', ...words] = line.split(' ');
    const body = new URLSearchParams({
      command,
      text: words.join(' '),
      team_id: 'T000000001',
      channel_id: channel,
      user_id: user,
      user_name: 'octocat',
      trigger_id: randomBytes(8).toString('hex'),
      ...(hook === null ? {} : { response_url: `${town.slackUrl}${hook}` }),
    }).toString();
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const digest = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    const one: Sent = {
      line,
      key: `slack:${createHash('sha256').update(body).digest('hex')}`,
      hook,
      acked: false,
    };
    sent.push(one);
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${digest}`,
    };
    const response = await fetch(`${box.url}/slack/events`, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(3_000),
    }).catch(() => null);
    const said = await response?.text().catch(() => 'nothing');
    one.acked = response?.status === 200 && said === '';
    return one;
  }

  async function say(
    line: string,
    { privately = false, user = 'U000000001' }: { privately?: boolean; user?: string } = {},
  ): Promise<Sent> {
    for (const until = performance.now() + patienceMs; performance.now() < until; await pause(200)) {
      const one = await once(line, privately ? null : `/hooks/${randomBytes(8).toString('hex')}`, user);
      if (one.acked) return one;
    }
    throw new Error(`nobody took ${line}`);
  }

  return { box, town, channel, sent, say };
}

/** The run that a command asked for, once it is in one of these states. */
export async function runIn(
  { box }: Life,
  { key, line }: Sent,
  states: readonly RunState[],
): Promise<{ number: number }> {
  for (const until = performance.now() + patienceMs; performance.now() < until; await pause(pollMs)) {
    const run = await box.database.db
      .selectFrom('runs')
      .select(['number', 'state'])
      .where('request_key', '=', key)
      .executeTakeFirst()
      .catch(() => undefined);
    if (run && states.includes(run.state)) return run;
    if (run && isEnd(run.state)) throw new Error(`run #${run.number} of ${line} is ${run.state}`);
  }
  throw new Error(`the run of ${line} does not become ${states.join(' or ')}`);
}

/** What people do; each is one row's worth of work. */
export const lives = {
  quick: async (life: Life) => {
    await life.say('/train quick');
    await life.say('/train nosuch', { privately: true });
  },
  cancelled: async (life: Life) => {
    const { number } = await runIn(life, await life.say('/train slow'), ['running']);
    await life.say(`/train cancel ${number}`);
  },
  pinned: async (life: Life) => {
    await life.say('/train pinned');
  },
} as const satisfies Record<string, (life: Life) => Promise<void>>;

export type LifeName = keyof typeof lives;
