import { parseDuration } from '../duration.ts';
import {
  type Expression,
  type ExpressionProblem,
  fail,
  Problem,
  type Vocabulary,
} from '../expression/expression.ts';
import { parseCondition } from '../expression/parse.ts';
import { type Word, wordsOf } from '../expression/words.ts';
import { nearest } from '../nearest.ts';

/** From when on a rule is looked at. */
export type After = { counter: 'step' | 'epoch'; from: number } | { counter: 'time'; seconds: number };

export type ReadAlert = { after: After | null } & (
  | { kind: 'condition'; condition: Expression }
  /** `metric` null: the primary one. */
  | { kind: 'no-improvement'; metric: string | null; count: number; unit: 'epoch' | 'step' }
);

/** Every name may be a metric: a run says only later what it reports. */
const vocabulary: Vocabulary = {
  typeOf: () => 'number',
  names: [],
  functions: { best: { takes: 'name', gives: 'number' } },
  nan: true,
};

/**
 * Reads a rule: a condition as `parseCondition` takes it, in which `is NaN` may be asked, or `no improvement [of METRIC] for N epochs|steps`;
 * behind either, `after step N`, `after epoch N` or `after 10m`. A metric that is called `after` stands in back quotes.
 */
export function readAlert(
  text: string,
): { ok: true; alert: ReadAlert } | ({ ok: false } & ExpressionProblem) {
  try {
    const words = wordsOf(text);
    const at = words.findLastIndex(word => isWord(word, 'after'));
    const after = at > 0 ? readAfter(words.slice(at + 1)) : null;
    const head = at > 0 ? text.slice(0, words[at]?.at) : text;
    const [first, second] = words;
    if (first && second && isWord(first, 'no') && second.kind === 'word')
      return { ok: true, alert: { after, ...readNoImprovement(wordsOf(head)) } };
    const read = parseCondition(head, vocabulary);
    if (!read.ok) return { ...read, ...meantAt(words, read) };
    return { ok: true, alert: { kind: 'condition', after, condition: read.expression } };
  } catch (err) {
    if (err instanceof Problem) return { ok: false, ...err.found };
    throw err;
  }
}

function isWord(word: Word | undefined, text: string): boolean {
  return word?.kind === 'word' && word.text.toLowerCase() === text;
}

/** `aftr step 100` is no condition, and what was meant is none either. */
function meantAt(words: readonly Word[], { at, meant }: ExpressionProblem): { meant?: string } {
  const word = words.find(one => one.at === at);
  if (meant !== undefined || word?.kind !== 'word') return {};
  const known = nearest(word.text.toLowerCase(), ['after', 'and', 'or', 'is']);
  return known === undefined ? {} : { meant: known };
}

const counters = { step: 'step', steps: 'step', epoch: 'epoch', epochs: 'epoch' } as const;

function counterOf(word: Word | undefined): 'step' | 'epoch' | null {
  const text = word?.kind === 'word' ? word.text.toLowerCase() : '';
  return Object.hasOwn(counters, text) ? (counters[text as keyof typeof counters] ?? null) : null;
}

function unexpected(word: Word | undefined, reason: string, meant?: string): never {
  fail('unexpected', word?.at ?? 0, reason, meant);
}

/** What stands behind `after`: `step 100`, `100 steps`, `10m`. */
function readAfter([first, second, third]: readonly Word[]): After {
  const expected =
    'After `after` a step, an epoch or a duration is expected, as `after step 100` or `after 10m`.';
  if (first?.kind === 'number' && second?.kind === 'end') {
    const seconds = parseDuration(first.text);
    if (seconds === null) unexpected(first, expected);
    return { counter: 'time', seconds };
  }
  const isTurned = first?.kind === 'number';
  const [name, amount] = isTurned ? [second, first] : [first, second];
  const counter = counterOf(name);
  if (!counter) unexpected(name, expected, nearest(name?.text.toLowerCase() ?? '', ['step', 'epoch']));
  const from = wholeOf(amount);
  if (third?.kind !== 'end') unexpected(third, 'Nothing more is expected behind it.');
  return { counter, from };
}

function wholeOf(word: Word | undefined): number {
  const value = word?.kind === 'number' && /^\d+$/.test(word.text) ? Number(word.text) : Number.NaN;
  if (!Number.isSafeInteger(value)) unexpected(word, 'A whole number is expected here.');
  return value;
}

/** Of all words of `no improvement ...`, the end among them. */
function readNoImprovement(
  words: readonly Word[],
): Omit<Extract<ReadAlert, { kind: 'no-improvement' }>, 'after'> {
  const [, second] = words;
  if (!isWord(second, 'improvement'))
    unexpected(
      second,
      'Behind `no` only `improvement` is expected.',
      nearest(second?.text.toLowerCase() ?? '', ['improvement']),
    );
  let next = 2;
  const metric = isWord(words[next], 'of') ? metricFrom(words, next + 1) : null;
  if (metric) next = metric.next;
  const link = words[next];
  if (!isWord(link, 'for')) {
    const known = metric ? ['for'] : ['of', 'for'];
    unexpected(
      link,
      `${known.map(one => `\`${one}\``).join(' or ')} is expected here: \`no improvement of val_loss for 5 epochs\`.`,
      nearest(link?.text.toLowerCase() ?? '', known),
    );
  }
  const [amount, name, end] = words.slice(next + 1);
  const count = wholeOf(amount);
  if (count === 0) unexpected(amount, 'It must be at least 1.');
  const unit = counterOf(name);
  if (!unit)
    unexpected(
      name,
      'How long is said in `epochs` or `steps`.',
      nearest(name?.text.toLowerCase() ?? '', ['epochs', 'steps']),
    );
  if (end?.kind !== 'end') unexpected(end, 'Nothing more is expected behind it but `after`.');
  return { kind: 'no-improvement', metric: metric?.name ?? null, count, unit };
}

function metricFrom(words: readonly Word[], from: number): { name: string; next: number } {
  const parts: string[] = [];
  for (let at = from; ; at += 2) {
    const word = words[at];
    if (word?.kind !== 'word' && word?.kind !== 'quoted')
      unexpected(word, 'The name of a metric is expected here.');
    parts.push(word.text);
    const dot = words[at + 1];
    if (dot?.kind !== 'sign' || dot.text !== '.') return { name: parts.join('.'), next: at + 1 };
  }
}
