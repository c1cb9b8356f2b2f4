import { defineCommand } from '../src/core/command.ts';
import { cleanLine } from '../src/core/format.ts';
import type { ModelAlias } from '../src/core/ports.ts';
import type { ModelVersion } from '../src/core/promotion/version.ts';
import { modelJson } from '../src/core/promotion/version-json.ts';
import { reply } from '../src/core/reply.ts';

const none = '–';
/** A table that people still read. */
const shownRows = 30;

/** Models, with what is newest and what serves. */
export const modelList = defineCommand({
  path: ['model', 'list'],
  summary: 'See the models, their newest versions, and which ones serve.',
  access: 'viewer',
  arguments: [],
  flags: [{ name: 'project', kind: 'word', summary: 'Only models of this project.' }],
  examples: ['model list', 'model list --project digits'],
  needs: ['models', 'modelPolicies', 'registry'],
  async run({ project }, _context, { models, modelPolicies, registry }) {
    const [known, declared, aliases] = await Promise.all([
      models.all(),
      modelPolicies.all(),
      registry.aliases(),
    ]);
    // One that was declared a moment ago is not known yet.
    const fresh = [...declared].flatMap(([name, { project, output }]) =>
      known.some(one => one.name === name) ? [] : [{ name, project, output, newest: 0 }],
    );
    const all = [...known, ...fresh]
      .filter(one => project === undefined || one.project === project)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const environments = (name: string) => {
      const policy = declared.get(name);
      return policy ? Object.keys(policy.environments) : null;
    };
    const of = (name: string) => aliases.filter(one => one.model === name);
    const data = { models: all.map(one => modelJson(one, environments(one.name), of(one.name))) };
    if (all.length === 0) {
      const text =
        'A model is named in signalbox.yml, or in .signalbox.yml of its repository, under `models`.';
      return {
        ok: true,
        reply: reply('There are no such models.', [{ kind: 'text', text: [text] }], { data }),
      };
    }
    const shown = all.slice(0, shownRows);
    const newest = await Promise.all(
      shown.map(one => (one.newest === 0 ? null : models.version(one.name, one.newest))),
    );
    const rows = shown.map(({ name, project }, i) => [
      environments(name) === null ? `${name} (no longer declared)` : name,
      project,
      newestCell(newest[i] ?? null),
      liveCell(of(name)),
    ]);
    const columns = [{ title: 'Model' }, { title: 'Project' }, { title: 'Newest' }, { title: 'Live' }];
    const left = all.length - shownRows;
    const title = all.length === 1 ? 'One model:' : `${all.length} models:`;
    const more = left > 0 ? [{ kind: 'context' as const, text: [`And ${left} more.`] }] : [];
    return { ok: true, reply: reply(title, [{ kind: 'table', columns, rows }, ...more], { data }) };
  },
});

/** `7, of run #42` */
function newestCell(version: ModelVersion | null): string {
  return version ? `${version.number}, of run #${version.run}` : none;
}

function liveCell(aliases: readonly ModelAlias[]): string {
  const live = aliases.flatMap(({ alias, number }) =>
    number === null ? [] : [`${cleanLine(alias, 40)} ${number}`],
  );
  return live.length === 0 ? none : live.join(', ');
}
