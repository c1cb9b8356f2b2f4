/** How the app took something. */
export interface Ack {
  /** `null` where no answer came. Over a socket an answer is 200. */
  status: number | null;
  /** What it answered: JSON where it is JSON, else text; `undefined` for nothing. */
  body: unknown;
  /** Time until the answer, by the machine's own clock, in milliseconds. */
  ms: number;
  /** As in `x-slack-retry-reason`; `null` when it was taken. */
  problem: 'http_timeout' | 'http_error' | 'connection_failed' | null;
  /** The app asked not to be told again (`x-slack-no-retry: 1`). */
  noRetry: boolean;
}

/** Slack waits so long for an answer. */
export const ackMs = 3_000;

export function parsed(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
