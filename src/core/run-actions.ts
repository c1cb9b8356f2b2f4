import { formatDuration } from './format.ts';
import { typedMoney } from './money.ts';
import type { ReplyAction } from './reply.ts';
import { askedCost, isEnd, isEvaluation, isLease, isOnMachine, isServing, type Run } from './run.ts';

/** What an extension gives where nothing is said, in seconds. */
export const usualExtensionS = 3_600;

/**
 * What can be done with a run as it is now, most wanted first, and what cannot be undone last. `versions`: what it made of models, and may be
 * promoted.
 */
export function actionsOf(
  run: Run,
  versions: readonly { model: string; number: number }[] = [],
): ReplyAction[] {
  if (isLease(run)) return [...approve(run), ...leaseActions(run)];
  if (isServing(run)) return servingActions(run);
  const { number, state, attempt } = run;
  const logs: ReplyAction = { action: 'logs', run: number, label: 'Logs' };
  const hasLogs = attempt > 0 ? [logs] : [];
  const compare: ReplyAction = { action: 'compare', run: number, label: 'Compare' };
  const retry: ReplyAction = { action: 'retry', run: number, label: 'Run again' };
  const promote = versions.map((version): ReplyAction => {
    return { action: 'promote', run: number, version, label: `Promote ${version.model} ${version.number}` };
  });
  // It is measured again by promoting it again.
  if (isEnd(state) && isEvaluation(run)) return hasLogs;
  if (isEnd(state)) return [...promote, retry, ...hasLogs, ...(attempt > 0 ? [compare] : [])];
  if (!isOnMachine(state))
    return [...approve(run), { action: 'why', run: number, label: 'Why?' }, ...hasLogs, cancel(run)];
  if (run.stopping) return [logs];
  const label = `Extend by ${formatDuration(usualExtensionS)}`;
  const extend: ReplyAction = { action: 'extend', run: number, label };
  return state === 'running' ? [logs, extend, cancel(run)] : [logs, cancel(run)];
}

/** What an approver can do with a run that waits for one. */
function approve(run: Run): ReplyAction[] {
  const cost = askedCost(run);
  if (cost === null) return [];
  return [{ action: 'approve', run: run.number, cost, label: `Approve ${typedMoney(cost)}` }];
}

function leaseActions(run: Run): ReplyAction[] {
  const { number, state, attempt, spec } = run;
  const logs: ReplyAction = { action: 'logs', run: number, label: 'Logs' };
  // Only what an operator named has something to say.
  const hasLogs = attempt > 0 && spec.parameters.run !== undefined ? [logs] : [];
  if (isEnd(state) || run.stopping) return hasLogs;
  if (!isOnMachine(state))
    return [{ action: 'why', run: number, label: 'Why?' }, ...hasLogs, release(run, 'It leaves the queue.')];
  const label = `Extend by ${formatDuration(usualExtensionS)}`;
  const extend: ReplyAction = { action: 'lease-extend', run: number, label };
  const text = `What works on it has ${spec.graceS} s to save its work, and its place is given to others.`;
  return [...(state === 'running' ? [extend] : []), ...hasLogs, release(run, text)];
}

/** What serves comes and goes by promotions. */
function servingActions({ number, state, attempt }: Run): ReplyAction[] {
  const waits = !isEnd(state) && !isOnMachine(state);
  return [
    ...(waits ? [{ action: 'why' as const, run: number, label: 'Why?' }] : []),
    ...(attempt > 0 ? [{ action: 'logs' as const, run: number, label: 'Logs' }] : []),
  ];
}

function release({ number }: Run, text: string): ReplyAction {
  return {
    action: 'lease-release',
    run: number,
    label: 'Release',
    confirm: { title: `Release lease #${number}?`, text, yes: 'Release it', no: 'Keep it' },
  };
}

function cancel({ number, state, spec }: Run): ReplyAction {
  const text = isOnMachine(state)
    ? `It has ${spec.graceS} s to save its work, and its place on the machine is given to another run.`
    : 'It leaves the queue and does not start.';
  return {
    action: 'cancel',
    run: number,
    label: 'Cancel',
    confirm: { title: `Cancel #${number} ${spec.project}?`, text, yes: 'Cancel the run', no: 'Keep it' },
  };
}
