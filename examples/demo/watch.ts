import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asText } from './as-text.ts';
import { pause } from './interruption.ts';
import type { Service } from './service.ts';
import type { Workspace } from './workspace.ts';

export interface Result {
  number: number;
  state: string;
  sha: string;
  /** Final values by name. */
  metrics: Record<string, number>;
  /** Path of the trained model. */
  model: string | null;
  messages: number;
}

interface RunJson {
  number: number;
  state: string;
  sha: string;
  metrics: Record<string, { value: number }>;
}

const pollMs = 250;
const longestMs = 120_000;
const ends = ['succeeded', 'failed', 'cancelled', 'timed-out'];

/** Shows each message of the channel whenever it changes, until the run has ended and its messages say so. */
export async function watchRun(
  service: Service,
  workspace: Workspace,
  say: (text: string) => void,
): Promise<Result> {
  const shown = new Map<string, string>();
  const since = performance.now();
  while (performance.now() - since < longestMs) {
    const messages = await workspace.messages();
    for (const message of messages) {
      const text = asText(message, workspace.names);
      const before = shown.get(message.ts);
      if (before === text) continue;
      const what = before
        ? 'edited'
        : message.thread_ts && message.thread_ts !== message.ts
          ? 'in the thread'
          : 'posted';
      shown.set(message.ts, text);
      say(`  Signalbox in #training (${what}):\n${news(text, before).replace(/^/gm, '  | ')}\n`);
    }
    const { runs } = (await service.get('/v1/runs?limit=1')) as { runs: { number: number; state: string }[] };
    const run = runs[0];
    // Both the run's own message and the one in its thread must say so, and that it has made something that can be promoted.
    const texts = messages.map(message => asText(message, workspace.names));
    const told = run ? texts.filter(text => text.includes(run.state)) : [];
    const isMade = run?.state !== 'succeeded' || told.some(text => text.includes('[Promote '));
    if (run && ends.includes(run.state) && told.length >= 2 && isMade) {
      return await resultOf(service, run.number, messages.length);
    }
    await pause(pollMs);
  }
  throw new Error('The run did not end, or its message did not say so, within two minutes.');
}

/** Of an edit that leaves the title as it was, the title and the lines that are new. */
function news(text: string, before = ''): string {
  const old = before.split('\n');
  const [title, ...lines] = text.split('\n');
  if (title !== old[0]) return text;
  return [title, ...lines.filter(line => !old.includes(line) && !line.startsWith('Time:'))].join('\n');
}

async function resultOf(service: Service, number: number, messages: number): Promise<Result> {
  const { state, sha, metrics } = (await service.get(`/v1/runs/${number}`)) as RunJson;
  return {
    number,
    state,
    sha,
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric.value])),
    model: keptModel(service, number),
    messages,
  };
}

/** The data folder of the demo goes at its end; what was trained stays. */
function keptModel(service: Service, number: number): string | null {
  const made = join(service.dataDir, 'agent/local/runs', String(number), 'output/model.json');
  if (!existsSync(made)) return null;
  const kept = join('.signalbox', 'demo', 'model.json');
  mkdirSync(dirname(kept), { recursive: true });
  copyFileSync(made, kept);
  return kept;
}
