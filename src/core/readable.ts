/** Line breaks, control characters, direction marks and other characters that change how text is read without being seen. */
const unreadable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const named: Record<number, string> = {
  0: 'a null character',
  9: 'a tab',
  10: 'a line break',
  13: 'a line break',
  8203: 'a zero-width space',
  8206: 'a direction mark',
  8207: 'a direction mark',
  8232: 'a line break',
  8233: 'a line break',
};

export interface Unreadable {
  /** Where, in UTF-16 units. */
  index: number;
  /** What it is, for people: `a line break (U+000A)`. */
  name: string;
}

/** The first character that a line of text must not hold, or null. */
export function firstUnreadable(text: string): Unreadable | null {
  const index = text.search(unreadable);
  if (index < 0) return null;
  const code = text.codePointAt(index) ?? 0;
  return { index, name: `${nameOf(code)} (U+${code.toString(16).toUpperCase().padStart(4, '0')})` };
}

function nameOf(code: number): string {
  const bidi = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code === 0x061c;
  if (bidi) return 'a direction mark';
  return named[code] ?? (code < 0xa0 ? 'a control character' : 'an invisible character');
}
