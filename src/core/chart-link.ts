import type { PictureLook } from './ports.ts';

/** What the address of a picture says, inside its signature. */
export interface ChartLink {
  run: number;
  metric: string;
  theme: PictureLook['theme'];
  /** After which it shows nothing any more. */
  until: Date;
}

const dayMs = 86_400_000;
const days = 30;
const shape = /^chart (\d{1,15}) (light|dark) (\d{1,15}) (.+)$/s;

/** The text that is signed. What is signed for anything else begins otherwise. */
export function chartLinkText({ run, metric, theme, until }: ChartLink): string {
  return `chart ${run} ${theme} ${until.getTime()} ${metric}`;
}

/** Null: it is no picture's address, or not any more. */
export function readChartLink(text: string | null, now: Date): ChartLink | null {
  const [, run, theme, until, metric] = shape.exec(text ?? '') ?? [];
  if (run === undefined || until === undefined || metric === undefined) return null;
  const end = new Date(Number(until));
  if (!(end > now)) return null;
  return { run: Number(run), metric, theme: theme === 'dark' ? 'dark' : 'light', until: end };
}

/** Some thirty days after a moment, to the day: whoever asks again on that day gets the same address. */
export function linkEnd(from: Date): Date {
  return new Date((Math.floor(from.getTime() / dayMs) + 1 + days) * dayMs);
}
