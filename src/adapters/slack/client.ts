import { WebClient } from '@slack/web-api';
import type { Log } from '../../core/ports.ts';
import { slackLogger } from './logger.ts';

interface SlackClientOptions {
  /** Absent: `https://slack.com/api/`. */
  apiUrl?: string | undefined;
  timeoutMs: number;
  log: Log;
}

const mostKept = 200;

/** A client for each token. None of them tries again or waits by itself: that is decided where the work is stored. */
export function slackClients({ apiUrl, timeoutMs, log }: SlackClientOptions): (token?: string) => WebClient {
  const clients = new Map<string, WebClient>();
  return (token = '') => {
    const known = clients.get(token);
    if (known) return known;
    const client = new WebClient(token, {
      ...(apiUrl ? { slackApiUrl: apiUrl } : {}),
      logger: slackLogger(log),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: timeoutMs,
      allowAbsoluteUrls: false,
    });
    if (clients.size >= mostKept) clients.clear();
    clients.set(token, client);
    return client;
  };
}
