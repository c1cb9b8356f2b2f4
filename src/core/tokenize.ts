/** One word of a command line, without its quotes. */
export interface Token {
  text: string;
  /** Its first character was neither quoted nor escaped, so that a dash there makes it a flag. */
  bare: boolean;
}

export type Tokens =
  | { ok: true; tokens: Token[] }
  /** `at`: where the quote or backslash stands that nothing follows; `reason`: one sentence. */
  | { ok: false; at: number; reason: string };

/** Quotes that chat clients put where a plain one was typed. The low ones open in German and others. */
const closings: Record<string, string> = {
  '"': '"',
  "'": "'",
  '\u201c': '\u201d\u201c\u201f"',
  '\u201d': '\u201d"',
  '\u201e': '\u201c\u201d"',
  '\u201f': '\u201d"',
  '\u2018': "\u2019\u2018'",
  '\u201a': "\u2018\u2019'",
};
const apostrophe = '\u2019';
const isDouble = (opening: string) => '"\u201c\u201d\u201e\u201f'.includes(opening);
const isSpace = (char: string) => /\p{Zs}/u.test(char);

/**
 * Splits a line into words as a POSIX shell does: spaces (of every width) separate, single and double quotes keep them, a backslash takes
 * the next character as it is. Nothing is expanded. Typographic quotes quote too; an apostrophe inside a word is a letter.
 */
export function tokenize(line: string): Tokens {
  const tokens: Token[] = [];
  let word: Token | null = null;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (isSpace(char)) {
      if (word) tokens.push(word);
      word = null;
      continue;
    }
    if (char === '\\') {
      if (i + 1 === line.length) return { ok: false, at: i, reason: 'Nothing follows the backslash.' };
      word = extended(word, line.charAt(++i), false);
      continue;
    }
    const closing = closingOf(char, word);
    if (closing === undefined) {
      word = extended(word, char, true);
      continue;
    }
    const quoted = readQuoted(line, i, closing);
    if (!quoted) return { ok: false, at: i, reason: `The quote ${char} is not closed.` };
    word = extended(word, quoted.text, false);
    i = quoted.end;
  }
  if (word) tokens.push(word);
  return { ok: true, tokens };
}

function extended(word: Token | null, text: string, bare: boolean): Token {
  return word ? { text: word.text + text, bare: word.bare } : { text, bare };
}

function closingOf(char: string, word: Token | null): string | undefined {
  // A typographic apostrophe opens a quote only where a word or a value begins: `don’t` is one word.
  const begins = !word || word.text.endsWith('=');
  if (char === apostrophe) return begins ? "\u2019'" : undefined;
  return closings[char];
}

function readQuoted(line: string, start: number, closing: string): { text: string; end: number } | null {
  const double = isDouble(line.charAt(start));
  let text = '';
  for (let i = start + 1; i < line.length; i++) {
    const char = line.charAt(i);
    const next = line.charAt(i + 1);
    if (double && char === '\\' && (next === '\\' || closing.includes(next)) && next !== '') {
      text += next;
      i++;
      continue;
    }
    const inWord = char === apostrophe && /[\p{L}\p{N}]/u.test(next);
    if (closing.includes(char) && !inWord) return { text, end: i };
    text += char;
  }
  return null;
}
