import { fail } from './expression.ts';

export interface Word {
  kind: 'number' | 'word' | 'quoted' | 'text' | 'sign' | 'end';
  text: string;
  at: number;
}

const signs = /^(?:<=|>=|==|!=|[<>+\-*/(),.])/;
const number = /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?:%|[a-z][a-z\d]*)?/i;
const word = /^[\p{L}_][\p{L}\p{N}_]*/u;

/** Cuts a text into words; the last one is its end. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const space = /^\s+/.exec(rest)?.[0].length ?? 0;
    if (space > 0) {
      at += space;
      continue;
    }
    const found = wordAt(rest, at);
    words.push(found.word);
    at += found.length;
  }
  return [...words, { kind: 'end', text: '', at: text.length }];
}

function wordAt(rest: string, at: number): { word: Word; length: number } {
  const quote = rest.charAt(0);
  if (quote === '"' || quote === "'" || quote === '`') {
    const end = rest.indexOf(quote, 1);
    if (end < 0) fail('open-quote', at, `Nothing closes the ${quote} here.`);
    const kind = quote === '`' ? 'quoted' : 'text';
    return { word: { kind, text: rest.slice(1, end), at }, length: end + 1 };
  }
  for (const [kind, pattern] of [
    ['number', number],
    ['word', word],
    ['sign', signs],
  ] as const) {
    const [text] = pattern.exec(rest) ?? [];
    if (text !== undefined) return { word: { kind, text, at }, length: text.length };
  }
  const [sign = ''] = rest;
  fail('unknown-sign', at, `${JSON.stringify(sign)} means nothing here.`, signMeant(rest));
}

function signMeant(rest: string): string | undefined {
  if (rest.startsWith('=')) return '==';
  if (rest.startsWith('&')) return 'and';
  if (rest.startsWith('|')) return 'or';
  if (rest.startsWith('!')) return 'not';
  if (/^[≤≥≠]/.test(rest)) return rest.startsWith('≤') ? '<=' : rest.startsWith('≥') ? '>=' : '!=';
  return undefined;
}
