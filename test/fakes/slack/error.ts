/** What a method of the Web API answers instead of `ok`: `{"ok":false,"error":code,...more}`. */
export class SlackError extends Error {
  override name = 'SlackError';
  readonly code: string;
  readonly more: Record<string, unknown>;

  constructor(code: string, more: Record<string, unknown> = {}) {
    super(code);
    this.code = code;
    this.more = more;
  }
}

/** `invalid_arguments`, with what is wrong. */
export function badArguments(...problems: string[]): SlackError {
  const messages = problems.map(problem => `[ERROR] ${problem}`);
  return new SlackError('invalid_arguments', { response_metadata: { messages } });
}
