import type { Clock } from '../slack/clock.ts';
import { Refusal } from './error.ts';

const minute = 60_000;
const hour = 3_600_000;

/** Requests an hour, and those that make content: a minute and an hour (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api). */
const usual = { primary: 5_000, contentPerMinute: 80, contentPerHour: 500 };

export function rateLimits(clock: Clock) {
  let limits = { ...usual };
  const windows = new Map<string, { used: number; reset: number }>();
  const content = new Map<string, number[]>();

  function windowOf(who: string) {
    const now = clock.now();
    const known = windows.get(who);
    if (known && known.reset > now) return known;
    const fresh = { used: 0, reset: now + hour };
    windows.set(who, fresh);
    return fresh;
  }

  function headers(who: string): Record<string, string> {
    const { used, reset } = windowOf(who);
    return {
      'x-ratelimit-limit': String(limits.primary),
      'x-ratelimit-remaining': String(Math.max(0, limits.primary - used)),
      'x-ratelimit-reset': String(Math.ceil(reset / 1000)),
      'x-ratelimit-used': String(used),
      'x-ratelimit-resource': 'core',
    };
  }

  return {
    headers,
    /** Counts a request, or refuses it. */
    take(who: string, writes: boolean): void {
      const window = windowOf(who);
      if (window.used >= limits.primary)
        throw new Refusal(403, `API rate limit exceeded for ${who}.`, {}, headers(who));
      window.used += 1;
      if (!writes) return;
      const now = clock.now();
      const made = (content.get(who) ?? []).filter(at => at > now - hour);
      const recent = made.filter(at => at > now - minute);
      const wait =
        made.length >= limits.contentPerHour
          ? hour - (now - (made[0] ?? now))
          : recent.length >= limits.contentPerMinute
            ? minute - (now - (recent[0] ?? now))
            : 0;
      if (wait > 0) throw secondary(Math.ceil(wait / 1000));
      content.set(who, [...made, now]);
    },
    giveBack(who: string): void {
      windowOf(who).used -= 1;
    },
    /** Other numbers from now on; without any, GitHub's own. */
    set(numbers: Partial<typeof usual> = {}) {
      limits = { ...usual, ...numbers };
    },
    of(who: string) {
      const { used, reset } = windowOf(who);
      return {
        limit: limits.primary,
        used,
        remaining: Math.max(0, limits.primary - used),
        reset: Math.ceil(reset / 1000),
      };
    },
  };
}

export function secondary(seconds: number): Refusal {
  return new Refusal(
    403,
    'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    {},
    { 'retry-after': String(seconds) },
  );
}
