import { denied, mayChange } from '../src/core/access.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { priorities } from '../src/core/project.ts';
import { reply } from '../src/core/reply.ts';
import { isEnd, type Run } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { titleOf } from '../src/core/run-reply.ts';

/** Changes how urgent a run is. Whoever may ask for a priority may change to it: their own runs as a trainer, any as an operator. */
export const trainBump = defineCommand({
  path: ['train', 'bump'],
  summary: "Change a run's priority.",
  access: 'trainer',
  own: true,
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [
    {
      name: 'priority',
      kind: 'choice',
      summary: 'How urgent it is now.',
      choices: priorities,
      required: true,
    },
  ],
  examples: ['train bump 42 --priority high'],
  needs: ['runs'],
  async run(values, { actor, role, isSelf, now }, { runs }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const access = mayChange(found.run, isSelf(found.run.requestedBy), role);
    if (!access.ok) return denied(`train bump ${values.run}`, access);
    const priority = priorities.find(one => one === values.priority) ?? 'normal';
    const changed = await runs.change(values.run, { type: 'bump', actor, priority }, now, actor);
    if (changed.ok) return bumped(changed.run);
    const again = await findRun(values.run, runs);
    if (!again.ok) return again;
    return isEnd(again.run.state) ? ended(again.run) : bumped(again.run);
  },
});

function bumped(run: Run): Outcome {
  const title = `Run ${titleOf(run)}, and its priority is ${run.priority}.`;
  return { ok: true, reply: reply(title, [], { data: runJson(run) }) };
}

function ended({ number, state }: Run): Outcome {
  const details = { word: number, number, state, example: `train retry ${number}` };
  return { ok: false, code: 'RUN_ALREADY_ENDED', details };
}
