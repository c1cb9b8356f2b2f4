import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { cleanLine } from '../src/core/format.ts';
import { reply } from '../src/core/reply.ts';

const usualLines = 20;
const mostLines = 200;
const shownLength = 1_000;

/** The end of the log of a run's newest attempt. */
export const trainLogs = defineCommand({
  path: ['train', 'logs'],
  summary: "See the last lines of a run's log.",
  access: 'viewer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [
    { name: 'lines', kind: 'count', summary: `How many; ${usualLines} otherwise.`, min: 1, max: mostLines },
  ],
  examples: ['train logs 42', 'train logs 42 --lines 100'],
  needs: ['runs', 'logs'],
  async run(values, _context, { runs, logs }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { number, attempt, spec } = found.run;
    const tail = attempt === 0 ? [] : await logs.tail(number, attempt, values.lines ?? usualLines);
    const lines = tail.map(line => cleanLine(line, shownLength));
    const data = { number, attempt, lines };
    if (lines.length === 0) {
      const why = attempt === 0 ? 'it has not started yet' : 'nothing was printed yet';
      return { ok: true, reply: reply(`#${number} ${spec.project} has no log: ${why}.`, [], { data }) };
    }
    const count = lines.length === 1 ? 'line' : `${lines.length} lines`;
    const title = `The last ${count} of #${number} ${spec.project}, attempt ${attempt}:`;
    return { ok: true, reply: reply(title, [{ kind: 'code', text: lines.join('\n') }], { data }) };
  },
});
