import { formatDuration } from './format.ts';
import type { ReplyAction } from './reply.ts';
import { isEnd, isOnMachine, type Run } from './run.ts';

/** What an extension gives where nothing is said, in seconds. */
export const usualExtensionS = 3_600;

/** What can be done with a run as it is now, most wanted first, and what cannot be undone last. */
export function actionsOf(run: Run): ReplyAction[] {
  const { number, state, attempt } = run;
  const logs: ReplyAction = { action: 'logs', run: number, label: 'Logs' };
  const hasLogs = attempt > 0 ? [logs] : [];
  const compare: ReplyAction = { action: 'compare', run: number, label: 'Compare' };
  const retry: ReplyAction = { action: 'retry', run: number, label: 'Run again' };
  if (isEnd(state)) return [retry, ...hasLogs, ...(attempt > 0 ? [compare] : [])];
  if (!isOnMachine(state)) return [{ action: 'why', run: number, label: 'Why?' }, ...hasLogs, cancel(run)];
  if (run.stopping) return [logs];
  const label = `Extend by ${formatDuration(usualExtensionS)}`;
  const extend: ReplyAction = { action: 'extend', run: number, label };
  return state === 'running' ? [logs, extend, cancel(run)] : [logs, cancel(run)];
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
