import type { Service } from './service.ts';

export interface Curve {
  metric: string | null;
  points: number;
}

interface ChartJson {
  metric: string | null;
  chart: { series: { role: string; points: unknown[] }[] } | null;
}

/** The curve of a run as a terminal shows it. What it is made of comes from the API. */
export async function showCurve(
  service: Service,
  number: number,
  say: (text: string) => void,
): Promise<Curve> {
  const words = `chart ${number}`;
  say(`\nIts curve, in a terminal:  signalbox ${words}\n`);
  say((await service.cli(...words.split(' '))).replace(/^/gm, '  | '));
  const { reply } = (await service.post('/v1/commands', { words: `train ${words}` })) as {
    reply: { data: ChartJson };
  };
  const { metric, chart } = reply.data;
  return { metric, points: chart?.series.find(({ role }) => role === 'run')?.points.length ?? 0 };
}
