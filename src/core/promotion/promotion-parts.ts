import { actorKey } from '../actor.ts';
import { cleanLine, counted } from '../format.ts';
import type { Inline, ReplyBlock } from '../reply.ts';
import { arrowWords, metricCell, sharePercent, signed } from '../run-result.ts';
import { approversName, readApprovers } from './approvers.ts';
import type { Evidence, EvidenceMetric } from './evidence.ts';
import { approvalsOf, isOver, type Promotion } from './promotion.ts';

export type Row = { label: string; value: Inline[] };

const most = { metrics: 10, gates: 10, name: 80, gate: 200, sentence: 300, reason: 500, parameters: 8 };
const shown = { sha256: 19, sha: 7 };
const none = '–';
const absent = 'absent';

/** The signs stand in one column, and say it without colours. */
const verdicts = { fails: '✗ fails', open: '○ open', holds: '✓ holds' } as const;
const inOrder: readonly (keyof typeof verdicts)[] = ['fails', 'open', 'holds'];

/** Each gate with its numbers: those that fail first. */
export function gatesBlocks({ gates, kind }: Evidence): ReplyBlock[] {
  if (gates.length === 0)
    return kind === 'rollback' ? [] : [{ kind: 'text', text: ['There are no gates for it.'] }];
  const sorted = gates.toSorted((a, b) => inOrder.indexOf(a.verdict) - inOrder.indexOf(b.verdict));
  const items = sorted
    .slice(0, most.gates)
    .map(({ gate, verdict, sentence }): Inline[] => [
      { bold: verdicts[verdict] },
      ' ',
      { code: cleanLine(gate, most.gate) },
      `: ${cleanLine(sentence, most.sentence)}`,
    ]);
  const left = sorted.slice(most.gates);
  if (left.length > 0) items.push([`and ${left.length} more, ${countsOf(left)}`]);
  return [{ kind: 'list', items }];
}

/** `2 fail, 1 open, 7 hold` */
function countsOf(gates: Evidence['gates']): string {
  const words = { fails: ['fails', 'fail'], open: ['open', 'open'], holds: ['holds', 'hold'] } as const;
  return inOrder
    .flatMap(verdict => {
      const amount = gates.filter(one => one.verdict === verdict).length;
      return amount === 0 ? [] : [`${amount} ${words[verdict][amount === 1 ? 0 : 1]}`];
    })
    .join(', ');
}

/** The version beside what serves: a phone shows the verdicts without being scrolled. `isBrief`: as text it fits there as a whole. */
export function metricsBlocks({ metrics, version, serving }: Evidence, isBrief = false): ReplyBlock[] {
  if (metrics.length === 0) return [{ kind: 'text', text: ['Its run reported no metrics.'] }];
  const [primary, ...others] = metrics;
  const directed = others.filter(({ better }) => better !== null);
  const rest = others.filter(({ better }) => better === null);
  const all = [...(primary ? [primary] : []), ...directed, ...rest];
  const rows = all.slice(0, most.metrics);
  const right = 'right' as const;
  const left = all.length - rows.length;
  const notes = [
    ...(isBrief ? [] : arrowWords(rows)),
    ...(left > 0 ? [`${counted(left, 'more metric')} not shown.`] : []),
    ...measuredWords(rows),
  ];
  return [
    {
      kind: 'table',
      columns: [
        { title: 'Metric' },
        { title: `v${version}`, align: right },
        ...(serving
          ? [
              { title: `vs v${serving.version}` },
              { title: `v${serving.version}`, align: right },
              ...(isBrief ? [] : [{ title: 'Difference', align: right }]),
            ]
          : []),
      ],
      rows: rows.map(row => [
        metricCell({ name: cleanLine(row.name, most.name), unit: undefined, better: row.better }),
        row.value ?? none,
        ...(serving
          ? [row.verdict ?? none, row.before ?? none, ...(isBrief ? [] : [differenceOf(row)])]
          : []),
      ]),
    },
    ...(notes.length > 0 ? [{ kind: 'context' as const, text: [notes.join(' ')] }] : []),
  ];
}

/** `Measured by run 61: val_accuracy; by run 42: loss.` Nothing where no version was evaluated. */
function measuredWords(rows: readonly EvidenceMetric[]): string[] {
  const byRun = new Map<number, string[]>();
  for (const { name, run } of rows)
    if (run !== undefined) byRun.set(run, [...(byRun.get(run) ?? []), cleanLine(name, most.name)]);
  if (byRun.size === 0) return [];
  const said = [...byRun].map(([run, names]) => `by run ${run}: ${names.join(', ')}`);
  return [`Measured ${said.join('; ')}.`];
}

