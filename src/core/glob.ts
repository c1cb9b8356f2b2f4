import { z } from 'zod';

/** What a pattern says of a place in a text: one character, any but `/`, any number of those, any number of any, or whole folders. */
type Part = { kind: 'char'; char: string } | { kind: 'any' | 'some' | 'all' | 'folders' };

const longestGlob = 200;

/** A pattern for names with `/` between their parts, as `matchesGlob` reads it. */
export const globSchema = z
  .string()
  .min(1)
  .max(longestGlob)
  .refine(text => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), 'must be one line')
  .describe(
    'The whole name: `*` stands for any characters but `/`, `**` for any at all, `?` for one but `/`; `**/` may also stand for nothing. Everything else is meant as it is written, upper and lower case too.',
  );

/** Whether the whole of a text fits. The set of places that can be reached is moved on, so that no pattern makes it slow. */
export function matchesGlob(glob: string, text: string): boolean {
  const parts = partsOf(glob);
  let at = skips(parts, new Set([0]));
  for (const char of text) {
    if (at.size === 0) return false;
    const next = new Set<number>();
    for (const place of at) {
      const part = parts[place];
      if (!part || part.kind === 'folders') continue;
      const fits = part.kind === 'char' ? part.char === char : part.kind === 'all' || char !== '/';
      if (fits) next.add(part.kind === 'char' || part.kind === 'any' ? place + 1 : place);
    }
    at = skips(parts, next);
  }
  return at.has(parts.length);
}

/** With the places behind whatever may stand for nothing. */
function skips(parts: readonly Part[], from: ReadonlySet<number>): Set<number> {
  const reached = new Set<number>();
  const open = [...from];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (reached.has(place)) continue;
    reached.add(place);
    const kind = parts[place]?.kind;
    if (kind === 'some' || kind === 'all' || kind === 'folders') open.push(place + 1);
    if (kind === 'folders') open.push(place + 3);
  }
  return reached;
}

/** `folders` stands before the two parts of a whole `**` with its slash, which it may leave out. */
function partsOf(glob: string): Part[] {
  return [...glob.matchAll(/(?<![^/])\*\*+\/|\*\*+|./gsu)].flatMap(([text]): Part[] => {
    if (text.length > 2 && text.endsWith('/'))
      return [{ kind: 'folders' }, { kind: 'all' }, { kind: 'char', char: '/' }];
    if (text.length > 1 && text.startsWith('**')) return [{ kind: 'all' }];
    if (text === '*') return [{ kind: 'some' }];
    return [text === '?' ? { kind: 'any' } : { kind: 'char', char: text }];
  });
}
