import type { Clock } from './clock.ts';

/** How often a method may be called: a minute's number per workspace, or as posts are: per channel. */
export type Tier = 1 | 2 | 3 | 4 | 'post' | 'free';

/** Slack promises at least so many a minute; here it is exactly so many. */
const perMinute = { 1: 1, 2: 20, 3: 50, 4: 100 } as const;
/** "Short bursts" of posts are allowed; Slack does not say how short. */
const postBurst = 3;
const postsPerMinute = 300;

interface Bucket {
  left: number;
  at: number;
}

/** Buckets that fill again with time, one for each method and workspace and one for each channel's posts. */
export function rateLimits(clock: Clock) {
  const buckets = new Map<string, Bucket>();
  let on = true;

  function bucket(key: string, most: number, perSecond: number): Bucket {
    const now = clock.now();
    const known = buckets.get(key) ?? { left: most, at: now };
    const left = Math.min(most, known.left + ((now - known.at) / 1000) * perSecond);
    const filled = { left, at: now };
    buckets.set(key, filled);
    return filled;
  }

  return {
    turn(to: 'on' | 'off') {
      on = to === 'on';
    },
    /** Takes one. Seconds to wait where there is none, else 0. */
    take(tier: Tier, method: string, team: string, channel: string): number {
      if (!on || tier === 'free') return 0;
      const wanted: [key: string, most: number, perSecond: number][] =
        tier === 'post'
          ? [
              [`${team} ${channel}`, postBurst, 1],
              [`${team} posts`, postsPerMinute, postsPerMinute / 60],
            ]
          : [[`${team} ${method}`, perMinute[tier], perMinute[tier] / 60]];
      const found = wanted.map(([key, most, perSecond]) => ({
        bucket: bucket(key, most, perSecond),
        perSecond,
      }));
      const waits = found.map(({ bucket: { left }, perSecond }) => Math.max(0, (1 - left) / perSecond));
      const wait = Math.max(...waits);
      if (wait > 0) return Math.ceil(wait);
      for (const { bucket } of found) bucket.left -= 1;
      return 0;
    },
  };
}
