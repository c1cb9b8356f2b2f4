import { RequestError } from 'octokit';

/**
 * `retry`: later, not before `afterMs`; `busy`: only as too much was asked at a time. `refused`: not before somebody corrects the app or its
 * rights. `missing`: it is not there, or not to be seen. The message names no token and no address.
 */
export class GitHubError extends Error {
  readonly outcome: 'retry' | 'refused' | 'missing';
  readonly afterMs: number;
  readonly busy: boolean;
  constructor(
    message: string,
    outcome: GitHubError['outcome'],
    { afterMs = 0, busy = false, cause }: { afterMs?: number; busy?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = 'GitHubError';
    this.outcome = outcome;
    this.afterMs = afterMs;
    this.busy = busy;
  }
}

const soonMs = 2_000;
/** GitHub asks for at least a minute where it names no other time. */
const limitedMs = 60_000;

/** What a failed call to GitHub means (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api). */
export function githubError(cause: unknown, now: Date): GitHubError {
  if (cause instanceof GitHubError) return cause;
  if (!(cause instanceof RequestError) || cause.status === 0)
    return new GitHubError(`GitHub cannot be reached${reason(cause)}.`, 'retry', { afterMs: soonMs, cause });
  const { status } = cause;
  const afterMs = limitOf(cause, now);
  if (afterMs !== null)
    return new GitHubError('GitHub asks to wait.', 'retry', { afterMs, busy: true, cause });
  const said = `GitHub answered with status ${status}.`;
  if (status >= 500 || status === 408) return new GitHubError(said, 'retry', { afterMs: soonMs, cause });
  if (status === 404 || status === 410) return new GitHubError(said, 'missing', { cause });
  if (status === 401)
    return new GitHubError('GitHub does not take the key of the app (401).', 'refused', { cause });
  if (status === 403)
    return new GitHubError('GitHub does not let the app do it (403).', 'refused', { cause });
  return new GitHubError(said, 'refused', { cause });
}

/** How long to wait, where GitHub refuses for the rate alone. */
function limitOf({ status, response }: RequestError, now: Date): number | null {
  if (status !== 429 && status !== 403) return null;
  const {
    'retry-after': after,
    'x-ratelimit-remaining': left,
    'x-ratelimit-reset': reset,
  } = response?.headers ?? {};
  if (after !== undefined) return Math.max(1, Number(after) || 60) * 1_000;
  if (left === '0') return Math.max(1_000, Number(reset) * 1_000 - now.getTime() || limitedMs);
  return status === 429 ? limitedMs : null;
}

function reason(error: unknown): string {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one.name === 'TimeoutError' || one.name === 'AbortError') return ' in time';
    if ('code' in one && typeof one.code === 'string') return ` (${one.code})`;
  }
  return '';
}
