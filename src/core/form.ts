import { z } from 'zod';
import { type Actor, actorSchema, type Place, placeSchema } from './actor.ts';
import type { Fault } from './errors.ts';

export interface FormChoice {
  value: string;
  label: string;
  hint?: string;
}

/** One thing to fill in. Values are text; a switch has `true` or `false`. */
export interface FormField {
  /** Unique in its form. */
  name: string;
  label: string;
  hint?: string;
  /** It may be left empty. */
  optional?: boolean;
  /** `search`: a list too long to show, or without an end; it is asked for while somebody types (`FormDesk.suggest`). */
  kind: 'text' | 'number' | 'integer' | 'choice' | 'search' | 'switch';
  value?: string;
  /** For `choice`. */
  choices?: FormChoice[];
  /** What is chosen here changes the other fields (`FormDesk.choose`). */
  refreshes?: boolean;
}

/** Something to fill in, as neutral data. Each adapter renders it for its place, and cuts what is too long there. */
export interface Form {
  id: string;
  title: string;
  submit: string;
  fields: FormField[];
  /** Small print below the rest. */
  note?: string;
  /** Comes back with what is filled in; at most 300 characters. */
  state: string;
}

/** What was filled in, by the names of the fields; a field that is empty is absent. */
export type FormValues = Record<string, string>;

/** More than this is searched rather than shown. */
export const mostShownChoices = 100;

/** A field to choose from a list of any length. */
export function choiceField(field: Omit<FormField, 'kind'> & { choices: FormChoice[] }): FormField {
  if (field.choices.length <= mostShownChoices) return { ...field, kind: 'choice' };
  const { choices: _, ...searched } = field;
  return { ...searched, kind: 'search' };
}

interface Asker {
  actor: Actor;
  place: Place;
}

/** What was sent, as it was shown and filled in. */
export interface Filled {
  state: string;
  values: FormValues;
}

export type Submitted =
  | { kind: 'accepted'; values: Record<string, unknown> }
  /** A sentence for each field that is wrong. */
  | { kind: 'wrong'; errors: Record<string, string> }
  /** Another choice asks for other fields: these. */
  | { kind: 'again'; form: Form }
  | { kind: 'refused'; fault: Fault };

/** Hands out one form and reads it. Answers within about a second, from what is known here: no call leaves. */
export interface FormDesk {
  /** How to say the same by typing it, without the slash. */
  example: string;
  /** `text`: what somebody wrote from which the form is to be filled in. */
  open(
    asker: Asker,
    text: string | null,
    now: Date,
  ): Promise<{ ok: true; form: Form } | { ok: false; fault: Fault }>;
  choose(asker: Asker, filled: Filled, now: Date): Promise<Form>;
  suggest(field: string, query: string, filled: Filled): Promise<FormChoice[]>;
  submit(asker: Asker, filled: Filled, now: Date): Promise<Submitted>;
}

/** A form that was accepted, as it is stored until the command is called with it. */
export const submissionSchema = z.object({
  /** The words of the command. */
  command: z.array(z.string()),
  actor: actorSchema,
  place: placeSchema,
  /** In the kinds that the command's arguments and flags name. */
  values: z.record(z.string(), z.unknown()),
});
export type Submission = z.infer<typeof submissionSchema>;
