import { parseDuration } from '../duration.ts';
import {
  type Arithmetic,
  comparisons,
  type Expression,
  fail,
  type Parsed,
  Problem,
  type Vocabulary,
} from './expression.ts';
import { typeOf } from './types.ts';
import { type Word, wordsOf } from './words.ts';

interface Reader {
  words: readonly Word[];
  next: number;
  depth: number;
  vocabulary: Vocabulary;
}

const longest = 500;
const deepest = 20;

const keywords = ['and', 'or', 'not', 'is', 'nan'];

/**
 * Reads a condition over numbers and texts: `val_auc >= production.val_auc - 0.005 and age < 14d`. Names with other signs stand in back
 * quotes, texts in quotes, `5%` is 0.05, `14d` is seconds. `and` binds closer than `or`, comparisons do not chain. It is parsed and never
 * run: nothing in it is code.
 */
export function parseCondition(text: string, vocabulary: Vocabulary): Parsed {
  try {
    if (text.trim() === '') fail('empty', 0, 'It says nothing.');
    if (text.length > longest) fail('too-long', longest, `It is longer than ${longest} characters.`);
    const reader: Reader = { words: wordsOf(text), next: 0, depth: 0, vocabulary };
    const expression = readAny(reader);
    const rest = peek(reader);
    if (rest.kind !== 'end') fail('unexpected', rest.at, `Nothing is expected before ${shown(rest)}.`);
    const type = typeOf(expression, vocabulary);
    if (type !== 'truth')
      fail('no-condition', expression.at, 'It compares nothing: it must be true or false.');
    return { ok: true, expression };
  } catch (err) {
    if (err instanceof Problem) return { ok: false, ...err.found };
    throw err;
  }
}

function peek(reader: Reader): Word {
  const found = reader.words[reader.next] ?? reader.words.at(-1);
  return found ?? { kind: 'end', text: '', at: 0 };
}

function take(reader: Reader): Word {
  const found = peek(reader);
  reader.next += 1;
  return found;
}

function takeSign(reader: Reader, ...wanted: readonly string[]): Word | null {
  const found = peek(reader);
  return found.kind === 'sign' && wanted.includes(found.text) ? take(reader) : null;
}

function takeKeyword(reader: Reader, wanted: string): Word | null {
  const found = peek(reader);
  return found.kind === 'word' && found.text.toLowerCase() === wanted ? take(reader) : null;
}

function shown({ kind, text }: Word): string {
  return kind === 'end' ? 'the end' : JSON.stringify(text);
}

function deeper<T>(reader: Reader, read: () => T): T {
  reader.depth += 1;
  if (reader.depth > deepest) fail('too-deep', peek(reader).at, `It is nested deeper than ${deepest}.`);
  const found = read();
  reader.depth -= 1;
  return found;
}

function readAny(reader: Reader): Expression {
  return readList(reader, 'any', 'or', () => readList(reader, 'all', 'and', () => readNot(reader)));
}

function readList(reader: Reader, kind: 'all' | 'any', keyword: string, read: () => Expression): Expression {
  const first = read();
  const of = [first];
  while (takeKeyword(reader, keyword)) of.push(read());
  return of.length === 1 ? first : { kind, of, at: first.at };
}

function readNot(reader: Reader): Expression {
  const not = takeKeyword(reader, 'not');
  if (!not) return readComparison(reader);
  return { kind: 'not', of: deeper(reader, () => readNot(reader)), at: not.at };
}

function readComparison(reader: Reader): Expression {
  const left = readSum(reader);
  if (takeKeyword(reader, 'is')) {
    const not = takeKeyword(reader, 'not') !== null;
    const found = take(reader);
    if (found.kind !== 'word' || found.text.toLowerCase() !== 'nan')
      fail('unexpected', found.at, `After \`is\` only \`NaN\` is known, not ${shown(found)}.`);
    if (!reader.vocabulary.nan)
      fail('unexpected', found.at, 'What is not a number fails by itself, and is not asked for here.');
    return { kind: 'nan', of: left, not, at: left.at };
  }
  const sign = takeSign(reader, ...comparisons);
  if (!sign) return left;
  const right = readSum(reader);
  const again = takeSign(reader, ...comparisons);
  if (again) fail('unexpected', again.at, 'Comparisons do not chain: join two of them with `and`.', 'and');
  return { kind: 'comparison', sign: oneOf(sign, comparisons), left, right, at: left.at };
}

function oneOf<T extends string>({ text, at }: Word, known: readonly T[]): T {
  return (
    known.find(one => one === text) ?? fail('unexpected', at, `${JSON.stringify(text)} is not expected here.`)
  );
}

function readSum(reader: Reader): Expression {
  return readArithmetic(reader, ['+', '-'], () =>
    readArithmetic(reader, ['*', '/'], () => readSingle(reader)),
  );
}

function readArithmetic(reader: Reader, known: readonly Arithmetic[], read: () => Expression): Expression {
  let left = read();
  for (let sign = takeSign(reader, ...known); sign; sign = takeSign(reader, ...known))
    left = { kind: 'arithmetic', sign: oneOf(sign, known), left, right: read(), at: left.at };
  return left;
}

function readSingle(reader: Reader): Expression {
  const found = take(reader);
  const { kind, text, at } = found;
  if (kind === 'sign' && text === '-')
    return { kind: 'negative', of: deeper(reader, () => readSingle(reader)), at };
  if (kind === 'sign' && text === '(') {
    const inside = deeper(reader, () => readAny(reader));
    if (!takeSign(reader, ')')) fail('unexpected', peek(reader).at, 'A `)` is missing here.');
    return inside;
  }
  if (kind === 'number') return { kind: 'number', value: numberOf(found), text, at };
  if (kind === 'text') return { kind: 'text', value: text, at };
  if (kind === 'quoted') return readName(reader, found);
  if (kind === 'word' && !keywords.includes(text.toLowerCase()))
    return takeSign(reader, '(') ? readCall(reader, found) : readName(reader, found);
  const what = 'A number, a name or a text';
  fail('unexpected', at, `${what} is expected, not ${shown(found)}.`);
}

function numberOf({ text, at }: Word): number {
  if (text.endsWith('%')) return Number(text.slice(0, -1)) / 100;
  const plain = Number(text);
  const value = Number.isNaN(plain) ? parseDuration(text) : plain;
  if (value === null || !Number.isFinite(value))
    fail('unexpected', at, `${JSON.stringify(text)} is neither a number nor a duration such as 14d.`);
  return value;
}

function readName(reader: Reader, first: Word): Expression {
  const path = [first.text];
  while (takeSign(reader, '.')) {
    const part = take(reader);
    if (part.kind !== 'word' && part.kind !== 'quoted')
      fail('unexpected', part.at, `A name is expected after the dot, not ${shown(part)}.`);
    path.push(part.text);
  }
  return { kind: 'name', path, at: first.at };
}

function readCall(reader: Reader, { text: name, at }: Word): Expression {
  const of: Expression[] = [];
  if (!takeSign(reader, ')')) {
    do of.push(deeper(reader, () => readSum(reader)));
    while (takeSign(reader, ','));
    if (!takeSign(reader, ')')) fail('unexpected', peek(reader).at, 'A `)` is missing here.');
  }
  return { kind: 'call', name, of, at };
}
