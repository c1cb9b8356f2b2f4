import { defineCommand } from '../src/core/command.ts';
import { formatDuration, formatNumber, secondsBetween } from '../src/core/format.ts';
import { teamsOf } from '../src/core/lease.ts';
import { type Better, bestOf, betterOf } from '../src/core/metric-direction.ts';
import type { MetricKeys } from '../src/core/metric-keys.ts';
import { nearest } from '../src/core/nearest.ts';
import type { RunOrder, RunStore } from '../src/core/ports.ts';
import type { Policy } from '../src/core/project.ts';
import { type Reply, reply } from '../src/core/reply.ts';
import { type Run, runStates } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { nameOf } from '../src/core/run-reply.ts';

const usualLimit = 10;
const right = 'right' as const;

/** The newest runs first, or the best by a metric. */
export const trainList = defineCommand({
  path: ['train', 'list'],
  summary: 'See the newest runs, or the best.',
  access: 'viewer',
  arguments: [],
  flags: [
    { name: 'mine', kind: 'switch', summary: 'Only runs that you asked for, with any account of yours.' },
    { name: 'team', kind: 'word', summary: "Only runs of this team's projects." },
    { name: 'project', kind: 'word', summary: 'Only runs of this project.' },
    { name: 'state', kind: 'choice', summary: 'Only runs in this state.', choices: runStates },
    { name: 'sort', kind: 'text', summary: 'A metric: the runs that are best by it come first.' },
    {
      name: 'by',
      kind: 'choice',
      summary: 'With --sort: by its final value, of runs that succeeded (the usual), or by its best, of any.',
      choices: ['final', 'best'],
    },
    { name: 'limit', kind: 'count', summary: `How many; ${usualLimit} otherwise.`, min: 1, max: 50 },
  ],
  examples: [
    'train list --mine',
    'train list --team research --state running',
    'train list --project digits --sort val_auc',
  ],
  needs: ['runs'],
  async run(values, { person, policy, now }, { runs }) {
    const { mine, team, project, state, sort, by, limit = usualLimit } = values;
    const teams = teamsOf(policy);
    if (team !== undefined && !teams.includes(team)) return unknown('--team', team, teams);
    const projects = Object.keys(policy.projects);
    if (project !== undefined && !projects.includes(project)) return unknown('--project', project, projects);
    const filter = {
      limit,
      team,
      project,
      requesters: mine ? person.accounts : undefined,
      states: state === undefined ? undefined : runStates.filter(one => one === state),
    };
    if (sort !== undefined) {
      const better = directionOf(sort, project, policy);
      if (by !== 'best' || better !== null) {
        const order: RunOrder = { metric: sort, by: by === 'best' ? 'best' : 'final', better };
        return {
          ok: true,
          reply: await sortedList(await runs.sorted({ ...filter, kinds: ['train'] }, order), order, now),
        };
      }
      const allowed = `best only where it is known which way ${sort} gets better`;
      const example = `train list --sort ${sort} --by final`;
      return { ok: false, code: 'VALUE_INVALID', details: { word: by, name: '--by', allowed, example } };
    }
    if (by !== undefined) {
      const example = `train list --sort val_auc --by ${by}`;
      const allowed = 'nothing without --sort, which names the metric';
      return { ok: false, code: 'VALUE_INVALID', details: { word: by, name: '--by', allowed, example } };
    }
    const found = await runs.list({ ...filter, kinds: ['train', 'evaluate'] });
    const data = { runs: found.map(run => runJson(run)) };
    if (found.length === 0) return { ok: true, reply: reply('There are no such runs.', [], { data }) };
    const columns = [
      { title: 'Run', align: right },
      { title: 'Project' },
      { title: 'State' },
      { title: 'GPUs', align: right },
      { title: 'Asked by' },
      { title: 'Age', align: right },
    ];
    const rows = found.map(run => rowOf(run, now));
    const title = found.length === 1 ? 'One run:' : `The newest ${found.length} runs:`;
    return { ok: true, reply: reply(title, [{ kind: 'table', columns, rows }], { data }) };
  },
});

function unknown(name: string, word: string, allowed: string[]) {
  const details = { word, name, allowed, nearest: nearest(word, allowed) };
  return { ok: false as const, code: 'VALUE_INVALID' as const, details };
}

/** As the project says it, or all that say it do; null where they differ or nobody knows. */
function directionOf(metric: string, project: string | undefined, { projects }: Policy): Better | null {
  const declared = Object.entries(projects)
    .filter(([name]) => project === undefined || name === project)
    .map(([, { metrics }]): MetricKeys => metrics ?? {})
    .filter(metrics => Object.hasOwn(metrics, metric));
  const said = new Set((declared.length > 0 ? declared : [{}]).map(metrics => betterOf(metric, metrics)));
  const [only] = said;
  return said.size === 1 ? (only ?? null) : null;
}

type Sorted = Awaited<ReturnType<RunStore['sorted']>>;

function sortedList(found: Sorted, { metric, by, better }: RunOrder, now: Date): Reply {
  const data = {
    sort: { metric, by, better },
    runs: found.map(({ run, metric: summary }) => ({
      ...runJson(run, [summary]),
      final: run.state === 'succeeded' && summary.notFinite === undefined ? summary.value : null,
      best: bestOf(summary, better),
    })),
  };
  const which = by === 'final' ? 'that succeeded ' : '';
  if (found.length === 0)
    return reply(`There are no such runs: none ${which}has reported ${metric}.`, [], { data });
  const arrow = better === null ? '' : better === 'higher' ? ' ↑' : ' ↓';
  const value = ({ metric: summary }: Sorted[number]) => {
    const best = bestOf(summary, better);
    if (by === 'final' || !best) return formatNumber(summary.value);
    return `${formatNumber(best.value)} (step ${formatNumber(best.step)})`;
  };
  const columns = [
    { title: 'Run', align: right },
    { title: `${by === 'final' ? 'Final' : 'Best'} ${metric}${arrow}`, align: right },
    { title: 'Project' },
    { title: 'State' },
    { title: 'Asked by' },
    { title: 'Age', align: right },
  ];
  const rows = found.map(one => {
    const [number = '', project = '', state = '', , asker = '', age = ''] = rowOf(one.run, now);
    return [number, value(one), project, state, asker, age];
  });
  const said =
    better === null
      ? `Nobody has said which way ${metric} gets better: the largest comes first.`
      : `${better === 'higher' ? 'Higher' : 'Lower'} is better.`;
  const rest =
    by === 'final'
      ? 'Only runs that succeeded have a final value.'
      : 'The best value of a run may lie before its end.';
  const title = found.length === 1 ? `One run by ${metric}:` : `The best ${found.length} runs by ${metric}:`;
  return reply(
    better === null ? title.replace('The best', 'The first') : title,
    [
      { kind: 'table', columns, rows },
      { kind: 'context', text: [`${said} ${rest}`] },
    ],
    { data },
  );
}

function rowOf(run: Run, now: Date): string[] {
  const age = formatDuration(Math.round(secondsBetween(run.createdAt, now)));
  const state = run.stopping ? 'stopping' : run.state;
  return [`#${run.number}`, nameOf(run), state, String(run.spec.gpus), run.requestedBy.name, age];
}
