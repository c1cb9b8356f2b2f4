import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { chartPictures } from '../../../src/adapters/charts/charts.ts';
import { drawPng, drawSvg } from '../../../src/adapters/charts/draw.ts';
import { cutTo, drawable, openFont } from '../../../src/adapters/charts/font.ts';
import { labelsOf, stepAxis, valueAxis } from '../../../src/adapters/charts/scale.ts';
import { themes } from '../../../src/adapters/charts/themes.ts';
import { stretches, thinned } from '../../../src/adapters/charts/thin.ts';
import { charts, points, run, usual } from '../../support/charts.ts';

/** An SVG is text, and the same to the letter everywhere: `SIGNALBOX_UPDATE_GOLDEN=1` writes what is drawn now; look at it before. */
const goldenDir = join(import.meta.dirname, 'golden');
const both = ['light', 'dark'] as const;

describe('charts as pictures', () => {
  test('are as they were looked at', async () => {
    const known: string[] = [];
    for (const [name, chart] of Object.entries(charts))
      for (const theme of both) {
        const file = `${name}-${theme}.golden.svg`;
        const path = join(goldenDir, file);
        const svg = `${(await drawSvg(chart, theme)).replaceAll('><', '>\n<')}\n`;
        known.push(file);
        if (process.env.SIGNALBOX_UPDATE_GOLDEN) await writeFile(path, svg);
        assert.equal(svg, await readFile(path, 'utf8'), file);
      }
    assert.deepEqual((await readdir(goldenDir)).sort(), known.sort());
  });

  for (const [name, chart] of Object.entries(charts))
    test(`${name}: numbers, and no markup but Vega's`, async () => {
      const svg = await drawSvg(chart, 'light');
      assert.doesNotMatch(svg, /NaN|Infinity|undefined|null/);
      assert.doesNotMatch(svg, /<(script|b|i|image|foreignObject|a)[\s>]/);
      assert.doesNotMatch(svg, /href|\u202e/);
    });

  for (const theme of both)
    test(`PNG, ${theme}: twice the size, the page's colour up to the edge, and ink on it`, async () => {
      const png = await drawPng(usual, theme);
      assert.deepEqual(png, await drawPng(usual, theme));
      const { width, height, pixel } = decoded(png);
      assert.deepEqual([width, height], [960, 640]);
      const page = themes[theme].background;
      for (const [x, y] of [
        [0, 0],
        [width - 1, height - 1],
      ] as const)
        assert.equal(pixel(x, y), page);
      const seen = new Set<string>();
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) seen.add(pixel(x, y));
      assert.ok(seen.has(themes[theme].runs[0] ?? ''), 'the run');
      assert.ok(seen.has(themes[theme].baseline), 'the baseline');
    });

  for (const theme of both)
    test(`colours stand out from the page, ${theme}`, () => {
      const { background, text, quiet, baseline, runs } = themes[theme];
      for (const colour of [text, quiet]) assert.ok(contrast(colour, background) >= 4.5, colour);
      for (const colour of [baseline, ...runs]) assert.ok(contrast(colour, background) >= 3, colour);
    });

  test('a thread draws, refuses what is too many, and ends with the process', async () => {
    const pictures = chartPictures({ mostWaiting: 2 });
    const look = { format: 'png', theme: 'light' } as const;
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => pictures.draw(usual, look)));
    assert.deepEqual(a && Buffer.from(a), Buffer.from(await drawPng(usual, 'light')));
    assert.deepEqual(b, a);
    assert.equal(c, null);
    const svg = await pictures.draw(usual, { format: 'svg', theme: 'dark' });
    assert.equal(Buffer.from(svg ?? []).toString(), await drawSvg(usual, 'dark'));
    await pictures.close();
    assert.equal(await pictures.draw(usual, look), null);
  });

  test('a picture that takes too long fails, and the next one is drawn', async () => {
    const slow = chartPictures({ timeoutMs: 1 });
    await assert.rejects(slow.draw(usual, { format: 'png', theme: 'light' }), /too long/);
    await slow.close();
  });
});

const font = openFont('DejaVuSans.ttf');
const written: [said: string, drawn: string][] = [
  ['val_auc', 'val_auc'],
  ['验证 acc 🚀', '· acc'],
  ['👨‍👩‍👧 loss', 'loss'],
  ['🇩🇪 1️⃣ ok', '1 ok'],
  ['a\u202eb\u0000c\nd', 'abc d'],
  ['שלום', 'שלום'],
  ['<b>', '<b>'],
  ['\ud800', '\ufffd'],
];
describe('words in pictures', () => {
  for (const [said, drawn] of written)
    test(`${JSON.stringify(said)} is ${JSON.stringify(drawn)}`, () =>
      assert.equal(drawable(said, font), drawn));
  test('cut to a width', () => {
    assert.equal(cutTo('short', 100, 14, font), 'short');
    const cut = cutTo('a name that is far too long', 60, 14, font);
    assert.ok(cut.endsWith('…') && font.width(cut, 14) <= 60, cut);
  });
});

