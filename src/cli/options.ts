import { type ParseArgsConfig, parseArgs } from 'node:util';
import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * Reads the flags and words of one local command. `words`: how many words it takes. Throws FLAG_UNKNOWN, FLAG_VALUE_MISSING or
 * ARGUMENT_UNEXPECTED.
 */
export function readOptions<const O extends Options>(
  command: string,
  args: string[],
  { options, words = 0, example }: { options: O; words?: number; example: string },
) {
  const details = { command, example };
  const flags = Object.keys(options).map(name => `--${name}`);
  // Leniently first: what is wrong is said as everywhere else.
  for (const token of parseArgs({ args, options, strict: false, tokens: true }).tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName: word, value } = token;
    const type = Object.hasOwn(options, name) ? options[name]?.type : undefined;
    if (!type)
      throw new SignalboxError('FLAG_UNKNOWN', {
        ...details,
        word,
        allowed: flags,
        nearest: nearest(word, flags),
      });
    // The next flag is not taken for a value.
    if (type === 'string' && (!value || (!token.inlineValue && value.startsWith('-'))))
      throw new SignalboxError('FLAG_VALUE_MISSING', { ...details, word, allowed: 'one word' });
    if (type === 'boolean' && value !== undefined)
      throw new SignalboxError('VALUE_INVALID', { ...details, word: value, name: word, allowed: 'no value' });
  }
  const read = parseArgs({ args, options, allowPositionals: true });
  const surplus = read.positionals[words];
  if (surplus !== undefined) throw new SignalboxError('ARGUMENT_UNEXPECTED', { ...details, word: surplus });
  return read;
}

/** The word that says what to do, as in `audit verify`; throws with the words that there are. */
export function readAction<const A extends string>(
  command: string,
  word: string | undefined,
  actions: readonly A[],
  example: string,
): A {
  const action = actions.find(one => one === word);
  if (action) return action;
  if (word === undefined)
    throw new SignalboxError('ARGUMENT_MISSING', {
      command,
      word: actions.length === 1 ? actions[0] : `one of ${actions.join(', ')}`,
      example,
    });
  throw new SignalboxError('VALUE_INVALID', {
    word,
    name: command,
    allowed: actions,
    nearest: nearest(word, actions),
    example,
  });
}
