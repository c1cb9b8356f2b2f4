import { readChartLink } from '../core/chart-link.ts';
import type { Page, PageResponse } from '../core/edge.ts';
import type { Log, PictureLook, PicturePort, RunCharts, RunStore, Signer } from '../core/ports.ts';
import { isEnd } from '../core/run.ts';

export interface ChartPagePorts {
  signer: Pick<Signer, 'read'>;
  runs: Pick<RunStore, 'get'>;
  charts: Pick<RunCharts, 'of'>;
  pictures: PicturePort;
  clock: () => Date;
  log: Log;
}

/** As many as the picture can show one beside the other. */
const mostPoints = 1_000;
/** For how long a picture is taken as it is: of a run that has ended, and of one that goes on. */
const freshMs = { ended: 3_600_000, growing: 10_000 };
const mostKept = 64;
const busyS = 2;

const types = { png: 'image/png', svg: 'image/svg+xml; charset=utf-8' };
const nothing: PageResponse = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  body: 'There is no such picture.\n',
};

/**
 * A run's curve as a picture, for whoever has its signed address: `/charts/<token>.png` or `.svg`. An address that was made up, has ended or
 * means nothing is answered alike. Pictures are kept for a while, and drawn once however many ask at once.
 */
export function chartPage(ports: ChartPagePorts): Page {
  const kept = new Map<string, { until: number; answer: Promise<PageResponse> }>();

  async function drawn(token: string, format: PictureLook['format'], now: Date): Promise<PageResponse> {
    const link = readChartLink(await ports.signer.read(token), now);
    const run = link && (await ports.runs.get(link.run));
    const chart = run && (await ports.charts.of(run, link.metric, mostPoints));
    if (!link || !run || !chart) return nothing;
    const bytes = await ports.pictures.draw(chart, { format, theme: link.theme });
    if (!bytes)
      return {
        status: 503,
        headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': String(busyS) },
        body: 'Too many pictures are asked for at once.\n',
      };
    const ageS = freshMs[isEnd(run.state) ? 'ended' : 'growing'] / 1000;
    return {
      status: 200,
      headers: {
        'content-type': types[format],
        'cache-control': `public, max-age=${Math.max(0, Math.min(ageS, Math.floor((link.until.getTime() - now.getTime()) / 1000)))}`,
        // Nothing in an SVG that somebody opens by itself may run or load.
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        'cross-origin-resource-policy': 'cross-origin',
      },
      body: bytes,
    };
  }

  return {
    // What is signed is longer than a parameter may be.
    path: '/charts/*',
    async handle({ params }) {
      const [, token, format] = /^([A-Za-z0-9_.-]{1,2000})\.(png|svg)$/.exec(params['*'] ?? '') ?? [];
      if (token === undefined) return nothing;
      const now = ports.clock();
      const key = `${token}.${format}`;
      const known = kept.get(key);
      if (known && known.until > now.getTime()) return await known.answer;
      const answer = drawn(token, format === 'svg' ? 'svg' : 'png', now);
      if (kept.size >= mostKept) kept.delete(kept.keys().next().value ?? '');
      const entry = { until: now.getTime() + freshMs.growing, answer };
      kept.delete(key);
      kept.set(key, entry);
      try {
        const made = await answer;
        if (made.status !== 200) kept.delete(key);
        return made;
      } catch (err) {
        kept.delete(key);
        throw err;
      }
    },
  };
}
