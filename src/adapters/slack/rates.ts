import type { RateBudget } from '../../core/ports.ts';
import { perMinute, type Rate } from '../../core/rate.ts';

/** The methods with which messages are shown, and people found in their groups. */
export type SlackMethod =
  | 'chat.postMessage'
  | 'chat.postEphemeral'
  | 'chat.update'
  | 'conversations.history'
  | 'conversations.open'
  | 'conversations.replies'
  | 'files.completeUploadExternal'
  | 'files.getUploadURLExternal'
  | 'usergroups.users.list'
  | 'views.publish';

/**
 * Calls a minute for each method and workspace: tier 2 gives 20, tier 3 gives 50, tier 4 gives 100, and posts have several hundred of their own besides one
 * a second in each channel (https://docs.slack.dev/apis/web-api/rate-limits).
 */
const limits: Record<SlackMethod, { most: number; burst: number }> = {
  'chat.postMessage': { most: 300, burst: 10 },
  'chat.postEphemeral': { most: 100, burst: 10 },
  'chat.update': { most: 50, burst: 5 },
  'conversations.history': { most: 50, burst: 5 },
  'conversations.open': { most: 50, burst: 5 },
  'conversations.replies': { most: 50, burst: 5 },
  'files.completeUploadExternal': { most: 100, burst: 10 },
  'files.getUploadURLExternal': { most: 100, burst: 10 },
  'usergroups.users.list': { most: 20, burst: 5 },
  'views.publish': { most: 100, burst: 10 },
};
const postEveryMs = 1_000;
/** What calls that can wait leave to the others. */
const leftByPatient = 3;

export interface SlackCall {
  method: SlackMethod;
  team: string;
  /** For posts. */
  channel?: string;
  /** It can wait, and leaves the last of the budget to those that cannot. */
  patient?: boolean;
}

/** What a call uses up; the first is the one that Slack most likely means with a 429. */
export function ratesOf({ method, team, channel, patient }: SlackCall): [Rate, ...Rate[]] {
  const { most, burst } = limits[method];
  const whole = perMinute(`slack ${team} ${method}`, most, burst);
  const rate = patient ? { ...whole, burst: Math.max(1, burst - leftByPatient) } : whole;
  if (method !== 'chat.postMessage') return [rate];
  return [{ key: `slack ${team} post ${channel}`, everyMs: postEveryMs, burst: 1 }, rate];
}

/** Calls as often as anybody likes: for those that speak to a workspace alone and seldom. */
export const noLimits: RateBudget = {
  reserve: async () => ({ waitMs: 0 }),
  hold: async () => {},
};
