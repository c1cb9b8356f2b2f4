import { hasRank, notOnGitHub, roleOf } from '../src/core/access.ts';
import { actorKey } from '../src/core/actor.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { type Elevation, type ReviewRefusal, verdicts } from '../src/core/elevation.ts';
import { elevationItem, elevationJson } from '../src/core/elevation-reply.ts';
import { timeOfDay } from '../src/core/format.ts';
import { reply } from '../src/core/reply.ts';

const mostAllowed = 12;
const list = 'signalbox breakglass list';

/** What a second person thinks of an emergency that is over. */
export const signalboxBreakglassReview = defineCommand({
  path: ['signalbox', 'breakglass', 'review'],
  summary: "Say whether somebody else's breakglass was right.",
  access: 'approver',
  places: notOnGitHub,
  arguments: [
    { name: 'number', kind: 'count', summary: 'Its number.', required: true, min: 1, max: 999_999_999 },
  ],
  flags: [
    { name: 'verdict', kind: 'choice', summary: 'What you found.', choices: verdicts, required: true },
    { name: 'note', kind: 'text', summary: 'What you looked at.', required: true },
  ],
  examples: ['signalbox breakglass review 7 --verdict ok --note "the disk was full"'],
  needs: ['elevations'],
  async run(values, { actor, person, isSelf, policy, key, now }, { elevations }) {
    // Neither an emergency of one's own nor a token makes a second person.
    const own = roleOf(actor, person, policy);
    if (actor.kind !== 'slack' || !hasRank(own, 'approver')) {
      const reason =
        actor.kind === 'slack'
          ? `It needs the role approver of your own, and yours is ${own}.`
          : 'A person has to look at it, and a token is none.';
      const todo = 'Ask an operator or approver.';
      const command = 'signalbox breakglass review';
      return { ok: false, code: 'ACCESS_DENIED', details: { command, reason, todo } };
    }
    const verdict = verdicts.find(one => one === values.verdict) ?? 'wrong';
    const { number: id, note } = values;
    const done = await elevations.review({ key, id, by: actor, isSelf, verdict, note, at: now });
    if (done.ok) return reviewed(done.elevation, now);
    if (done.code !== 'unknown') return refused(done.code, done.elevation, now);
    const allowed = (await elevations.unreviewed(mostAllowed)).map(one => String(one.id));
    return { ok: false, code: 'BREAKGLASS_UNKNOWN', details: { word: id, allowed, example: list } };
  },
});

function reviewed(elevation: Elevation, now: Date): Outcome {
  const { id, actor, review } = elevation;
  const title = `Breakglass ${id} of ${actor.name} was reviewed: ${review?.verdict}.`;
  const blocks = [
    { kind: 'text' as const, text: elevationItem(elevation, now) },
    {
      kind: 'text' as const,
      text: review ? [{ person: actorKey(review.by), name: review.by.name }, `: ${review.note}`] : [],
    },
  ];
  const tone = review?.verdict === 'ok' ? 'success' : 'warning';
  return {
    ok: true,
    reply: reply(title, blocks, { audience: 'place', tone, data: elevationJson(elevation, now) }),
  };
}

function refused(code: ReviewRefusal, { id: number, actor, until, review }: Elevation, now: Date): Outcome {
  switch (code) {
    case 'own':
      return { ok: false, code: 'BREAKGLASS_OWN', details: { number } };
    case 'open': {
      const details = { number, until: timeOfDay(until, now), name: actor.name };
      return { ok: false, code: 'BREAKGLASS_LASTS', details };
    }
    case 'reviewed': {
      const details = { number, name: review?.by.name, verdict: review?.verdict, example: list };
      return { ok: false, code: 'BREAKGLASS_REVIEWED', details };
    }
  }
}
