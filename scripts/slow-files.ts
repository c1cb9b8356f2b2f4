import path from 'node:path';
import type { TestEvent } from 'node:test/reporters';

const shown = 15;

/** A reporter of `node --test` that says at the end which files took longest: where to look when `npm test` takes too long. */
// biome-ignore lint/style/noDefaultExport: the test runner takes a reporter from there.
export default async function* slowFiles(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const spent = new Map<string, number>();
  for await (const { type, data } of source) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting !== 0 || !data.file) continue;
    const file = path.relative(process.cwd(), data.file);
    spent.set(file, (spent.get(file) ?? 0) + data.details.duration_ms);
  }
  const slowest = [...spent].sort(([, a], [, b]) => b - a).slice(0, shown);
  yield '\nSlowest files:\n';
  for (const [file, ms] of slowest) yield `${(ms / 1_000).toFixed(1).padStart(8)} s  ${file}\n`;
}
