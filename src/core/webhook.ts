import type { Actor, GitHubPlace, Place, SlackPlace } from './actor.ts';
import type { Fault } from './errors.ts';
import type { Intent } from './intent.ts';
import type { GitHubUser } from './ports.ts';
import type { PullReview } from './promotion/review.ts';
import type { PullRequest, RepositoryEvent } from './repository-event.ts';

/** One verified and stored message from outside. `body` is the raw text that was signed. */
export interface Delivery {
  id: number;
  source: 'slack' | 'github' | 'mlflow';
  /** `command`, `interaction` or `event` for Slack; the value of `X-GitHub-Event` for GitHub; the entity for MLflow. */
  kind: string;
  /** Unique inside its source (`X-GitHub-Delivery` for GitHub); a repeat changes nothing. */
  deliveryId: string;
  body: string;
  receivedAt: Date;
}

export interface GroupChange {
  /** `slack:T1/S1`. */
  group: string;
  /** Accounts that are out of it for certain. */
  removed: string[];
}

/** Why something that came from outside was not taken for a message of whom it says it is from. */
export const webhookRefusals = [
  'no-timestamp',
  'timestamp-unreadable',
  'timestamp-off',
  'no-signature',
  'signature-wrong',
  'unreadable',
  'conflict',
] as const;
export type WebhookRefusal = (typeof webhookRefusals)[number];

/** Counts what was refused. Nobody waits for it, and it never throws. */
export interface WebhookRefusals {
  refused(source: Delivery['source'], why: WebhookRefusal): void;
}

/** What a translation makes of a payload: something wanted, or nothing, with the reason for the log, or a refusal. */
export type Translation =
  | { kind: 'intent'; intent: Intent }
  /** Several things wanted at one place of GitHub, one after the other: whoever said so sees at once that it is heard, and then how it went. */
  | {
      kind: 'intents';
      place: GitHubPlace;
      account: GitHubUser;
      intents: Intent[];
      /** What is not done, as it was too much at once. */
      left?: { amount: number; most: number; place: GitHubPlace };
    }
  | { kind: 'ignore'; why: string }
  /** Somebody reviewed a pull request, which may answer a promotion that was asked for there. */
  | { kind: 'review'; key: string; place: GitHubPlace; actor: Actor; account: GitHubUser; review: PullReview }
  /** Somebody asks for promotions without words: of what a pull request has made, by a label; or of what a run has made. */
  | {
      kind: 'promote';
      key: string;
      place: GitHubPlace;
      actor: Actor;
      account: GitHubUser;
      of: { label: string; pull: PullRequest } | { run: number };
    }
  /** Somebody asks that what was asked for of a commit is done again. `place`: of its repository; nobody said at which pull request. */
  | { kind: 'repeat'; key: string; place: GitHubPlace; actor: Actor; account: GitHubUser; sha: string }
  /** A group is not as it was. */
  | { kind: 'group'; change: GroupChange }
  /** Something of a registered model has changed in MLflow. */
  | { kind: 'registry'; model: string }
  /** Something happened in a repository. */
  | { kind: 'repository'; event: RepositoryEvent }
  /** Somebody looks at what is theirs there; `isEmpty`: nothing is shown to them yet. */
  | { kind: 'home'; place: SlackPlace; isEmpty: boolean }
  /** Whoever sent it may not say anything here. Written to the audit log, and told to the sender alone where `place` is known. */
  | { kind: 'refuse'; key: string; actor: Actor; place: Place | null; fault: Fault };

/** Part of the message is signed by Signalbox itself: `read` goes on with what was signed, or null where it was changed. */
export type Signed = { kind: 'signed'; value: string; read(text: string | null): Translation };

/** One kind of message from one source, as a pure translation. Registered in `webhooks/index.ts`. */
export interface WebhookDefinition {
  name: string;
  source: Delivery['source'];
  kind: string;
  /** The types of Slack's events that it is for, or the actions of GitHub's; absent: all of them. */
  events?: readonly string[];
  /** `payload` is parsed but not yet trusted to have any shape. */
  translate(payload: unknown, deliveryId: string): Translation | Signed;
}
