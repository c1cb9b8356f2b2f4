import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Log } from '../../core/ports.ts';
import type { GaugeSample, HttpDeps } from './deps.ts';

export interface Metrics {
  /** `route` is one of those that exist, or `unmatched`: never what was asked for. */
  observe(route: string, status: number, seconds: number): void;
  /** The page for Prometheus. */
  page(): Promise<{ type: string; body: string }>;
}

const gaugesLastMs = 5_000;
/** Longest that a page waits for the store; the process's own figures matter most when the store is slow. */
const gaugesWaitMs = 500;

/** Measures requests and the process, and asks `gauges` for the rest, at most every 5 s; `counters` are at hand. */
export function httpMetrics({ gauges, counters }: Pick<HttpDeps, 'gauges' | 'counters'>, log: Log): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Two metrics, for buckets by route and by status together would be too many series.
  const durations = new Histogram({
    name: 'signalbox_http_request_duration_seconds',
    help: 'Time to answer, by route.',
    labelNames: ['route'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers: [registry],
  });
  const answers = new Counter({
    name: 'signalbox_http_requests_total',
    help: 'Requests answered, by route and class of status.',
    labelNames: ['route', 'status'],
    registers: [registry],
  });
  const children = new Map<string, { observe(seconds: number): void; inc(): void }>();
  const shown = new Map<string, Gauge>();
  const counted = new Map<string, Counter>();
  let asked = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;

  async function ask(read: () => Promise<GaugeSample[]>): Promise<void> {
    const samples = await read().catch((err: unknown) => {
      log.warn({ err }, 'gauges could not be read');
      return [];
    });
    // What could not be read is left out: an old figure would look like a new one.
    for (const gauge of shown.values()) gauge.reset();
    for (const sample of samples) gaugeFor(sample).set(sample.labels, sample.value);
    asked = performance.now();
  }

  function gaugeFor({ name, help, labels }: GaugeSample): Gauge {
    const known = shown.get(name);
    if (known) return known;
    const gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] });
    shown.set(name, gauge);
    return gauge;
  }

  function count(samples: GaugeSample[]): void {
    for (const counter of counted.values()) counter.reset();
    for (const { name, help, labels, value } of samples) {
      const labelNames = Object.keys(labels);
      const counter = counted.get(name) ?? new Counter({ name, help, labelNames, registers: [registry] });
      counted.set(name, counter);
      counter.inc(labels, value);
    }
  }

  async function refresh(): Promise<void> {
    if (!gauges || performance.now() - asked < gaugesLastMs) return;
    asking ??= ask(gauges).finally(() => {
      asking = null;
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, gaugesWaitMs);
    await Promise.race([asking, promise]);
    clearTimeout(timer);
  }

  return {
    observe: (route, status, seconds) => {
      const kind = `${Math.floor(status / 100)}xx`;
      const key = `${route} ${kind}`;
      let child = children.get(key);
      if (!child) {
        const [duration, answer] = [durations.labels(route), answers.labels(route, kind)];
        child = { observe: took => duration.observe(took), inc: () => answer.inc() };
        children.set(key, child);
      }
      child.observe(seconds);
      child.inc();
    },
    page: async () => {
      await refresh();
      count(counters?.() ?? []);
      return { type: registry.contentType, body: await registry.metrics() };
    },
  };
}
