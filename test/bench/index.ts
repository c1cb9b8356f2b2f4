import type { Bench, Outcome, Row } from './bench.ts';
import { ingest } from './ingest.ts';
import { disturbed, machine } from './machine.ts';
import { metrics } from './metrics.ts';
import { scheduler } from './scheduler.ts';
import { slackAck } from './slack-ack.ts';

const benches: Bench[] = [slackAck, ingest, scheduler, metrics];

/** `npm run bench -- NAME [--json]`: progress on standard error, figures on standard output; with `--json` as its last line. */
async function main(args: string[]): Promise<number> {
  const names = args.filter(arg => arg !== '--json');
  const bench = benches.find(one => one.name === names[0]);
  if (!bench || names.length !== 1) {
    const list = benches.map(one => `  ${one.name.padEnd(14)}${one.about}`).join('\n');
    process.stderr.write(`npm run bench -- NAME [--json], where NAME is one of:\n${list}\n`);
    return 1;
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const warning = disturbed();
  if (warning) say(warning);
  const outcome = await bench.run(say);
  const text = args.includes('--json')
    ? JSON.stringify({ name: bench.name, machine: machine(), ...outcome })
    : table(outcome);
  process.stdout.write(`${text}\n`);
  return 0;
}

function table({ rows, ratio }: Outcome): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
  const lines = [columns, ...rows.map(row => columns.map(column => cell(row, column)))];
  const widths = columns.map((_, i) => Math.max(...lines.map(line => line[i]?.length ?? 0)));
  const shown = lines.map(line => line.map((text, i) => text.padStart(widths[i] ?? 0)).join('  '));
  return [machine(), '', ...shown, '', `ratio ${ratio}`].join('\n');
}

function cell(row: Row, column: string): string {
  return String(row[column] ?? '');
}

process.exitCode = await main(process.argv.slice(2));
