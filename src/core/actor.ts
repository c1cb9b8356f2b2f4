import { z } from 'zod';

/** What a person may do, from least to most. */
export const roles = ['none', 'viewer', 'trainer', 'approver', 'operator'] as const;
export type Role = (typeof roles)[number];

/** Who wants something: resolved from the identity that the edge verified, never from words in a message. */
export const actorSchema = z.object({
  /** Where the identity was proved. */
  kind: z.enum(['slack', 'github', 'token', 'run', 'system']),
  /** Unique inside its kind: `T1/U1` (Slack workspace and user), a GitHub login in lower case, a token's id, a run's number. */
  id: z.string(),
  /** What people see. */
  name: z.string(),
  /** The elevation under which they act; the audit log names it with all that they do. */
  breakglass: z.int().optional(),
});
export type Actor = z.infer<typeof actorSchema>;

export const system: Actor = { kind: 'system', id: 'signalbox', name: 'Signalbox' };

/** Whoever holds an API token. */
export function tokenActor({ id, name }: Pick<Actor, 'id' | 'name'>): Actor {
  return { kind: 'token', id, name };
}

/** One key per identity, for ownership and audit: `slack:T1/U1`. */
export function actorKey(actor: Actor): string {
  return `${actor.kind}:${actor.id}`;
}

/** Where something was said, and so where the answer belongs. */
export const placeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('slack'),
    team: z.string(),
    /** The organisation (Enterprise Grid), where the app is installed on all of it. */
    enterprise: z.string().optional(),
    channel: z.string(),
    user: z.string(),
    /** The message whose thread it was said in, for answers that only one person sees. */
    thread: z.string().optional(),
    /** The channel where it was said, where that one cannot show messages and `channel` is the person's own with Signalbox. */
    askedIn: z.string().optional(),
    /** Webhook for up to five answers within 30 minutes; called only where it is Slack's own host. */
    responseUrl: z.string().optional(),
  }),
  z.object({
    kind: z.literal('github'),
    /** Of the app, by which it acts in the repository. */
    installation: z.int(),
    /** The repository's id, which survives that it is renamed. */
    repo: z.int(),
    /** `owner/repo`, as it was called then. */
    name: z.string(),
    /** Whether everybody may read it; absent: that is not known, and taken for so. */
    isPublic: z.boolean().optional(),
    /** The number of the issue or pull request. */
    issue: z.int(),
    /** Whether it is a pull request. */
    pull: z.boolean(),
    /** The login of whoever said it. */
    user: z.string(),
    /** The comment in which it was said. */
    comment: z.int().optional(),
    /** Its line there, from 1, where several things were said. */
    line: z.int().optional(),
    /** When that was, by GitHub's clock (ISO 8601). */
    saidAt: z.string().optional(),
  }),
  z.object({ kind: z.literal('http') }),
  z.object({ kind: z.literal('queue') }),
]);
export type Place = z.infer<typeof placeSchema>;
export const placeKinds = ['slack', 'github', 'http', 'queue'] as const satisfies readonly Place['kind'][];
export type SlackPlace = Place & { kind: 'slack' };
export type GitHubPlace = Place & { kind: 'github' };

/** Whether Signalbox can say something there by itself, later on. */
export function hasMessages(place: Place): place is SlackPlace | GitHubPlace {
  return place.kind === 'slack' || place.kind === 'github';
}

/** Whether what was said in one place is shown to the person alone in another. */
export function isMoved(place: Place): boolean {
  return place.kind === 'slack' && place.askedIn !== undefined;
}

/** What people type before a command's words where they said something. */
export function commandMark(place: Place): string {
  return place.kind === 'slack' || place.kind === 'github' ? '/' : '';
}
