import { type Actor, actorKey } from '../actor.ts';
import type { Chart } from '../chart.ts';
import { cleanLine } from '../format.ts';
import { type Inline, type Reply, type ReplyAction, type ReplyBlock, reply, type Tone } from '../reply.ts';
import { approversName, readApprovers } from './approvers.ts';
import type { Evidence } from './evidence.ts';
import { type Answer, approvalsOf, isOver, type Promotion, type PromotionState } from './promotion.ts';
import { decisionRows, gatesBlocks, metricsBlocks, originRows, type Row } from './promotion-parts.ts';

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

/** A sentence that somebody wrote part of. */
const shownReason = 1_000;

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

/** How far a rollout is. */
export interface RolloutProgress {
  /** Of a hundred requests, and of which steps. */
  weight: number;
  step: number;
  steps: readonly number[];
  /** When its step is over at the earliest; null: it does not bake now. */
  until: Date | null;
  /** What is checked meanwhile; null: nothing. */
  check: string | null;
}

export interface PromotionFacts {
  /** What it is decided on, or was; null before there is any. */
  evidence: Evidence | null;
  /** Whom approvals come from, as the policy says it now; null: nobody knows. */
  from: string | null;
  /** The curve of the run that made the version. */
  chart?: Chart | null;
  /** The opaque id by which buttons say what they are about, `typed` where people type what a button would say; null: none may be shown. */
  button: string | 'typed' | null;
  progress?: RolloutProgress | null;
  /** Why it goes back, or has gone; that approvals were passed. Each one sentence. */
  halted?: string | null;
  passed?: string | null;
  /** Of one that came to serve: what serves there now in its place; null: it does. */
  replacedBy?: { version: number; promotion: number } | null;
  /** Whether a version served there before, so that there is a way back. */
  mayGoBack?: boolean;
}

/** What people see as a promotion's one message, edited in place: what decides comes first. */
export function promotionReply(promotion: Promotion, facts: PromotionFacts): Reply {
  const { state, needed } = promotion;
  const { evidence, chart } = facts;
  const waits = state === 'awaiting-approval';
  const count = waits ? ` (${approvalsOf(promotion).length} of ${needed})` : '';
  const isPast = state === 'live' && Boolean(facts.replacedBy);
  // Of what is decided, the rest comes first.
  const isSettled = !['evaluating', 'awaiting-approval', 'refused'].includes(state);
  const decisive = decisionRows(promotion, evidence, facts.from);
  const blocks: ReplyBlock[] = [
    ...voided(promotion),
    ...saidBlocks(promotion, facts),
    ...(facts.progress ? progressBlocks(facts.progress) : []),
    ...(decisive.length > 0 ? [{ kind: 'fields' as const, rows: decisive }] : []),
    ...(evidence && !isSettled ? evidenceBlocks(evidence, chart ?? null) : []),
    { kind: 'fields', rows: originRows(promotion, evidence) },
    ...(evidence && isSettled ? settledBlocks(evidence) : []),
    ...actionsOf(promotion, facts),
  ];
  const does = state === 'evaluating' && promotion.evaluation !== null ? 'is being evaluated' : states[state];
  return reply(`${promotionTitle(promotion)} ${isPast ? 'was live' : does}${count}`, blocks, {
    audience: 'place',
    tone: isPast ? 'info' : tones[state],
    data: promotionJson(promotion, evidence),
  });
}

function saidBlocks(
  { said, state }: Promotion,
  { halted, passed, replacedBy, evidence }: PromotionFacts,
): ReplyBlock[] {
  // The gates themselves say it.
  const isSaidBelow = state === 'refused' && evidence?.gates.some(({ verdict }) => verdict === 'fails');
  const after = state === 'live' && replacedBy ? replacedBy : null;
  const now = after
    ? `Version ${after.version} serves there now (${promotionName({ number: after.promotion })}).`
    : said;
  const sentences = [passed ?? '', halted ?? '', isSaidBelow ? '' : now].map(one =>
    cleanLine(one, shownReason),
  );
  return [...new Set(sentences)].filter(one => one !== '').map(one => ({ kind: 'text', text: [one] }));
}

function evidenceBlocks(evidence: Evidence, chart: Chart | null): ReplyBlock[] {
  return [
    ...gatesBlocks(evidence),
    ...metricsBlocks(evidence),
    ...(chart ? [{ kind: 'chart' as const, ...chart }] : []),
  ];
}

/** A rollback goes to what has served before, and is decided on nothing. */
function settledBlocks(evidence: Evidence): ReplyBlock[] {
  if (evidence.kind === 'rollback') return [];
  const blocks = [...gatesBlocks(evidence), ...metricsBlocks(evidence, true)];
  return [{ kind: 'details', title: 'What it was decided on', blocks }];
}

function progressBlocks({ weight, step, steps, until, check }: RolloutProgress): ReplyBlock[] {
  const label = steps.length > 1 ? `of requests, step ${step + 1} of ${steps.length}` : 'of requests';
  const rows: Row[] = [
    ...(until
      ? [{ label: step + 1 < steps.length ? 'Next step' : 'Done', value: ['not before ', { at: until }] }]
      : []),
    ...(check === null ? [] : [{ label: 'Halted unless', value: [{ code: check }] }]),
  ];
  return [
    { kind: 'progress', done: weight, total: 100, label },
    ...(rows.length > 0 ? [{ kind: 'fields' as const, rows }] : []),
  ];
}

/** Answers that were given for what it was before. */
function voided({ answers, evidence, state }: Promotion): ReplyBlock[] {
  const old = answers.filter(one => one.says === 'approve' && one.evidence !== evidence);
  if (old.length === 0 || isOver(state)) return [];
  const names = [...new Set(old.map(({ by }) => by.name))];
  const text = `What it is decided on has changed since ${listed(names)} approved it: that does not count any more.`;
  return [{ kind: 'text', text: [{ bold: text }] }];
}

function actionsOf(
  { number, state }: Promotion,
  { button, replacedBy, mayGoBack }: PromotionFacts,
): ReplyBlock[] {
  if (button === null) return [];
  const id = button === 'typed' ? {} : { id: button };
  const made = (action: ReplyAction['action'], label: string): ReplyAction => {
    return { action, run: number, label, ...id };
  };
  if (state === 'awaiting-approval')
    return [
      {
        kind: 'actions',
        actions: [made('promotion-approve', 'Approve'), made('promotion-reject', 'Reject')],
      },
    ];
  if (state === 'live' && !replacedBy && mayGoBack)
    return [{ kind: 'actions', actions: [made('promotion-rollback', 'Roll back')] }];
  return [];
}

/** `octocat`, `octocat (with a second factor)` */
export function approverName({ by, factor }: Answer): string {
  return factor ? `${by.name} (with a second factor)` : by.name;
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
