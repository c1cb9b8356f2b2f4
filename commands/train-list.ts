import { defineCommand } from '../src/core/command.ts';
import { formatDuration, secondsBetween } from '../src/core/format.ts';
import { teamsOf } from '../src/core/lease.ts';
import { nearest } from '../src/core/nearest.ts';
import { reply } from '../src/core/reply.ts';
import { type Run, runStates } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';

const usualLimit = 10;

/** The newest runs first. */
export const trainList = defineCommand({
  path: ['train', 'list'],
  summary: 'See the newest runs.',
  access: 'viewer',
  arguments: [],
  flags: [
    { name: 'mine', kind: 'switch', summary: 'Only runs that you asked for, with any account of yours.' },
    { name: 'team', kind: 'word', summary: "Only runs of this team's projects." },
    { name: 'state', kind: 'choice', summary: 'Only runs in this state.', choices: runStates },
    { name: 'limit', kind: 'count', summary: `How many; ${usualLimit} otherwise.`, min: 1, max: 50 },
  ],
  examples: ['train list --mine', 'train list --team research --state running'],
  needs: ['runs'],
  async run({ mine, team, state, limit = usualLimit }, { person, policy, now }, { runs }) {
    const teams = teamsOf(policy);
    if (team !== undefined && !teams.includes(team)) {
      const details = { word: team, name: '--team', allowed: teams, nearest: nearest(team, teams) };
      return { ok: false, code: 'VALUE_INVALID', details };
    }
    const found = await runs.list({
      kind: 'train',
      limit,
      team,
      requesters: mine ? person.accounts : undefined,
      states: state === undefined ? undefined : runStates.filter(one => one === state),
    });
    const data = { runs: found.map(run => runJson(run)) };
    if (found.length === 0) return { ok: true, reply: reply('There are no such runs.', [], { data }) };
    const columns = [
      { title: 'Run', align: 'right' as const },
      { title: 'Project' },
      { title: 'State' },
      { title: 'GPUs', align: 'right' as const },
      { title: 'Asked by' },
      { title: 'Age', align: 'right' as const },
    ];
    const rows = found.map(run => rowOf(run, now));
    const title = found.length === 1 ? 'One run:' : `The newest ${found.length} runs:`;
    return { ok: true, reply: reply(title, [{ kind: 'table', columns, rows }], { data }) };
  },
});

function rowOf(run: Run, now: Date): string[] {
  const age = formatDuration(Math.round(secondsBetween(run.createdAt, now)));
  const state = run.stopping ? 'stopping' : run.state;
  return [`#${run.number}`, run.spec.project, state, String(run.spec.gpus), run.requestedBy.name, age];
}
