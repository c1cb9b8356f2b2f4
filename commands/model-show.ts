import { defineCommand } from '../src/core/command.ts';
import { findModel, findVersion } from '../src/core/promotion/find-version.ts';
import { versionReply } from '../src/core/promotion/version-reply.ts';
import { reply } from '../src/core/reply.ts';

/** A version of a model: what it was made of, what it comes to, and where it serves. */
export const modelShow = defineCommand({
  path: ['model', 'show'],
  summary: 'See a version of a model: its metrics, what it was made of, and where it is live.',
  access: 'viewer',
  arguments: [
    { name: 'model', kind: 'word', summary: 'Its name.', required: true },
    {
      name: 'version',
      kind: 'count',
      summary: 'Its number; the newest otherwise.',
      min: 1,
      max: 999_999_999,
    },
  ],
  flags: [],
  examples: ['model show digits', 'model show digits 7'],
  needs: ['models', 'modelPolicies', 'registry'],
  async run(values, { now }, { models, modelPolicies, registry }) {
    const found = await findModel(values.model, models);
    if (!found.ok) return found;
    const { model } = found;
    const { name } = model;
    const which = await findVersion(model, values.version, models);
    if (!which.ok) return which;
    const { version } = which;
    if (!version) {
      const text = `The next run of ${model.project} that succeeds with ${model.output} makes its first.`;
      const data = { model: name, version: null };
      const blocks = [{ kind: 'text' as const, text: [text] }];
      return { ok: true, reply: reply(`${name} has no versions yet.`, blocks, { data }) };
    }
    const policy = (await modelPolicies.all()).get(name) ?? null;
    const [aliases, registered] = await Promise.all([
      registry.aliases(name),
      registry.registered(version, policy),
    ]);
    const facts = { version, aliases, policy, registered, address: registry.address };
    return { ok: true, reply: versionReply(facts, now) };
  },
});
