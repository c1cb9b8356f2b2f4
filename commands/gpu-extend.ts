import { denied, hasRank, mayChange, notOnGitHub } from '../src/core/access.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { findLease } from '../src/core/find-lease.ts';
import { formatDuration, secondsBetween } from '../src/core/format.ts';
import { leaseEnd, longestLeaseS } from '../src/core/lease.ts';
import { paidTime, tooDear } from '../src/core/paid-time.ts';
import { typedDuration } from '../src/core/project.ts';
import { type Inline, reply } from '../src/core/reply.ts';
import { isEnd, isOnMachine, type Run, timeLimitOf } from '../src/core/run.ts';
import { usualExtensionS } from '../src/core/run-actions.ts';
import { runJson } from '../src/core/run-json.ts';
import { titleOf } from '../src/core/run-reply.ts';

/** Gives a lease more time. The same wish twice gives it once. */
export const gpuExtend = defineCommand({
  path: ['gpu', 'extend'],
  summary: 'Keep a lease for longer.',
  access: 'trainer',
  places: notOnGitHub,
  own: true,
  arguments: [
    { name: 'run', kind: 'run', summary: "The lease's number.", required: true },
    {
      name: 'time',
      kind: 'duration',
      summary: `How much longer; ${typedDuration(usualExtensionS)} otherwise.`,
    },
  ],
  flags: [],
  examples: ['gpu extend 7 2h'],
  needs: ['runs', 'plan'],
  async run(values, { actor, role, isSelf, policy, key, now }, { runs, plan }) {
    const find = () => findLease(values.run, runs, 'train extend');
    const found = await find();
    if (!found.ok) return found;
    const access = mayChange(found.run, isSelf(found.run.requestedBy), role);
    if (!access.ok) return denied(`gpu extend ${values.run}`, access);
    const byS = values.time ?? usualExtensionS;
    const most = policy.leases.most;
    const paid = paidTime(found.run, await plan.snapshot(now), policy);
    const longestS = longestLeaseS(found.run, most, now);
    const mostS = hasRank(role, 'operator') ? null : Math.min(paid.seconds, longestS);
    const changed = await runs.change(values.run, { type: 'extend', actor, key, byS, mostS }, now, actor);
    if (changed.ok) return extended(changed.run);

    const again = await find();
    if (!again.ok) return again;
    if (changed.code === 'too-much' && paid.seconds < longestS)
      return tooDear(values.run, byS, paid, policy.currency);
    if (changed.code === 'too-much') return tooLong(again.run, byS, most, now);
    return notExtended(again.run);
  },
});

function extended(run: Run): Outcome {
  const end = leaseEnd(run);
  const until: Inline[] = end ? ['It ends ', { at: end }, ', if nothing else is said.'] : [];
  const title = `Lease ${titleOf(run)}, for ${formatDuration(timeLimitOf(run))} in all.`;
  const blocks = until.length > 0 ? [{ kind: 'text' as const, text: until }] : [];
  return { ok: true, reply: reply(title, blocks, { data: runJson(run) }) };
}

function tooLong(run: Run, byS: number, most: number, now: Date): Outcome {
  const { number } = run;
  const end = leaseEnd(run);
  const leftS = end ? secondsBetween(now, end) : timeLimitOf(run);
  const restS = whole(most - leftS);
  const details = {
    number,
    word: typedDuration(byS),
    limit: formatDuration(most),
    now: formatDuration(Math.round(leftS)),
    ...(restS > 0
      ? { rest: formatDuration(restS), example: `gpu extend ${number} ${typedDuration(restS)}` }
      : { rest: null, example: null }),
  };
  return { ok: false, code: 'LEASE_TOO_LONG', details };
}

/** Down to whole minutes: below one, it is no use to anybody. */
function whole(seconds: number): number {
  return Math.max(0, Math.floor(seconds / 60) * 60);
}

function notExtended(run: Run): Outcome {
  const { number, stopping } = run;
  if (isEnd(run.state)) {
    const details = { word: number, number, state: run.state, example: 'gpu request 1 --for 2h' };
    return { ok: false, code: 'RUN_ALREADY_ENDED', details };
  }
  // It is held and not ending: the same wish has come before.
  if (isOnMachine(run.state) && !stopping) return extended(run);
  const state = stopping ? 'ending' : run.state;
  return {
    ok: false,
    code: 'RUN_NOT_WORKING',
    details: { word: number, number, state, example: `train status ${number}` },
  };
}
