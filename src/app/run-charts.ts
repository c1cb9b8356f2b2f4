import { whereOf } from '../core/baseline.ts';
import { chartLinkText, linkEnd } from '../core/chart-link.ts';
import type { RunCharts, RunStore, Signer } from '../core/ports.ts';
import { chartPoints, chartsOf } from '../core/run-charts.ts';
import { type BaselinePorts, baselineOf } from './baseline-of.ts';

export interface RunChartPorts extends BaselinePorts {
  runs: Pick<RunStore, 'metrics' | 'series'>;
  signer: Pick<Signer, 'sign'>;
  /** Where people reach Signalbox; null: nobody said, and so there are no addresses of pictures. */
  address: string | null;
}

/** Curves of runs with what they are held against behind them, and where they can be seen as pictures. */
export function runCharts(ports: RunChartPorts): RunCharts {
  const { runs, signer, address } = ports;
  return {
    async of(run, name, most = chartPoints) {
      const [metrics, series] = await Promise.all([
        runs.metrics(run.number),
        runs.series(run.number, [name], most),
      ]);
      const held = (series[0]?.points.length ?? 0) > 1 ? await baselineOf(run, ports) : null;
      const other = held?.run ?? null;
      const baseline = held &&
        other && {
          run: other,
          series: await runs.series(other.number, [name], most),
          where: whereOf(held.wish, other),
        };
      return chartsOf({ run, metrics }, [name], series, baseline)[0] ?? null;
    },
    async pictures(run, metric, from) {
      if (address === null) return null;
      const at = async (theme: 'light' | 'dark') => {
        const token = await signer.sign(
          chartLinkText({ run: run.number, metric, theme, until: linkEnd(from) }),
        );
        return `${address}/charts/${token}.png`;
      };
      return { light: await at('light'), dark: await at('dark') };
    },
  };
}
