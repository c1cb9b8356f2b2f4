import type { Actor, Place, Role } from './actor.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import type { Person } from './people.ts';
import type { Ports, Scope } from './ports.ts';
import type { Policy } from './project.ts';
import type { ByReview } from './promotion/review.ts';
import type { FactorFor } from './promotion/step-up.ts';
import type { Reply } from './reply.ts';
import type { Rights } from './rights.ts';

/** What a word on a command line may be. */
interface KindValues {
  /** One word as typed: a name, a ref. */
  word: string;
  /** Free text. */
  text: string;
  /** A run's number, with or without `#`. */
  run: number;
  /** The same, or a sweep's as `S42`. */
  work: number | string;
  /** A whole number from `min` (0) to `max` (1024). */
  count: number;
  /** Seconds. */
  duration: number;
  /** An amount of money, 0 or more, in cents at the finest. */
  amount: number;
  choice: string;
  /** Repeated `name=value`. */
  pairs: Record<string, string>;
  switch: boolean;
}
export type ValueKind = keyof KindValues;

export interface ArgumentSpec {
  name: string;
  kind: ValueKind;
  summary: string;
  required?: boolean;
  /** For `choice`. */
  choices?: readonly string[];
  /** For `count`. */
  min?: number;
  max?: number;
  /** One letter: `p` for `-p`. */
  short?: string;
}

type ValueOf<A extends ArgumentSpec> = A['required'] extends true
  ? KindValues[A['kind']]
  : KindValues[A['kind']] | undefined;
export type Values<Arguments extends readonly ArgumentSpec[], Flags extends readonly ArgumentSpec[]> = {
  [A in Arguments[number] as A['name']]: ValueOf<A>;
} & { [F in Flags[number] as F['name']]: ValueOf<F> };

export interface CommandContext {
  actor: Actor;
  place: Place;
  /** What the actor may do, already decided for this command. */
  role: Role;
  /** The person behind the actor, with all accounts. */
  person: Person;
  /** What they may do here, and who may do the rest. */
  rights(): Rights;
  /** Whether another actor is the same person. */
  isSelf(other: Actor): boolean;
  policy: Policy;
  /** What they have shown, where they approve a promotion that wants it. */
  factor?: FactorFor | undefined;
  /** The intent's key: whatever the command makes carries it, so that a repeat makes nothing new. */
  key: string;
  /** The review that says it, where it was said by one. */
  review?: ByReview | undefined;
  /** When it was said, where it may be heard late. */
  saidAt?: Date | undefined;
  now: Date;
}

/** A command either replies or fails with a code of the catalogue; the dispatcher fills in what all errors share. */
export type Outcome = { ok: true; reply: Reply } | { ok: false; code: ErrorCode; details: ErrorDetails };

export interface Writers {
  access: Role;
  /** As documents name it: `train approve <commit>`. */
  usage: string;
  /** Whether it is this that was asked for. */
  isMeant(values: Record<string, unknown>): boolean;
}

/** One definition for every surface: parsing, help, access and manifests are read from it. */
export interface CommandDefinition {
  /** The words that name it: `['train', 'list']`. */
  path: readonly [string, ...string[]];
  summary: string;
  /** The least role that may use it. */
  access: Role;
  /** What of it is for those who may write to the repository where it is said, of this role at least, and for nobody else. */
  writers?: Writers;
  /** Where it may be asked for; wherever people say things when absent. */
  places?: readonly Place['kind'][];
  /** It needs the code of where it is said: on GitHub, a pull request. */
  needsCode?: boolean;
  /** Below an operator, it changes only what belongs to whoever asks. */
  own?: boolean;
  /** What a token needs besides, where it is more than to ask for runs. */
  scope?: Scope;
  /** Positional words, in order. */
  arguments: readonly ArgumentSpec[];
  flags: readonly ArgumentSpec[];
  /** Whole command lines without the slash. The first one is shown with errors. */
  examples: readonly [string, ...string[]];
  needs: readonly (keyof Ports)[];
  run(values: Record<string, unknown>, context: CommandContext, ports: Ports): Promise<Outcome>;
}

interface CommandParts<
  A extends readonly ArgumentSpec[],
  F extends readonly ArgumentSpec[],
  N extends readonly (keyof Ports)[],
> extends Omit<CommandDefinition, 'arguments' | 'flags' | 'needs' | 'run'> {
  arguments: A;
  flags: F;
  /** The ports that it gets, and no others. */
  needs: N;
  run(values: Values<A, F>, context: CommandContext, ports: Pick<Ports, N[number]>): Promise<Outcome>;
}

/** Ties a command's `run` to the types of its own arguments, flags and ports. */
export function defineCommand<
  const A extends readonly ArgumentSpec[],
  const F extends readonly ArgumentSpec[],
  const N extends readonly (keyof Ports)[],
>(parts: CommandParts<A, F, N>): CommandDefinition {
  // The parser (grammar.ts) makes values of exactly these kinds, which a test holds for every kind.
  return { ...parts, run: (values, context, ports) => parts.run(values as Values<A, F>, context, ports) };
}
