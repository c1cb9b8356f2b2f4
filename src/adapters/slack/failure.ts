import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from '@slack/web-api';
import { MessengerError } from '../../core/ports.ts';

const soonMs = 2_000;
const slowlyMs = 5 * 60_000;

/** Slack's own troubles: over in a moment. */
const passing = [
  'fatal_error',
  'internal_error',
  'message_limit_exceeded',
  'rate_limited',
  'ratelimited',
  'request_timeout',
  'service_unavailable',
  'team_added_to_org',
];

/** Ours: right again after somebody has corrected the token or the app. */
const correctable = [
  'accesslimited',
  'access_denied',
  'ekm_access_denied',
  'enterprise_is_restricted',
  'invalid_auth',
  'missing_scope',
  'no_permission',
  'not_allowed_token_type',
  'not_authed',
  'org_login_required',
  'token_expired',
  'two_factor_setup_required',
];

/** The bot may not post there, or nobody may; the person can be told in another place. */
const elsewhere = [
  'cannot_reply_to_message',
  'channel_is_archived',
  'channel_not_found',
  'is_archived',
  'is_inactive',
  'method_not_supported_for_channel_type',
  'not_in_channel',
  'posting_to_general_channel_denied',
  'restricted_action',
  'restricted_action_non_threadable_channel',
  'restricted_action_read_only_channel',
  'restricted_action_thread_locked',
  'restricted_action_thread_only_channel',
  'team_access_not_granted',
];

/** The person cannot be told anything. */
const left = ['user_disabled', 'user_not_found', 'user_not_visible', 'users_not_found'];

/** The message was not understood; the same in fewer words may be. */
export const unrenderable: readonly string[] = [
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_blocks_too_long',
];

/** The place cannot be read by the bot; posting there may work all the same. */
export const unreadable: readonly string[] = [
  'access_denied',
  'channel_not_found',
  'missing_scope',
  'no_permission',
  'not_in_channel',
  'thread_not_found',
];

/** Slack's error code (`channel_not_found`) where it gave one. */
export function slackCode(error: unknown): string | null {
  if (!(error instanceof WebAPIPlatformError)) return null;
  // An answer that is not JSON lands here whole: a proxy's page is no code.
  return /^[a-z0-9_]{1,60}$/.test(error.data.error) ? error.data.error : null;
}

/** What a failed call to Slack means for the message. Its words name no token and no address. */
export function messengerError(error: unknown): MessengerError {
  if (error instanceof MessengerError) return error;
  if (error instanceof WebAPIRateLimitedError) return asksToWait(error.retryAfter);
  if (error instanceof WebAPIHTTPError) return statusError(error.statusCode);
  if (error instanceof WebAPIRequestError)
    return new MessengerError(`Slack cannot be reached${reason(error.original)}.`, 'retry', soonMs);
  if (!(error instanceof WebAPIPlatformError))
    return new MessengerError(`Slack did not answer${reason(error)}.`, 'retry', soonMs);
  const code = slackCode(error);
  if (code === null) return new MessengerError('Slack answered without sense.', 'retry', soonMs);
  if (passing.includes(code)) return new MessengerError(`Slack has trouble (${code}).`, 'retry', soonMs);
  if (correctable.includes(code))
    return new MessengerError(`Slack refuses the app (${code}).`, 'retry', slowlyMs);
  const said = `Slack refuses the message (${code}).`;
  if (elsewhere.includes(code)) return new MessengerError(said, 'elsewhere', 0);
  return new MessengerError(said, left.includes(code) ? 'left' : 'gone', 0);
}

/** The same for a plain HTTP status. `retryAfterS` as the header said. */
export function statusError(status: number, retryAfterS = 0): MessengerError {
  if (status === 429) return asksToWait(retryAfterS);
  const afterMs = status >= 500 || status === 408 ? soonMs : slowlyMs;
  return new MessengerError(`Slack answered with status ${status}.`, 'retry', afterMs);
}

function asksToWait(seconds: number): MessengerError {
  return new MessengerError('Slack asks to wait.', 'retry', Math.max(seconds, 1) * 1000, { busy: true });
}

/** The code of a network error. Its message may hold an address, so it stays out. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error.name === 'TimeoutError') return ' in time';
  const { cause } = error;
  return typeof cause === 'object' && cause !== null && 'code' in cause ? ` (${String(cause.code)})` : '';
}
