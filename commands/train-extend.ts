import { denied, hasRank, mayChange } from '../src/core/access.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { leaseMeant } from '../src/core/find-lease.ts';
import { findRun } from '../src/core/find-run.ts';
import { formatDuration } from '../src/core/format.ts';
import { paidTime, tooDear } from '../src/core/paid-time.ts';
import { type Policy, typedDuration } from '../src/core/project.ts';
import { reply } from '../src/core/reply.ts';
import { isEnd, isOnMachine, type Run, timeLimitOf } from '../src/core/run.ts';
import { usualExtensionS } from '../src/core/run-actions.ts';
import { runJson } from '../src/core/run-json.ts';
import { titleOf } from '../src/core/run-reply.ts';

/** Without an operator, a run may take this many times as long as its project allows. */
const mostTimes = 2;

/** Gives a run that works more time before it is stopped. The same wish twice gives it once. */
export const trainExtend = defineCommand({
  path: ['train', 'extend'],
  summary: 'Give a run more time.',
  access: 'trainer',
  own: true,
  arguments: [
    { name: 'run', kind: 'run', summary: "The run's number.", required: true },
    {
      name: 'time',
      kind: 'duration',
      summary: `How much more; ${typedDuration(usualExtensionS)} otherwise.`,
    },
  ],
  flags: [],
  examples: ['train extend 42 2h'],
  needs: ['runs', 'plan'],
  async run(values, { actor, role, isSelf, policy, key, now }, { runs, plan }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const access = mayChange(found.run, isSelf(found.run.requestedBy), role);
    if (!access.ok) return denied(`train extend ${values.run}`, access);
    const lease = leaseMeant(
      found.run,
      `gpu extend ${values.run} ${typedDuration(values.time ?? usualExtensionS)}`,
    );
    if (lease) return lease;
    const byS = values.time ?? usualExtensionS;
    const paid = paidTime(found.run, await plan.snapshot(now), policy);
    const longestS = mostFor(found.run, policy);
    const mostS = hasRank(role, 'operator') ? null : Math.min(paid.seconds, longestS);
    const changed = await runs.change(values.run, { type: 'extend', actor, key, byS, mostS }, now, actor);
    if (changed.ok) return extended(changed.run);

    const again = await findRun(values.run, runs);
    if (!again.ok) return again;
    if (changed.code === 'too-much' && paid.seconds < longestS)
      return tooDear(values.run, byS, paid, policy.currency);
    if (changed.code === 'too-much') return tooLong(again.run, byS, longestS);
    return notExtended(again.run);
  },
});

function mostFor({ spec }: Run, policy: Policy): number {
  const project = Object.hasOwn(policy.projects, spec.project) ? policy.projects[spec.project] : undefined;
  return mostTimes * (project?.timeLimit ?? spec.timeLimitS);
}

function extended(run: Run): Outcome {
  const title = `Run ${titleOf(run)}, and may take ${formatDuration(timeLimitOf(run))} in all.`;
  return { ok: true, reply: reply(title, [], { data: runJson(run) }) };
}

function tooLong(run: Run, byS: number, mostS: number): Outcome {
  const { number } = run;
  const restS = mostS - timeLimitOf(run);
  const details = {
    number,
    word: typedDuration(byS),
    limit: formatDuration(mostS),
    project: run.spec.project,
    now: formatDuration(timeLimitOf(run)),
    ...(restS > 0
      ? { rest: formatDuration(restS), example: `train extend ${number} ${typedDuration(round(restS))}` }
      : { rest: null, example: null }),
  };
  return { ok: false, code: 'TIME_TOO_LONG', details };
}

/** Down to whole hours, or minutes below one. */
function round(seconds: number): number {
  const unit = [3_600, 60, 1].find(one => seconds >= one) ?? 1;
  return seconds - (seconds % unit);
}

function notExtended(run: Run): Outcome {
  const { number, stopping } = run;
  if (isEnd(run.state)) {
    const details = { word: number, number, state: run.state, example: `train retry ${number}` };
    return { ok: false, code: 'RUN_ALREADY_ENDED', details };
  }
  // It works and is not being stopped: the same wish has come before.
  if (isOnMachine(run.state) && !stopping) return extended(run);
  const state = stopping ? 'being stopped' : run.state;
  const details = { word: number, number, state, example: `train status ${number}` };
  return { ok: false, code: 'RUN_NOT_WORKING', details };
}
