import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { cleanLine, counted } from '../src/core/format.ts';
import { type ReplyBlock, reply } from '../src/core/reply.ts';
import { formatBytes } from '../src/core/run-record.ts';
import { titleOf } from '../src/core/run-reply.ts';

/** A table that people still read. */
const shownRows = 30;

/** What a run made and Signalbox keeps: each file with its size, its digest and where its content is. */
export const trainArtifacts = defineCommand({
  path: ['train', 'artifacts'],
  summary: 'See what a run made: its declared outputs, as they are kept.',
  access: 'viewer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train artifacts 42'],
  needs: ['runs', 'records'],
  async run(values, _context, { runs, records }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { number, spec } = found.run;
    const artifacts = await records.artifacts(number);
    const path = (name: string) => `/v1/runs/${number}/artifacts/${encodeURIComponent(name)}`;
    const data = {
      run: number,
      artifacts: artifacts.map(one => ({ ...one, path: path(one.name) })),
    };
    if (artifacts.length === 0) {
      const why =
        (spec.outputs ?? []).length === 0
          ? `${spec.project} declares no outputs: name them in signalbox.yml, as in \`outputs: [model.json]\`.`
          : 'They are kept when it ends with exit code 0.';
      const blocks: ReplyBlock[] = [{ kind: 'text', text: [why] }];
      return { ok: true, reply: reply(`${titleOf(found.run)}, and has no artifacts.`, blocks, { data }) };
    }
    const bytes = artifacts.reduce((sum, one) => sum + one.bytes, 0);
    const left = artifacts.length - shownRows;
    const blocks: ReplyBlock[] = [
      {
        kind: 'table',
        columns: [{ title: 'Artifact' }, { title: 'Size', align: 'right' }, { title: 'SHA-256' }],
        rows: artifacts
          .slice(0, shownRows)
          .map(one => [cleanLine(one.name, 80), formatBytes(one.bytes), one.sha256.replace('sha256:', '')]),
      },
      {
        kind: 'context',
        text: [
          ...(left > 0 ? [`And ${left} more. `] : []),
          'Each at ',
          { code: `/v1/runs/${number}/artifacts/NAME` },
          ' of the API, with a token that may read runs.',
        ],
      },
    ];
    const title = `${titleOf(found.run)}: ${counted(artifacts.length, 'artifact')}, ${formatBytes(bytes)}.`;
    return { ok: true, reply: reply(title, blocks, { data }) };
  },
});
