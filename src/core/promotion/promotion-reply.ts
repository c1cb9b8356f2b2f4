import { type Actor, actorKey } from '../actor.ts';
import type { Chart } from '../chart.ts';
import { cleanLine } from '../format.ts';
import { type Inline, type Reply, type ReplyAction, type ReplyBlock, reply, type Tone } from '../reply.ts';
import { approvalsSentence, approversName, readApprovers } from './approvers.ts';
import type { Evidence, EvidenceMetric } from './evidence.ts';
import { type Answer, approvalsOf, isOver, type Promotion, type PromotionState } from './promotion.ts';

/** `P12` */
export function promotionName({ number }: Pick<Promotion, 'number'>): string {
  return `P${number}`;
}

/** The number of what people call `P12`, `p12` or `12`; null: it is no such name. */
export function readPromotionName(text: string): number | null {
  const digits = /^[Pp]?([1-9]\d{0,8})$/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

const states: Record<PromotionState, string> = {
  evaluating: 'is being looked at',
  'awaiting-approval': 'waits for approval',
  approved: 'is approved',
  'rolling-out': 'is being rolled out',
  'rolling-back': 'is being rolled back',
  live: 'is live',
  refused: 'was refused by a gate',
  rejected: 'was rejected',
  expired: 'has expired',
  superseded: 'was superseded',
  cancelled: 'was cancelled',
  halted: 'was halted, and what served before serves again',
  failed: 'failed',
};

const tones: Record<PromotionState, Tone> = {
  evaluating: 'waiting',
  'awaiting-approval': 'waiting',
  approved: 'working',
  'rolling-out': 'working',
  'rolling-back': 'warning',
  live: 'success',
  refused: 'failure',
  rejected: 'failure',
  expired: 'info',
  superseded: 'info',
  cancelled: 'info',
  halted: 'warning',
  failed: 'failure',
};

const none = '–';
const shownReason = 500;
const shown = { sha256: 19, sha: 7 };

export function stateWords(state: PromotionState): string {
  return states[state];
}

/** `P12: digits 7 to production` */
export function promotionTitle(promotion: Promotion): string {
  const { kind, model, version, environment } = promotion;
  const to =
    kind === 'rollback' ? `back to version ${version} in ${environment}` : `${version} to ${environment}`;
  return `${promotionName(promotion)}: ${model} ${to}`;
}

export interface PromotionFacts {
  /** What it is decided on, or was; null before there is any. */
  evidence: Evidence | null;
  /** Whom approvals come from, as the policy says it now; null: nobody knows. */
  from: string | null;
  /** The curve of the run that made the version. */
  chart?: Chart | null;
  /** Opaque ids by which buttons say what they are about; null: none may be shown. */
  button: string | null;
}

/** What people see as a promotion's one message, edited in place: what decides comes first. */
export function promotionReply(
  promotion: Promotion,
  { evidence, from, chart, button }: PromotionFacts,
): Reply {
  const { state, said } = promotion;
  const waits = state === 'awaiting-approval';
  const approvals = approvalsOf(promotion);
  const count = waits ? ` (${approvals.length} of ${promotion.needed})` : '';
  const blocks: ReplyBlock[] = [
    ...(said === '' ? [] : [{ kind: 'text' as const, text: [said] }]),
    ...voided(promotion),
    ...(evidence ? gatesBlocks(evidence) : []),
    ...(evidence ? metricsBlocks(evidence) : []),
    ...(chart ? [{ kind: 'chart' as const, ...chart }] : []),
    { kind: 'fields', rows: fieldsOf(promotion, evidence, from) },
    ...contextOf(promotion),
    ...actionsOf(promotion, button),
  ];
  const does = state === 'evaluating' && promotion.evaluation !== null ? 'is being evaluated' : states[state];
  return reply(`${promotionTitle(promotion)} ${does}${count}`, blocks, {
    audience: 'place',
    tone: tones[state],
    data: promotionJson(promotion, evidence),
  });
}

/** Answers that were given for what it was before. */
function voided({ answers, evidence, state }: Promotion): ReplyBlock[] {
  const old = answers.filter(one => one.says === 'approve' && one.evidence !== evidence);
  if (old.length === 0 || isOver(state)) return [];
  const names = [...new Set(old.map(({ by }) => by.name))];
  const text = `What it is decided on has changed since ${listed(names)} approved it: that does not count any more.`;
  return [{ kind: 'text', text: [{ bold: text }] }];
}

const verdicts = { holds: 'holds', fails: 'fails', open: 'is open' } as const;

function gatesBlocks({ gates, kind }: Evidence): ReplyBlock[] {
  if (gates.length === 0)
    return kind === 'rollback' ? [] : [{ kind: 'text', text: ['There are no gates for it.'] }];
  const items = gates.map(({ gate, verdict, sentence }): Inline[] => [
    { code: gate },
    ' ',
    { bold: verdicts[verdict] },
    `: ${sentence}`,
  ]);
  return [{ kind: 'list', items }];
}

function metricsBlocks({ metrics, version, serving }: Evidence): ReplyBlock[] {
  if (metrics.length === 0) return [];
  const isEvaluated = metrics.some(({ run, beforeRun }) => run !== undefined || beforeRun !== undefined);
  const columns = [
    { title: 'Metric' },
    { title: `Version ${version}`, align: 'right' as const },
    ...(serving ? [{ title: `Now (${serving.version})`, align: 'right' as const }, { title: '' }] : []),
    ...(isEvaluated ? [{ title: 'Measured by' }] : []),
  ];
  const rows = metrics
    .slice(0, 10)
    .map(row => [
      nameOf(row),
      row.value ?? none,
      ...(serving ? [row.before ?? none, row.verdict ?? ''] : []),
      ...(isEvaluated ? [measuredBy(row)] : []),
    ]);
  return [{ kind: 'table', columns, rows }];
}

/** `run 61, now run 40` */
function measuredBy({ run, beforeRun }: EvidenceMetric): string {
  const own = run === undefined ? [] : [`run ${run}`];
  return [...own, ...(beforeRun === undefined ? [] : [`now run ${beforeRun}`])].join(', ');
}

/** `val_loss (lower is better)` */
function nameOf({ name, better }: EvidenceMetric): string {
  return better === null ? name : `${name} (${better} is better)`;
}

function fieldsOf(
  promotion: Promotion,
  evidence: Evidence | null,
  from: string | null,
): { label: string; value: Inline[] }[] {
  const { requestedBy, reason, kind } = promotion;
  const why = reason === '' ? '' : `: ${cleanLine(reason, shownReason)}`;
  const asked = { label: 'Asked by', value: [person(promotion), why] };
  const rows: { label: string; value: Inline[] }[] = [asked];
  if (kind === 'promote' && promotion.needed > 0) {
    const names = approvalsOf(promotion).map(({ by }) => by.name);
    const approvers = from === null ? null : readApprovers(from);
    const who = approvers === null || isOver(promotion.state) ? '' : `; asked of ${approversName(approvers)}`;
    rows.push({ label: 'Approvals', value: [`${approvalsSentence(names, promotion.needed)}${who}`] });
  }
  const evaluation = evidence?.evaluation ?? promotion.evaluation;
  if (evaluation !== null)
    rows.push({ label: 'Evaluated by', value: [{ command: `train status ${evaluation}` }] });
  if (!evidence) return rows;
  const { serving, codeLink, run, trainedBy, cost, differences, drift, sha256, sha } = evidence;
  const now = serving ? `version ${serving.version}` : 'nothing';
  rows.push({ label: 'Serves now', value: [`${now}, drift ${drift}`] });
  rows.push({
    label: 'Made by',
    value: [`run #${run} of ${trainedBy === requestedBy.name ? 'the same' : trainedBy}, ${cost}`],
  });
  const code: Inline[] = [{ code: sha.slice(0, sha.startsWith('sha256:') ? shown.sha256 : shown.sha) }];
  if (codeLink !== null) code.push(', ', { link: codeLink, text: 'what has changed' });
  else if (serving?.sha === sha) code.push(', the same as now');
  rows.push({ label: 'Code', value: code });
  if (differences.length > 0)
    rows.push({
      label: 'Parameters',
      value: [
        differences
          .map(({ label, value, before }) => `${label} ${value ?? none} (now ${before ?? none})`)
          .join(', '),
      ],
    });
  rows.push({ label: 'Artifact', value: [{ code: sha256.slice(0, shown.sha256) }] });
  return rows;
}

function person({ requestedBy }: Promotion): Inline {
  return { person: actorKey(requestedBy), name: requestedBy.name };
}

function contextOf({ state, expiresAt, answers }: Promotion): ReplyBlock[] {
  const said = answers
    .filter(one => one.says === 'approve' && one.reason !== '')
    .map(({ by, reason }) => `${by.name}: ${cleanLine(reason, shownReason)}`);
  const notes: ReplyBlock[] = said.map(text => ({ kind: 'context', text: [text] }));
  if (state !== 'awaiting-approval') return notes;
  return [...notes, { kind: 'context', text: ['It expires ', { at: expiresAt }, '.'] }];
}

function actionsOf(promotion: Promotion, button: string | null): ReplyBlock[] {
  if (button === null) return [];
  const { number, state } = promotion;
  const made = (action: ReplyAction['action'], label: string): ReplyAction => {
    return { action, run: number, label, id: button };
  };
  if (state === 'awaiting-approval')
    return [
      {
        kind: 'actions',
        actions: [made('promotion-approve', 'Approve'), made('promotion-reject', 'Reject')],
      },
    ];
  return [];
}

/** In the thread: what was said no longer counts. */
export function voidedReply(promotion: Promotion, reason: string, answers: readonly Answer[]): Reply {
  const names = listed([...new Set(answers.map(({ by }) => by.name))]);
  return reply(
    `${promotionName(promotion)} has to be decided on anew`,
    [{ kind: 'text', text: [`${reason} What ${names} said does not count any more.`] }],
    { audience: 'place', tone: 'warning' },
  );
}

/** `octocat, hubot and mona` */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** As the API and `--json` show it. Stable: fields are added, never renamed or removed. */
export function promotionJson(promotion: Promotion, evidence: Evidence | null) {
  const { number, kind, model, version, environment, before, state, said, requestedBy, reason } = promotion;
  return {
    number,
    kind,
    model,
    version,
    environment,
    before,
    state,
    said,
    requestedBy,
    reason,
    needed: promotion.needed,
    approvedBy: approvalsOf(promotion).map(({ by }) => by),
    answers: promotion.answers.map(one => ({ ...one, at: one.at.toISOString() })),
    evaluation: promotion.evaluation,
    digest: promotion.evidence,
    evidence,
    createdAt: promotion.createdAt.toISOString(),
    expiresAt: promotion.expiresAt.toISOString(),
    endedAt: promotion.endedAt?.toISOString() ?? null,
  };
}

/** In the thread: those who may approve are asked once more. */
export function remindedReply(promotion: Promotion, from: string, people: readonly Actor[]): Reply {
  return askedAgain(promotion, `${promotionName(promotion)} still waits for approval`, from, people);
}

/** In the thread: nobody has decided for long, and others are asked. */
export function escalatedReply(promotion: Promotion, to: string, people: readonly Actor[]): Reply {
  return askedAgain(
    promotion,
    `${promotionName(promotion)} waits for approval, and nobody has decided`,
    to,
    people,
  );
}

function askedAgain(promotion: Promotion, title: string, of: string, people: readonly Actor[]): Reply {
  const approvers = readApprovers(of);
  const who = approvers ? approversName(approvers) : of;
  const names = people.flatMap((one): Inline[] => [' ', { person: actorKey(one), name: one.name }]);
  const text: Inline[] = [
    `${promotionTitle(promotion)}. This goes to ${who}.`,
    ...names,
    ' It expires ',
    { at: promotion.expiresAt },
    '.',
  ];
  return reply(title, [{ kind: 'text', text }], { audience: 'place', tone: 'waiting' });
}
