import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A picture of 8 by 8 pixels, from 0 (paper) to 16 (ink), and the digit that it shows. */
export interface Image {
  pixels: number[];
  label: number;
}

const side = 8;
const ink = 16;
const shades = ' .:-=+*#%@';
/** As train.py has it: every fifth image of each class is held out. */
const holdOut = 5;

/** The images that no model has learned from. */
export function heldOut(): Image[] {
  const packed = readFileSync(join(import.meta.dirname, '../digits/data/digits.csv.gz'));
  const rows = gunzipSync(packed)
    .toString()
    .trim()
    .split('\n')
    .map(line => line.split(',').map(Number));
  const seen = new Map<number, number>();
  return rows.flatMap(row => {
    const [pixels, label = 0] = [row.slice(0, side * side), row[side * side]];
    const before = seen.get(label) ?? 0;
    seen.set(label, before + 1);
    return before % holdOut === holdOut - 1 ? [{ pixels, label }] : [];
  });
}

/** In a terminal, where characters are twice as high as wide. */
export function drawn({ pixels }: Image): string[] {
  const shade = (value: number) => (shades[Math.round((value * (shades.length - 1)) / ink)] ?? ' ').repeat(2);
  return Array.from({ length: side }, (_, y) =>
    pixels
      .slice(y * side, (y + 1) * side)
      .map(shade)
      .join(''),
  );
}
