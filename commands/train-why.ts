import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import type { RunStore } from '../src/core/ports.ts';
import { type Inline, reply } from '../src/core/reply.ts';
import { isEnd, isOnMachine, type Run } from '../src/core/run.ts';
import { titleOf, waitingSentence } from '../src/core/run-reply.ts';

const shownEvents = 8;

/** Why a run waits, or is what it is, with the way that it came. */
export const trainWhy = defineCommand({
  path: ['train', 'why'],
  summary: 'See why a run waits, or how it ended.',
  access: 'viewer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train why 42'],
  needs: ['runs'],
  async run(values, _context, { runs }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { run } = found;
    const events = await runs.events(run.number);
    const ahead = await runs.ahead(run);
    const why = whyOf(run, ahead, events.at(-1)?.reason ?? '');
    const items = events
      .slice(-shownEvents)
      .map((event): Inline[] => [{ at: event.at }, ' ', { bold: event.type }, `: ${event.reason}`]);
    const data = {
      number: run.number,
      state: run.state,
      why,
      code: run.waiting?.code ?? null,
      ahead: isWaiting(run) ? ahead : null,
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
      { kind: 'list' as const, items },
    ];
    return { ok: true, reply: reply(`${titleOf(run)}.`, blocks, { data }) };
  },
});

type Events = Awaited<ReturnType<RunStore['events']>>;

function isWaiting(run: Run): boolean {
  return !isEnd(run.state) && !isOnMachine(run.state);
}

function whyOf(run: Run, ahead: number, lastReason: Events[number]['reason']): string {
  if (isWaiting(run)) return waitingSentence(run, ahead);
  return run.failure?.message ?? lastReason;
}