/** `+0.0124 (+1.3 %)`; what was stored before there were differences has none. */
function differenceOf({ difference = null, share = null, verdict }: Partial<EvidenceMetric>): string {
  if (difference === null || verdict === 'same') return none;
  return `${signed(difference)}${share === null ? '' : ` (${sharePercent(share)})`}`;
}

/** What somebody who is asked must know: whose word is missing, what it replaces, and until when. */
export function decisionRows(promotion: Promotion, evidence: Evidence | null, from: string | null): Row[] {
  const rows: Row[] = [];
  const approved = approvalsOf(promotion);
  if (promotion.state === 'awaiting-approval') {
    const missing = promotion.needed - approved.length;
    const approvers = from === null ? null : readApprovers(from);
    const how = evidence?.policy.stepUp ? ' with a second factor' : '';
    const who = approvers === null ? how : `, from ${approversName(approvers)}${how}`;
    const authors = new Set([promotion.requestedBy.name, ...(evidence ? [evidence.trainedBy] : [])]);
    rows.push({
      label: 'Missing',
      value: [
        { bold: `${missing} of ${counted(promotion.needed, 'approval')}` },
        `${who}, other than ${[...authors].join(' and ')}`,
      ],
    });
  }
  if (approved.length > 0)
    rows.push({
      label: 'Approved by',
      value: approved.flatMap(({ by, reason, factor }, i): Inline[] => [
        ...(i > 0 ? [', '] : []),
        { person: actorKey(by), name: by.name },
        ...(factor ? [' with a second factor'] : []),
        ...(reason === '' ? [] : [` (${cleanLine(reason, most.reason)})`]),
      ]),
    });
  if (evidence && !isOver(promotion.state)) rows.push(replacesRow(promotion, evidence));
  if (promotion.state === 'awaiting-approval')
    rows.push({ label: 'Until', value: [{ at: promotion.expiresAt }] });
  return rows;
}

function replacesRow({ kind }: Promotion, { serving, drift }: Evidence): Row {
  const what = serving ? `version ${serving.version}, drift ${drift}` : 'nothing: none serves there yet';
  return { label: kind === 'rollback' ? 'Goes back from' : 'Replaces', value: [what] };
}

/** Where it comes from. */
export function originRows(
  { requestedBy, reason, before, state, evaluation: now }: Promotion,
  evidence: Evidence | null,
): Row[] {
  const evaluation = evidence?.evaluation ?? now;
  const evaluated: Row[] =
    evaluation === null
      ? []
      : [{ label: 'Evaluated by', value: [{ command: `train status ${evaluation}` }] }];
  const why = reason === '' ? '' : `: ${cleanLine(reason, most.reason)}`;
  const asked: Row = {
    label: 'Asked by',
    value: [{ person: actorKey(requestedBy), name: requestedBy.name }, why],
  };
  const replaced: Row[] =
    state === 'live' && before !== null ? [{ label: 'Replaced', value: [`version ${before}`] }] : [];
  if (!evidence) return [asked, ...replaced, ...evaluated];
  const { run, trainedBy, cost, sha256 } = evidence;
  const by = trainedBy === requestedBy.name ? 'the same' : trainedBy;
  return [
    asked,
    ...replaced,
    { label: 'Made by', value: [`run #${run} of ${by}, ${cost}`] },
    ...evaluated,
    codeRow(evidence),
    ...parametersRow(evidence),
    { label: 'Artifact', value: [{ code: sha256.slice(0, shown.sha256) }] },
  ];
}

function codeRow({ sha, codeLink, serving }: Evidence): Row {
  const code: Inline[] = [{ code: sha.slice(0, sha.startsWith('sha256:') ? shown.sha256 : shown.sha) }];
  if (codeLink !== null) code.push(', ', { link: codeLink, text: 'what has changed' });
  else if (serving?.sha === sha) code.push(`, the same as version ${serving.version}`);
  return { label: 'Code', value: code };
}

function parametersRow({ differences, serving }: Evidence): Row[] {
  if (!serving) return [];
  if (differences.length === 0) return [{ label: 'Parameters', value: ['the same'] }];
  const said = differences
    .slice(0, most.parameters)
    .map(
      ({ label, value, before }) =>
        `${cleanLine(label, most.name)} ${value ?? absent} (was ${before ?? absent})`,
    );
  const left = differences.length - said.length;
  return [{ label: 'Parameters', value: [[...said, ...(left > 0 ? [`${left} more`] : [])].join(', ')] }];
}
