import { hasRank } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { forecast } from '../src/core/forecast.ts';
import { forecastBlocks, forecastJson } from '../src/core/forecast-reply.ts';
import { counted, formatDuration } from '../src/core/format.ts';
import { unknownPool } from '../src/core/freeze.ts';
import { withRun } from '../src/core/hypothetical.ts';
import { leaseProject, teamFor } from '../src/core/lease.ts';
import { typedDuration } from '../src/core/project.ts';
import { reply } from '../src/core/reply.ts';
import { poolsFor } from '../src/core/run-request.ts';
import { plan as decide } from '../src/core/scheduler/plan.ts';
import { readWorld } from '../src/core/scheduler/read-world.ts';

/** What would become of a run of that size, were it asked for now: what plans for real says it, over the world as it is. */
export const gpuWhatif = defineCommand({
  path: ['gpu', 'whatif'],
  summary: 'See whether so many accelerators would be given out now.',
  access: 'viewer',
  arguments: [
    { name: 'gpus', kind: 'count', summary: 'How many, on each node.', required: true, min: 1, max: 1024 },
  ],
  flags: [
    { name: 'for', kind: 'duration', summary: 'For how long.', required: true },
    { name: 'gpu', kind: 'word', summary: "Part of the wanted accelerator's model, or a flavor." },
    { name: 'nodes', kind: 'count', summary: 'On how many nodes; 1 otherwise.', min: 1, max: 256 },
    { name: 'team', kind: 'word', summary: 'For which team; your only one otherwise.' },
    { name: 'pool', kind: 'word', summary: 'Where; wherever it fits otherwise.' },
    { name: 'preemptible', kind: 'switch', summary: 'It can be stopped for others, so that it may borrow.' },
  ],
  examples: ['gpu whatif 8 --gpu a100 --for 6h', 'gpu whatif 8 --nodes 2 --for 12h --preemptible'],
  needs: ['plan'],
  async run(values, { policy, person, role, now }, { plan }) {
    const { gpus, gpu, nodes = 1, pool } = values;
    const model = gpu === undefined ? '' : ` --gpu ${gpu}`;
    const example = `gpu whatif ${gpus}${model} --for ${typedDuration(values.for)}`;
    const unknown =
      pool === undefined ? null : unknownPool(pool, policy, name => `${example} --pool ${name}`);
    if (unknown) return unknown;
    const asker = { isOperator: hasRank(role, 'operator'), example };
    const team = teamFor(values.team, person.teams, policy, asker);
    if (!team.ok) return team;

    const pools = poolsFor(pool, policy);
    const spec = {
      ...{ project: leaseProject, team: team.name, gpus, gpuModel: gpu ?? null, graceS: 0 },
      ...{ pool: pools[0] ?? '', pools, timeLimitS: values.for },
    };
    const asked = withRun(await plan.snapshot(now), spec, 'normal', now);
    const read = readWorld(asked.snapshot, policy, now);
    const waiting = read.waiting.map(run =>
      run.number === asked.number
        ? { ...run, workers: nodes, preemptible: values.preemptible ?? false }
        : run,
    );
    const found = forecast({ ...read, waiting }, asked.number, now.getTime(), decide);
    const what = counted(gpus, gpu === undefined ? 'GPU' : `${gpu} GPU`);
    const all = nodes === 1 ? what : `${what} on each of ${nodes} nodes`;
    const starts = found.decision.type === 'start';
    const title = `${all} for ${formatDuration(values.for)} would ${starts ? 'start now' : 'wait'}.`;
    const rows = [{ label: 'For team', value: [team.name] }];
    const blocks = forecastBlocks(found, policy.currency, rows);
    const data = { ...forecastJson(found), team: team.name, gpus, nodes, currency: policy.currency };
    return { ok: true, reply: reply(title, blocks, { tone: starts ? 'success' : 'waiting', data }) };
  },
});
