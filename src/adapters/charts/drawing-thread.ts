import { parentPort } from 'node:worker_threads';
import type { DrawAnswer, DrawRequest } from './charts.ts';
import { drawPng, drawSvg } from './draw.ts';

/** Draws one chart after the other, away from the thread that answers people: a picture takes some 30 ms, the first one a second. */
parentPort?.on('message', async ({ id, chart, format, theme }: DrawRequest) => {
  const answer = async (): Promise<DrawAnswer> => {
    try {
      const bytes =
        format === 'png'
          ? await drawPng(chart, theme)
          : new TextEncoder().encode(await drawSvg(chart, theme));
      return { id, bytes };
    } catch (err) {
      return { id, error: err instanceof Error ? err.message : String(err) };
    }
  };
  parentPort?.postMessage(await answer());
});
