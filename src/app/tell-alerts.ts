import { alertReason, alertReply } from '../core/alerts/alert-reply.ts';
import { epochsAsked, judgeAlert, looksAgainAfter } from '../core/alerts/judge-alert.ts';
import { type ReadAlert, readAlert } from '../core/alerts/read-alert.ts';
import { secondsBetween } from '../core/format.ts';
import type { AlertStore, Log, Wakeups } from '../core/ports.ts';
import type { Run } from '../core/run.ts';

export interface TellAlertsPorts {
  alerts: AlertStore;
  wakeups: Wakeups;
  log: Log;
}

interface Rule {
  index: number;
  when: string;
  stops: boolean;
  read: ReadAlert;
}

type Due = Awaited<ReturnType<AlertStore['due']>>[number];

/**
 * Looks at the rules of runs that have reported something since they were looked at last, and says of each that holds that it does, once in
 * the life of a run; stops the run where that is said. What a run reports right before its end is looked at behind it. Looked at by any number
 * of workers, again after a crash. A run whose rules cannot be looked at keeps no other one from it, and is looked at again.
 */
export async function tellAlerts(ports: TellAlertsPorts, now: Date): Promise<void> {
  for (const due of await ports.alerts.due(now)) {
    try {
      await tell(due, ports, now);
    } catch (err) {
      ports.log.warn({ err, run: due.run.number }, 'the rules of a run could not be looked at');
    }
  }
}

async function tell(
  { run, metrics, fired, reports }: Due,
  { alerts, wakeups }: TellAlertsPorts,
  now: Date,
): Promise<void> {
  // 1. What is still to be said, warnings before what stops the run.
  const rules = rulesOf(run).filter(rule => !fired.includes(rule.index));
  const runningS = run.startedAt ? secondsBetween(run.startedAt, run.endedAt ?? now) : 0;
  const { primaryMetric, metrics: directions = {} } = run.spec;
  const known = { metrics, runningS, primaryMetric, directions };

  // 2. What they stand on.
  const asked = epochsAsked(
    rules.map(rule => rule.read),
    known,
  );
  const facts = { ...known, epochs: await alerts.epochs(run.number, asked) };

  // 3. Those that hold are said, each in one transaction.
  for (const { index, when, stops, read } of rules) {
    const sentence = judgeAlert(read, facts);
    if (sentence === null) continue;
    const said = { when, do: stops ? ('stop' as const) : ('warn' as const), sentence };
    const surfaces = await alerts.fire(
      {
        run,
        rule: index,
        stops,
        sentence,
        reason: alertReason(said),
        content: alertReply(run, said),
      },
      now,
    );
    if (surfaces === null) return;
    wakeups.wake(surfaces.map(id => `surface:${id}` as const));
  }

  // 4. Until it reports more, or a time comes that a rule waits for.
  const waits = rules.flatMap(({ read }) => looksAgainAfter(read, runningS) ?? []);
  const again =
    run.startedAt && !run.endedAt && waits.length > 0
      ? run.startedAt.getTime() + Math.min(...waits) * 1_000
      : null;
  await alerts.judged(run, reports, again === null ? null : new Date(again));
}

function rulesOf({ spec }: Run): Rule[] {
  const rules = (spec.alerts ?? []).flatMap(({ when, do: what }, index): Rule[] => {
    const read = readAlert(when);
    return read.ok ? [{ index, when, stops: what === 'stop', read: read.alert }] : [];
  });
  return rules.sort((a, b) => Number(a.stops) - Number(b.stops));
}
