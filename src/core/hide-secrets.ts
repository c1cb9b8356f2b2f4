/** A value that nobody may read, and what is shown in its place. No zod here: a supervisor stays small. */
export interface Secret {
  name: string;
  value: string;
}

/** Shorter values would be found in much that is no secret. */
export const shortestSecret = 6;
/** So many characters of text are held back at most, beside the longest form. */
const heldAtMost = 65_536;

interface Form {
  text: string;
  name: string;
}
interface Span {
  start: number;
  end: number;
  name: string;
  /** Of the longest form in it. */
  length: number;
}

/**
 * Replaces values by `[secret NAME]`, as they are and in the forms in which programs print them: inside JSON, in an address, in base64
 * (also where it begins inside other bytes), in hexadecimal digits, and line by line.
 */
export function secretHider(secrets: readonly Secret[]) {
  const forms = formsOf(secrets);
  const longest = Math.max(0, ...forms.map(form => form.text.length));
  const byFirst = Map.groupBy(forms, form => form.text.charAt(0));

  function spansIn(text: string): Span[] {
    const found: Span[] = [];
    for (const { text: form, name } of forms)
      for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1))
        found.push({ start: at, end: at + form.length, name, length: form.length });
    found.sort((a, b) => a.start - b.start);
    const merged: Span[] = [];
    for (const span of found) {
      const last = merged.at(-1);
      if (!last || span.start >= last.end) {
        merged.push(span);
        continue;
      }
      last.end = Math.max(last.end, span.end);
      if (span.length > last.length) Object.assign(last, { name: span.name, length: span.length });
    }
    return merged;
  }

  /** Where the rest of the text may be the beginning of a form; its length where it is none. */
  function beginningIn(text: string): number {
    for (let at = Math.max(0, text.length - longest + 1); at < text.length; at++) {
      const rest = text.length - at;
      const candidates = byFirst.get(text.charAt(at)) ?? [];
      if (candidates.some(form => form.text.length > rest && text.endsWith(form.text.slice(0, rest))))
        return at;
    }
    return text.length;
  }

  const hide = (text: string) => replaced(text, spansIn(text));

  return {
    hide,
    /** The same for text that comes in pieces: what may be the beginning of a form waits for the rest. */
    stream() {
      let held = '';
      return {
        take(piece: string): string {
          if (longest === 0) return piece;
          held += piece;
          const beginning = beginningIn(held);
          const spans = spansIn(held);
          // A form that has been found may go on as another one, or overlap with it.
          const across = spans.find(span => span.start < beginning && span.end > beginning);
          if (across && held.length > heldAtMost + longest) {
            const text = replaced(
              held.slice(0, across.end),
              spans.filter(span => span.end <= across.end),
            );
            const rest = held.slice(across.end);
            held = held.slice(beginning, across.end) + rest;
            return text;
          }
          const until = across ? across.start : beginning;
          const text = replaced(
            held.slice(0, until),
            spans.filter(span => span.end <= until),
          );
          held = held.slice(until);
          return text;
        },
        /** What was held back. */
        end(): string {
          const text = hide(held);
          held = '';
          return text;
        },
      };
    },
  };
}

/** Every form of a value that is looked for. */
export function formsOfValue(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].flatMap(shift => base64Forms(bytes, shift));
  const whole = bytes.toString('base64');
  const lines = value.split(/\r?\n/).map(line => line.trim());
  const all = [
    value,
    JSON.stringify(value).slice(1, -1),
    asciiJson(value),
    ...addressForms(bytes),
    whole,
    // As base64(1) and PEM break it.
    ...[76, 64].map(width => whole.replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\n')),
    ...base64,
    ...base64.map(text => text.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...(lines.length > 1 ? lines : []),
  ];
  return [...new Set(all)].filter(form => form.length >= shortestSecret);
}

function formsOf(secrets: readonly Secret[]): Form[] {
  const forms = new Map<string, string>();
  // Where two have one value, or one is a line of the other, the first is named.
  for (const { name, value } of secrets)
    for (const form of formsOfValue(value)) if (!forms.has(form)) forms.set(form, name);
  return [...forms].map(([text, name]) => ({ text, name }));
}

/** The characters of base64 (RFC 4648) that the bytes alone decide, when `shift` other bytes stand before them in a group of three. */
function base64Forms(bytes: Buffer, shift: number): string[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  const whole = text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
  return [whole];
}

/** As `encodeURIComponent`, forms (`+` for a space) and Python's `quote` write it, with digits in capitals or not. */
function addressForms(bytes: Buffer): string[] {
  const rows: [kept: RegExp, space: string][] = [
    [/[A-Za-z0-9\-_.!~*'()]/, '%20'],
    [/[A-Za-z0-9\-_.*]/, '+'],
    [/[A-Za-z0-9\-_.~]/, '+'],
    [/[A-Za-z0-9\-_.~]/, '%20'],
    [/[A-Za-z0-9\-_.~/]/, '%20'],
    [/[A-Za-z0-9\-_.!~*'();,/?:@&=+$#]/, '%20'],
  ];
  return rows.flatMap(([kept, space]) =>
    [true, false].map(capitals =>
      [...bytes]
        .map(byte => {
          const letter = byte < 128 ? String.fromCharCode(byte) : '';
          if (letter === ' ') return space;
          if (letter !== '' && kept.test(letter)) return letter;
          const digits = byte.toString(16).padStart(2, '0');
          return `%${capitals ? digits.toUpperCase() : digits}`;
        })
        .join(''),
    ),
  );
}

/** As Python's `json` writes it. */
function asciiJson(value: string): string {
  return JSON.stringify(value)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function replaced(text: string, spans: readonly Span[]): string {
  let clean = '';
  let from = 0;
  for (const { start, end, name } of spans) {
    clean += `${text.slice(from, start)}[secret ${name}]`;
    from = end;
  }
  return clean + text.slice(from);
}
