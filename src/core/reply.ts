import type { Chart } from './chart.ts';

/**
 * What Signalbox says, as neutral data. Each adapter renders it for its place (Block Kit, terminal text, ...), and only the renderer
 * escapes: text in a reply is never markup, so a name or a log line cannot mention a channel or break a table.
 */
export type Inline =
  | string
  | { bold: string }
  | { code: string }
  /** What people type, verb first and without the mark of a place: each place shows it as it is typed there. */
  | { command: string }
  | { link: string; text: string }
  /** A person, mentioned only where the renderer may ping them. */
  | { person: string; name: string }
  /** A moment that the reader sees in their own time zone. */
  | { at: Date };

export type ReplyBlock =
  | { kind: 'text'; text: Inline[] }
  /** Words above what belongs together. */
  | { kind: 'heading'; text: string }
  | { kind: 'fields'; rows: { label: string; value: Inline[] }[] }
  | { kind: 'table'; columns: { title: string; align?: 'right' }[]; rows: string[][] }
  | { kind: 'code'; text: string }
  | { kind: 'list'; items: Inline[][] }
  | { kind: 'progress'; done: number; total: number; label: string }
  /** Curves of one metric, at most some 60 points each. What it shows is said in words too, where it cannot be drawn. */
  | ({ kind: 'chart' } & Chart)
  /** What only some want to read: folded away where a place can do that. Holds no buttons. */
  | { kind: 'details'; title: string; blocks: ReplyBlock[] }
  /** Small print below the rest. */
  | { kind: 'context'; text: Inline[] }
  /** Buttons; left out where there are none, so nothing may be said by them alone. */
  | { kind: 'actions'; actions: ReplyAction[] }
  /** A button that opens the form of a command, where forms can be opened. */
  | { kind: 'form'; form: string; label: string };

export const replyActions = [
  'cancel',
  'why',
  'logs',
  'retry',
  'extend',
  'compare',
  'sweep-cancel',
  'approve',
  'lease-extend',
  'lease-release',
  'promotion-approve',
  'promotion-reject',
  'promotion-rollback',
  'promote',
] as const;
export type ReplyActionName = (typeof replyActions)[number];

/** A button. It names what is wanted and nothing more: whether that may be, and what it means, is decided when it is pressed. */
export interface ReplyAction {
  action: ReplyActionName;
  /** Of a promotion it is the number of that; for `sweep-cancel`: the sweep's number. */
  run: number;
  label: string;
  /** For `approve`: the cost that the message names, so that nobody says yes to another one. */
  cost?: number | undefined;
  /** Of a promotion: the random id that stands for it as it was shown. */
  id?: string | undefined;
  /** For `promote`: the model and its version that the message names. */
  version?: { model: string; number: number } | undefined;
  /** Asked before it counts, where it cannot be undone. */
  confirm?: { title: string; text: string; yes: string; no: string };
}

export const tones = ['info', 'waiting', 'working', 'success', 'warning', 'failure'] as const;
export type Tone = (typeof tones)[number];

export interface Reply {
  /** `sender`: only to the person who asked (an error, a private list). `place`: everybody there may see it. */
  audience: 'sender' | 'place';
  tone: Tone;
  /** One line that says all where only one line fits (a notification, a text fallback). */
  title: string;
  blocks: ReplyBlock[];
  /** The message of the run itself shows all of this; where runs have messages, nobody is answered twice. */
  shownByRun?: boolean;
  /** The same as JSON, for `--json` and the API. */
  data?: unknown;
}

/** A reply for everybody, with the fields that were not given filled in. */
export function reply(title: string, blocks: ReplyBlock[] = [], more: Partial<Reply> = {}): Reply {
  return { audience: 'sender', tone: 'info', title, blocks, ...more };
}

/** The plain words of inline text, for terminals, logs and fallbacks. */
export function plain(text: Inline[]): string {
  return text.map(plainPart).join('');
}

function plainPart(part: Inline): string {
  if (typeof part === 'string') return part;
  if ('bold' in part) return part.bold;
  if ('code' in part) return part.code;
  if ('command' in part) return part.command;
  if ('link' in part) return `${part.text} (${part.link})`;
  if ('person' in part) return part.name;
  return `${part.at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
