import { notOnGitHub, roleOf } from '../src/core/access.ts';
import { actorKey } from '../src/core/actor.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { type Elevation, elevationS, mayBeElevated } from '../src/core/elevation.ts';
import { elevationJson } from '../src/core/elevation-reply.ts';
import { formatDuration, timeOfDay } from '../src/core/format.ts';
import { typedDuration } from '../src/core/project.ts';
import { reply } from '../src/core/reply.ts';

/** For emergencies: a trainer is an operator for a while. Everybody there sees it, and a second person reviews it. */
export const signalboxBreakglass = defineCommand({
  path: ['signalbox', 'breakglass'],
  summary: 'In an emergency, be an operator for a while.',
  access: 'trainer',
  places: notOnGitHub,
  arguments: [],
  flags: [
    { name: 'why', kind: 'text', summary: 'What the emergency is.', required: true },
    {
      name: 'for',
      kind: 'duration',
      summary: `How long; ${typedDuration(elevationS.usual)} otherwise, at most ${typedDuration(elevationS.most)}.`,
    },
  ],
  examples: [
    'signalbox breakglass --why "runs fill the disk"',
    'signalbox breakglass --why "runs fill the disk" --for 30m',
  ],
  needs: ['elevations'],
  async run(values, { actor, person, policy, key, now }, { elevations }) {
    const { why, for: forS = elevationS.usual } = values;
    if (forS > elevationS.most) {
      const allowed = `at most ${typedDuration(elevationS.most)}`;
      const details = { word: typedDuration(forS), name: '--for', allowed };
      return { ok: false, code: 'VALUE_INVALID', details };
    }
    if (!mayBeElevated(actor, roleOf(actor, person, policy)))
      return { ok: false, code: 'BREAKGLASS_NEEDLESS', details: {} };
    const until = new Date(now.getTime() + forS * 1_000);
    const { elevation, made } = await elevations.open({
      key,
      actor,
      accounts: person.accounts,
      why,
      until,
      at: now,
    });
    if (!made) return openAlready(elevation, now);
    const who = { person: actorKey(actor), name: actor.name };
    const title = `${actor.name} is an operator for ${formatDuration(forS)}: ${why}`;
    const blocks = [
      {
        kind: 'text' as const,
        text: [{ bold: `Breakglass ${elevation.id}` }, ', ', who, ', until ', { at: elevation.until }, '.'],
      },
      {
        kind: 'context' as const,
        text: [
          'All that is done meanwhile is in the audit log under this number. It ends by itself or with ',
          { command: 'signalbox breakglass end' },
          '; then another operator or approver reviews it: ',
          { command: `signalbox breakglass review ${elevation.id} --verdict ok --note "..."` },
        ],
      },
    ];
    const data = elevationJson(elevation, now);
    return { ok: true, reply: reply(title, blocks, { audience: 'place', tone: 'warning', data }) };
  },
});

function openAlready({ id, until }: Elevation, now: Date): Outcome {
  const details = { number: id, until: timeOfDay(until, now), example: 'signalbox breakglass end' };
  return { ok: false, code: 'BREAKGLASS_OPEN', details };
}