describe('axes', () => {
  const rows: [name: string, values: number[], kind: string, labels: string[]][] = [
    ['shares', [0.5, 0.95], 'linear', ['0.5', '0.6', '0.7', '0.8', '0.9']],
    ['just below three decades', [0.0011, 1], 'linear', ['0', '0.2', '0.4', '0.6', '0.8', '1.0']],
    ['three decades', [0.001, 1], 'log', ['0.001', '0.01', '0.1', '1']],
    ['three decades and a nought', [0, 1], 'linear', ['0', '0.2', '0.4', '0.6', '0.8', '1.0']],
    ['constant', [5], 'linear', ['4.6', '4.8', '5.0', '5.2', '5.4']],
    ['all noughts', [0], 'linear', ['−1.0', '−0.5', '0', '0.5', '1.0']],
  ];
  for (const [name, values, kind, labels] of rows)
    test(name, () => {
      const axis = valueAxis(values, null);
      assert.deepEqual([axis.kind, axis.labels.map(one => (Number(one) === 0 ? '0' : one))], [kind, labels]);
    });
  test('long numbers close together say by how much they are above the first', () => {
    const { base, labels } = valueAxis([1e10, 1e10 + 49], null);
    assert.equal(base, 1e10);
    assert.deepEqual(labels, ['+0', '+10', '+20', '+30', '+40', '+50']);
  });
  test('steps go from the first to the last', () => {
    assert.deepEqual(stepAxis(0, 100).domain, [0, 100]);
    assert.deepEqual(stepAxis(7, 7).labels, ['7']);
    assert.deepEqual(labelsOf([0, 1.5e6, 3e6]), ['0', '1.5M', '3.0M']);
    assert.deepEqual(labelsOf([1e-9, 2.5e-9]), ['1e-9', '2.5e-9']);
  });
});

describe('many points', () => {
  test('are thinned without losing the ends or what stands out', () => {
    const all = points(100_000, i => Math.sin(i / 500) + (i === 77_777 ? 9 : 0));
    const kept = thinned(all, 300);
    assert.ok(kept.length <= 1_200, String(kept.length));
    assert.deepEqual([kept[0], kept.at(-1)], [all[0], all.at(-1)]);
    assert.ok(kept.some(({ x }) => x === 77_777));
  });
  test('few stay as they are', () =>
    assert.equal(
      thinned(
        points(50, i => i),
        300,
      ).length,
      50,
    ));
  test('a gap is many times longer than the pauses around it', () => {
    const at = (...xs: number[]) => stretches(xs.map(x => ({ x, y: 0 }))).map(part => part.length);
    assert.deepEqual(at(0, 1, 2, 30, 31, 32), [3, 3]);
    assert.deepEqual(at(0, 1, 2, 11, 12, 13), [6]);
    assert.deepEqual(at(1, 10, 100, 1_000, 10_000), [5]);
    assert.deepEqual(at(5), [1]);
    assert.deepEqual(at(), []);
  });
  test('a thousand points are drawn as a picture in well below a tenth of a second, once it is warm', async () => {
    const chart = { ...usual, series: [run(points(1_000, i => Math.sin(i / 40)))] };
    const took: number[] = [];
    for (let i = 0; i < 9; i++) {
      const from = performance.now();
      await drawPng(chart, 'light');
      took.push(performance.now() - from);
    }
    const best = Math.min(...took);
    // The machine may be busy; the figure itself is the benchmark's.
    assert.ok(best < 100, `${best.toFixed(0)} ms`);
  });
});

/** The pixels of a PNG with eight bits for each of red, green, blue and alpha (https://www.w3.org/TR/png-3/). */
function decoded(png: Uint8Array) {
  const bytes = Buffer.from(png);
  assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  assert.deepEqual([bytes[24], bytes[25]], [8, 6]);
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const raw = inflateSync(Buffer.concat(data));
  const row = width * 4;
  const out = Buffer.alloc(row * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (row + 1)];
    for (let i = 0; i < row; i++) {
      const left = i >= 4 ? (out[y * row + i - 4] ?? 0) : 0;
      const up = y > 0 ? (out[(y - 1) * row + i] ?? 0) : 0;
      const corner = y > 0 && i >= 4 ? (out[(y - 1) * row + i - 4] ?? 0) : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      out[y * row + i] = (raw[y * (row + 1) + 1 + i] ?? 0) + guess;
    }
  }
  const pixel = (x: number, y: number) => `#${out.toString('hex', y * row + x * 4, y * row + x * 4 + 3)}`;
  return { width, height, pixel };
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map(one => Math.abs(guess - one)) as [number, number, number];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [a, b].map(luminance).sort((one, other) => other - one);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
