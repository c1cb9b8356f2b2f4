import { hasRank, notOnGitHub } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { requestLease } from '../src/core/lease.ts';
import { gpusTooMany } from '../src/core/pool-limit.ts';
import { storeRun } from '../src/core/store-run.ts';

/** Requests a lease: accelerators for oneself, through the same queue as all runs, for a time. */
export const gpuRequest = defineCommand({
  path: ['gpu', 'request'],
  summary: 'Ask for accelerators to work on yourself.',
  access: 'trainer',
  places: notOnGitHub,
  arguments: [
    {
      name: 'gpus',
      kind: 'count',
      summary: 'How many; 0 means one CPU slot.',
      required: true,
      min: 0,
      max: 1024,
    },
  ],
  flags: [
    { name: 'for', kind: 'duration', summary: 'For how long.', required: true },
    { name: 'gpu', kind: 'word', summary: "Part of the wanted accelerator's model, or a flavor." },
    { name: 'team', kind: 'word', summary: 'The team that it counts for; your only one otherwise.' },
    { name: 'pool', kind: 'word', summary: 'Where.' },
    {
      name: 'run',
      kind: 'word',
      summary: 'What runs on it, of what an operator has named; nothing otherwise.',
    },
    { name: 'note', kind: 'text', summary: 'What it is for.' },
  ],
  examples: [
    'gpu request 2 --for 4h',
    'gpu request 1 --gpu a100 --for 2h --run jupyter --note "look at the errors"',
  ],
  needs: ['runs', 'plan', 'freezes'],
  async run(values, context, { runs, plan, freezes }) {
    const { policy, person, role } = context;
    const asker = { policy, teams: person.teams, isOperator: hasRank(role, 'operator') };
    const requested = requestLease(values, asker);
    if (!requested.ok) return requested;
    const { spec } = requested;
    if (spec.gpus > 0) {
      const tooMany = gpusTooMany(spec, (await plan.snapshot(context.now)).pools, context.policy.flavors);
      if (tooMany) return tooMany;
    }
    return { ok: true, reply: await storeRun(spec, 'normal', context, { runs, freezes }) };
  },
});
