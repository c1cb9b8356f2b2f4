import type { WebClient } from '@slack/web-api';
import { type Log, MessengerError, type RateBudget } from '../../core/ports.ts';
import { slackClients } from './client.ts';
import { messengerError } from './failure.ts';
import { ratesOf, type SlackCall } from './rates.ts';
import type { SlackTokens } from './tokens.ts';

interface SlackBotOptions {
  tokens: Pick<SlackTokens, 'tokenFor' | 'failed'>;
  /** Absent: `https://slack.com/api/`. */
  apiUrl?: string | undefined;
  /** Asked before each call. */
  budget: RateBudget;
  timeoutMs: number;
  log: Log;
}

/** A call as the bot of a workspace, within the budget of all processes. Throws what the call threw, or `MessengerError`. */
export type AsBot = <T>(
  where: { team: string; enterprise?: string | undefined },
  use: Omit<SlackCall, 'team'>,
  call: (client: WebClient) => Promise<T>,
) => Promise<T>;

export function slackBot({ tokens, apiUrl, budget, timeoutMs, log }: SlackBotOptions): AsBot {
  const clientFor = slackClients({ apiUrl, timeoutMs, log });

  return async ({ team, enterprise: anywhere }, use, call) => {
    const enterprise = anywhere ?? null;
    const token = await tokens.tokenFor(team, enterprise);
    if (token === null) throw new MessengerError('Slack removed the app from this workspace.', 'gone', 0);
    const rates = ratesOf({ ...use, team });
    const { waitMs } = await budget.reserve(rates);
    if (waitMs > 0) throw new MessengerError('It waits for its turn.', 'retry', waitMs, { busy: true });
    try {
      return await call(clientFor(token));
    } catch (error) {
      const refused = messengerError(error);
      if (refused.busy) await budget.hold(rates[0].key, refused.afterMs);
      await tokens.failed(token, team, enterprise, error);
      throw error;
    }
  };
}
