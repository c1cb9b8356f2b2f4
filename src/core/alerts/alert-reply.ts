import { actorKey } from '../actor.ts';
import { nearest } from '../nearest.ts';
import type { FiredAlert, MetricSummary, Reported } from '../ports.ts';
import { type Inline, type Reply, reply } from '../reply.ts';
import { isEnd, type Run } from '../run.ts';
import { metricsOf } from './judge-alert.ts';
import { readAlert } from './read-alert.ts';

type Said = Pick<FiredAlert, 'when' | 'do' | 'sentence'>;

/** What the history of the run, and its failure where it is stopped, say of it. */
export function alertReason({ when, do: what, sentence }: Said): string {
  return what === 'stop' ? `Its rule "${when}" held: ${sentence}` : `Its rule "${when}" holds: ${sentence}`;
}

/** The message in the run's thread, which tells the person who asked. */
export function alertReply(
  { number, spec, state, requestedBy }: Run,
  { when, do: what, sentence }: Said,
): Reply {
  const person: Inline = { person: actorKey(requestedBy), name: requestedBy.name };
  const isOver = isEnd(state);
  const title = isOver
    ? 'has ended, and a rule holds'
    : what === 'stop'
      ? 'is stopped by a rule'
      : 'warns by a rule';
  const then = {
    stop: isOver
      ? ' It had ended before there was anything to stop.'
      : ` It has ${spec.graceS} s to save its work, and is not started again.`,
    warn: isOver ? '' : ' It goes on; this rule is not said again.',
  }[what];
  return reply(
    `#${number} ${spec.project} ${title}: ${when}`,
    [
      { kind: 'text', text: [person, ': ', { code: when }, ' holds.'] },
      { kind: 'text', text: [sentence, then] },
      { kind: 'text', text: ['To see how it went: ', { command: `train status ${number}` }] },
    ],
    { audience: 'place', tone: what === 'stop' && !isOver ? 'failure' : 'warning' },
  );
}

/** What of the rules is to be read in the run's own message: those that held, and, once it has ended, those that spoke of nothing. */
export function alertRows(
  { spec, state, failure }: Run,
  metrics: readonly MetricSummary[],
  { alerts, leftOut }: Reported,
): { label: string; value: Inline[] }[] {
  // The rule that stops it is its failure, unless somebody stopped it for another reason meanwhile.
  const others = alerts.filter(one => one.do === 'warn' || failure?.class !== 'stopped-by-rule');
  const held = others.map(({ when, sentence }) => ({
    label: 'Warning',
    value: [{ code: when }, ` ${sentence}`],
  }));
  if (!isEnd(state)) return held;
  const known = [...metrics, ...leftOut.notFinite].map(metric => metric.name);
  const unseen = (spec.alerts ?? []).flatMap(({ when }, rule) => {
    const read = readAlert(when);
    if (!read.ok || alerts.some(one => one.rule === rule)) return [];
    const missing = metricsOf(read.alert, spec.primaryMetric).find(name => !known.includes(name));
    if (missing === undefined) return [];
    const meant = nearest(missing, known);
    const hint = meant === undefined ? '' : `; perhaps ${meant} is meant`;
    return [{ label: 'Not looked at', value: [{ code: when }, ` It never reported ${missing}${hint}.`] }];
  });
  return [...held, ...unseen];
}
