/** Tells whether the whole of a text matches. */
export type Pattern = (text: string) => boolean;

type Node =
  | { kind: 'one'; fits: (char: string) => boolean }
  | { kind: 'start' | 'end' }
  | { kind: 'sequence'; parts: Node[] }
  | { kind: 'choice'; options: Node[] }
  | { kind: 'repeat'; part: Node; min: number; max: number };

interface Reader {
  text: string;
  at: number;
}

const longestPattern = 200;
const deepestRepeat = 3;
const single =
  /\\(?:[pPu]\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[^bB1-9k])|\[(?:\\.|[^\]\\])*\]/suy;
const literals = /[^\\[\](){}|*+?^$]/suy;
const quantifiers = /(?:[*+?]|\{(\d{1,3})(,?)(\d{1,3})?\})\??/uy;

/**
 * A regular expression (JavaScript's syntax with the flag `u`) for whole values, matched without backtracking: the set of places that can
 * be reached is moved on, so that no value makes it slow (Thompson, "Regular expression search algorithm", CACM 11(6), 1968). Null where it
 * is no regular expression, is longer than 200 characters, nests more than three repeats, or uses what needs backtracking:
 * look-around, references, named groups, `\b`.
 */
export function compilePattern(text: string): Pattern | null {
  if (text.length > longestPattern || !isRegExp(text)) return null;
  const reader: Reader = { text, at: 0 };
  const node = readChoice(reader);
  if (!node || reader.at < text.length || repeatDepth(node) > deepestRepeat) return null;
  return value => {
    const chars = [...value];
    return advance(node, new Set([0]), chars).has(chars.length);
  };
}

function isRegExp(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

function readChoice(reader: Reader): Node | null {
  const options: Node[] = [];
  do {
    const parts: Node[] = [];
    while (reader.at < reader.text.length && !'|)'.includes(reader.text.charAt(reader.at))) {
      const part = readRepeated(reader);
      if (!part) return null;
      parts.push(part);
    }
    options.push({ kind: 'sequence', parts });
  } while (skip(reader, '|'));
  return { kind: 'choice', options };
}

function readRepeated(reader: Reader): Node | null {
  const part = readOne(reader);
  const found = part && take(reader, quantifiers);
  if (!part || !found) return part;
  const [quantifier, low, comma, high] = found;
  if (low === undefined) {
    const sign = quantifier.charAt(0);
    return {
      kind: 'repeat',
      part,
      min: sign === '+' ? 1 : 0,
      max: sign === '?' ? 1 : Number.POSITIVE_INFINITY,
    };
  }
  const min = Number(low);
  const most = comma ? Number.POSITIVE_INFINITY : min;
  return { kind: 'repeat', part, min, max: high === undefined ? most : Number(high) };
}

function readOne(reader: Reader): Node | null {
  if (skip(reader, '^')) return { kind: 'start' };
  if (skip(reader, '$')) return { kind: 'end' };
  if (skip(reader, '(')) {
    if (skip(reader, '?') && !skip(reader, ':')) return null;
    const inner = readChoice(reader);
    return inner && skip(reader, ')') ? inner : null;
  }
  const source = (take(reader, single) ?? take(reader, literals))?.[0];
  if (source === undefined) return null;
  const fits = new RegExp(`^${source}$`, 'su');
  return { kind: 'one', fits: char => fits.test(char) };
}

function skip(reader: Reader, char: string): boolean {
  if (reader.text.charAt(reader.at) !== char) return false;
  reader.at++;
  return true;
}

function take(reader: Reader, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found) reader.at += found[0].length;
  return found;
}

function repeatDepth(node: Node): number {
  if (node.kind === 'repeat') return (node.max > 1 ? 1 : 0) + repeatDepth(node.part);
  const inner = node.kind === 'sequence' ? node.parts : node.kind === 'choice' ? node.options : [];
  return Math.max(0, ...inner.map(repeatDepth));
}

/** The places (indices into `chars`) where a match can end that begins at one of `from`. */
function advance(node: Node, from: ReadonlySet<number>, chars: readonly string[]): ReadonlySet<number> {
  if (from.size === 0) return from;
  switch (node.kind) {
    case 'one':
      return new Set([...from].filter(i => i < chars.length && node.fits(chars[i] ?? '')).map(i => i + 1));
    case 'start':
      return new Set([...from].filter(i => i === 0));
    case 'end':
      return new Set([...from].filter(i => i === chars.length));
    case 'sequence':
      return node.parts.reduce((places, part) => advance(part, places, chars), from);
    case 'choice':
      return new Set(node.options.flatMap(option => [...advance(option, from, chars)]));
    case 'repeat': {
      let places = from;
      for (let i = 0; i < node.min && places.size > 0; i++) {
        const next = advance(node.part, places, chars);
        // Where a further time changes nothing, no number of further times does.
        if (next.size === places.size && [...next].every(place => places.has(place))) break;
        places = next;
      }
      const reached = new Set(places);
      for (let i = node.min; i < node.max && places.size > 0; i++) {
        places = new Set([...advance(node.part, places, chars)].filter(place => !reached.has(place)));
        for (const place of places) reached.add(place);
      }
      return reached;
    }
  }
}
