import { statusError } from './failure.ts';

const timeoutMs = 5_000;

/**
 * Whether an address out of a payload may be called: only on the origins given (`https://hooks.slack.com`), compared as the address is
 * understood and not as it is spelled.
 */
export function isAllowed(url: string, origins: readonly string[]): boolean {
  if (!URL.canParse(url)) return false;
  const { origin, username, password } = new URL(url);
  return username === '' && password === '' && origins.includes(origin);
}

/**
 * Answers over a command's own address. `false`: it is used up (five answers, 30 minutes) or does not take the message, and another way
 * is needed. Follows no redirect. Throws `MessengerError` where trying again may help.
 */
export async function postToResponseUrl(url: string, message: Record<string, unknown>): Promise<boolean> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ response_type: 'ephemeral', replace_original: false, ...message }),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
  if (response.ok) return true;
  if (response.status === 429 || response.status >= 500)
    throw statusError(response.status, Number(response.headers.get('retry-after')) || 0);
  return false;
}
