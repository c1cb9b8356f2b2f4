import { Resvg } from '@resvg/resvg-js';
import { parse, View } from 'vega';
import { type Chart, curvesOf, curveWords } from '../../core/chart.ts';
import type { PictureLook } from '../../core/ports.ts';
import { drawable, family, openFont } from './font.ts';
import { chartSpec } from './spec.ts';

/** Pixels of a PNG for each pixel of the picture, as phones have them. */
const zoom = 2;
const plain = openFont('DejaVuSans.ttf');
const bold = openFont('DejaVuSans-Bold.ttf');

/** The picture as SVG. The same for the same chart, on every machine. */
export async function drawSvg(chart: Chart, theme: PictureLook['theme']): Promise<string> {
  const view = new View(parse(chartSpec(chart, theme, { plain, bold })), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    // For who cannot see it; a browser shows it as the picture's name.
    return svg.replace(/^<svg /, `<svg role="img" aria-label="${altText(chart)}" `);
  } finally {
    view.finalize();
  }
}

/** What it shows, in words: the values that are written at its lines. */
function altText(chart: Chart): string {
  const words = curvesOf(chart).map(curve => `${curve.name}, ${curveWords(curve, chart)}`);
  return drawable([chart.title, ...words].join('. '), plain).replace(
    /[&<>"']/g,
    sign => `&#${sign.codePointAt(0)};`,
  );
}

/** The same as PNG, drawn with the fonts of the package and no others. */
export async function drawPng(chart: Chart, theme: PictureLook['theme']): Promise<Uint8Array> {
  const svg = await drawSvg(chart, theme);
  const picture = new Resvg(svg, {
    font: {
      fontFiles: [plain.path, bold.path],
      loadSystemFonts: false,
      defaultFontFamily: family,
      sansSerifFamily: family,
    },
    fitTo: { mode: 'zoom', value: zoom },
    logLevel: 'off',
  });
  return picture.render().asPng();
}
