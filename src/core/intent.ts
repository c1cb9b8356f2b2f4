import type { Actor, Place, Role } from './actor.ts';
import type { Fault } from './errors.ts';
import type { Scope } from './ports.ts';
import type { ByReview } from './promotion/review.ts';
import type { FactorFor } from './promotion/step-up.ts';
import type { Reply } from './reply.ts';

/** What somebody may do in a repository: change it, see it though not everybody does, or no more than everybody. */
export type Standing = 'write' | 'read' | 'none';

/** What somebody wants, before anybody decided whether they may: one command, with who and where. */
export interface Intent {
  /** Unique per wish: the same key never has two effects, however often it arrives. */
  key: string;
  actor: Actor;
  /** What a token may do, where one asks. */
  scopes?: readonly Scope[];
  place: Place;
  /** What GitHub said just now that they may do in the repository of the place, where it was said there. */
  standing?: Standing;
  /** What they have shown for this approval. */
  factor?: FactorFor;
  /** When it was said, where it may be heard late. */
  saidAt?: Date;
  /** The review that says it, where it was said by one. */
  review?: ByReview;
  wish: /** The command line as typed, verb first and without a slash: `train digits -p lr=0.1`. */
    | { kind: 'words'; words: string }
    /** The same, already taken apart by a typed API; the values have the kinds that the command's arguments and flags name. */
    | { kind: 'call'; path: readonly string[]; values: Record<string, unknown> };
}

/** What became of an intent. */
export type Dispatched =
  | { ok: true; reply: Reply }
  | { ok: false; fault: Fault /** Who asked. */; role?: Role };
