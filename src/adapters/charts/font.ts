import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * What is known of a TrueType font: which signs it can draw, and how wide they are. Of its tables only `head`, `hhea`, `hmtx` and `cmap`
 * are read (https://learn.microsoft.com/typography/opentype/spec/otff), which saves asking the renderer for every label.
 */
export interface Font {
  path: string;
  has(codePoint: number): boolean;
  /** Of text in one line, in pixels, without what shaping would change. */
  width(text: string, size: number): number;
}

export const family = 'DejaVu Sans';

/** The fonts come with the package, so that a picture is the same on every machine. */
export function openFont(file: 'DejaVuSans.ttf' | 'DejaVuSans-Bold.ttf'): Font {
  const path = createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${file}`);
  const bytes = readFileSync(path);
  const tables = tablesOf(bytes);
  const at = (name: string) => tables.get(name) ?? missing(path, name);
  const unitsPerEm = bytes.readUInt16BE(at('head') + 18);
  const metrics = bytes.readUInt16BE(at('hhea') + 34);
  const widths = at('hmtx');
  const glyphs = glyphsOf(bytes, at('cmap'));
  const advance = (codePoint: number) => {
    const glyph = Math.min(glyphs.get(codePoint) ?? 0, metrics - 1);
    return bytes.readUInt16BE(widths + 4 * glyph) / unitsPerEm;
  };
  return {
    path,
    has: codePoint => glyphs.has(codePoint),
    width: (text, size) => [...text].reduce((sum, sign) => sum + advance(sign.codePointAt(0) ?? 0), 0) * size,
  };
}

function missing(path: string, name: string): never {
  throw new Error(`the font ${path} has no table ${name}`);
}

function tablesOf(bytes: Buffer): Map<string, number> {
  const amount = bytes.readUInt16BE(4);
  return new Map(
    Array.from({ length: amount }, (_, i) => {
      const entry = 12 + 16 * i;
      return [bytes.toString('latin1', entry, entry + 4), bytes.readUInt32BE(entry + 8)];
    }),
  );
}

/** The widest of its maps that says all of Unicode (format 12). */
function glyphsOf(bytes: Buffer, cmap: number): Map<number, number> {
  const amount = bytes.readUInt16BE(cmap + 2);
  const maps = Array.from({ length: amount }, (_, i) => cmap + bytes.readUInt32BE(cmap + 4 + 8 * i + 4));
  const whole = maps.find(map => bytes.readUInt16BE(map) === 12);
  if (whole === undefined) throw new Error('the font does not say which signs of Unicode it has');
  const glyphs = new Map<number, number>();
  const groups = bytes.readUInt32BE(whole + 12);
  for (let i = 0; i < groups; i++) {
    const group = whole + 16 + 12 * i;
    const [from, to, glyph] = [0, 4, 8].map(offset => bytes.readUInt32BE(group + offset));
    if (from === undefined || to === undefined || glyph === undefined) continue;
    for (let code = from; code <= to; code++)
      if (glyph + code - from > 0) glyphs.set(code, glyph + code - from);
  }
  return glyphs;
}

/**
 * Text that the font can draw: emoji are left out, and what else it has no glyph for is one `·` for each stretch, so that nothing becomes
 * an empty box and nobody takes a name for another. Control characters and direction marks are left out; letters that run from right to
 * left stay, and are drawn so.
 */
export function drawable(text: string, font: Pick<Font, 'has'>): string {
  const kept = text
    .toWellFormed()
    .normalize('NFC')
    .replace(
      /\p{RGI_Emoji}|[\u{1F1E6}-\u{1F1FF}\u{1F3FB}-\u{1F3FF}\uFE0E\uFE0F\u200D\u20E3]/gv,
      emoji =>
        // A digit with a sign around it is a digit.
        (emoji.match(/^[0-9#*]/) ?? [''])[0],
    )
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/gu, '');
  let drawn = '';
  let isMissing = false;
  for (const sign of kept) {
    const has = font.has(sign.codePointAt(0) ?? 0);
    if (has) drawn += sign;
    else if (!isMissing) drawn += '·';
    isMissing = !has;
  }
  return drawn.replace(/ +/g, ' ').trim();
}

/** At most `most` pixels wide, `…` where something is missing. */
export function cutTo(text: string, most: number, size: number, font: Pick<Font, 'width'>): string {
  if (font.width(text, size) <= most) return text;
  const signs = [...text];
  while (signs.length > 0 && font.width(`${signs.join('')}…`, size) > most) signs.pop();
  return `${signs.join('').trimEnd()}…`;
}
