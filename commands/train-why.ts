import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { type QuotaNow, quotaOf } from '../src/core/forecast.ts';
import { aheadSentence, quotaSentence } from '../src/core/forecast-reply.ts';
import type { RunStore } from '../src/core/ports.ts';
import { type Inline, type ReplyBlock, reply } from '../src/core/reply.ts';
import { isEnd, isOnMachine, type Run } from '../src/core/run.ts';
import { titleOf, waitingSentence } from '../src/core/run-reply.ts';
import { readWorld } from '../src/core/scheduler/read-world.ts';

const shownEvents = 8;

/** Why a run waits, or is what it is, with the way that it came. */
export const trainWhy = defineCommand({
  path: ['train', 'why'],
  summary: 'See why a run waits, or how it ended.',
  access: 'viewer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train why 42'],
  needs: ['runs', 'plan'],
  async run(values, { policy, now }, { runs, plan }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { run } = found;
    const events = await runs.events(run.number);
    const ahead = await runs.ahead(run);
    const why = whyOf(run, ahead, events.at(-1)?.reason ?? '');
    const items = events
      .slice(-shownEvents)
      .map((event): Inline[] => [{ at: event.at }, ' ', { bold: event.type }, `: ${event.reason}`]);
    const world = isWaiting(run) ? readWorld(await plan.snapshot(now), policy, now) : null;
    const waiting = world?.waiting.find(one => one.number === run.number);
    const quota = world && waiting ? quotaOf(waiting, world, null) : null;
    const data = {
      number: run.number,
      state: run.state,
      why,
      code: run.waiting?.code ?? null,
      ahead: isWaiting(run) ? ahead : null,
      quota,
      events: events.map(({ type, actor, reason, at, attempt }) => ({
        type,
        actor: actor.name,
        reason,
        at: at.toISOString(),
        attempt,
      })),
    };
    const blocks = [
      { kind: 'text' as const, text: [why] },
      ...(isWaiting(run) ? numbersOf(run, ahead, quota) : []),
      { kind: 'list' as const, items },
    ];
    return { ok: true, reply: reply(`${titleOf(run)}.`, blocks, { data }) };
  },
});

type Events = Awaited<ReturnType<RunStore['events']>>;

function isWaiting(run: Run): boolean {
  return !isEnd(run.state) && !isOnMachine(run.state);
}

/** What the sentence may leave out. */
function numbersOf({ waiting }: Run, ahead: number, quota: QuotaNow | null): ReplyBlock[] {
  const isSaid = waiting === null || waiting.code === 'runs-ahead';
  const rows = [
    ...(isSaid ? [] : [{ label: 'Before it', value: [aheadSentence(ahead)] }]),
    ...(quota ? [{ label: 'Quota', value: [quotaSentence(quota)] }] : []),
  ];
  return rows.length > 0 ? [{ kind: 'fields', rows }] : [];
}

function whyOf(run: Run, ahead: number, lastReason: Events[number]['reason']): string {
  if (isWaiting(run)) return waitingSentence(run, ahead);
  return run.failure?.message ?? lastReason;
}
