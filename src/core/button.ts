import { z } from 'zod';
import { typedMoney } from './money.ts';
import { typedDuration } from './project.ts';
import { type ReplyAction, replyActions } from './reply.ts';
import { usualExtensionS } from './run-actions.ts';

/** What a button stands for, and the one place where it counts. */
export interface Button extends Pick<ReplyAction, 'action' | 'run' | 'cost' | 'id' | 'version'> {
  team: string;
  channel: string;
}

const buttonSchema = z.tuple(
  [z.literal('button'), z.string(), z.string(), z.enum(replyActions), z.int().positive()],
  z.union([z.number().nonnegative(), z.string()]),
);

/** A button as text, to be signed: the first word sets it apart from all else that is signed. */
export function buttonText({ team, channel, action, run, cost, id, version }: Button): string {
  const rest =
    id !== undefined ? [id] : version ? [version.model, version.number] : cost === undefined ? [] : [cost];
  return JSON.stringify(['button', team, channel, action, run, ...rest]);
}

/** The button that a text stands for; null where it is none. */
export function readButton(text: string): Button | null {
  const parsed = buttonSchema.safeParse(parseJson(text));
  if (!parsed.success) return null;
  const [, team, channel, action, run, said, more] = parsed.data;
  const button = { team, channel, action, run };
  if (said === undefined) return button;
  if (typeof said === 'number') return { ...button, cost: said };
  return {
    ...button,
    ...(typeof more === 'number' ? { version: { model: said, number: more } } : { id: said }),
  };
}

/** What a press means, as whoever presses would type it. */
export function wordsOf({
  action,
  run,
  cost,
  id,
  version,
}: Pick<ReplyAction, 'action' | 'run' | 'cost' | 'id' | 'version'>): string {
  switch (action) {
    case 'extend':
      return `train extend ${run} ${typedDuration(usualExtensionS)}`;
    case 'lease-extend':
      return `gpu extend ${run} ${typedDuration(usualExtensionS)}`;
    case 'lease-release':
      return `gpu release ${run}`;
    case 'sweep-cancel':
      return `train cancel S${run}`;
    case 'approve':
      // Without a cost nothing could be approved by it.
      return `train approve ${run} --cost ${typedMoney(cost ?? 0)}`;
    case 'promotion-approve':
      return `model approve ${id ?? `P${run}`}`;
    case 'promotion-reject':
      // Typed; where forms can be opened, the button opens one that asks for the reason.
      return `model reject ${id ?? `P${run}`} --reason "..."`;
    case 'promotion-rollback':
      return `model rollback ${id ?? `P${run}`} --reason "..."`;
    case 'promote':
      // Without a version nothing could be promoted by it.
      return `model promote ${version?.model ?? ''} ${version?.number ?? ''}`.trimEnd();
    default:
      return `train ${action} ${run}`;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
