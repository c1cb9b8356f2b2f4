import { type Fault, fault } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import type { ModelPolicies, ModelStore, RepositoryStore, RolloutPort, RunStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { PullRequest } from '../core/repository-event.ts';
import type { Translation } from '../core/webhook.ts';
import { promotable } from './promotion-message.ts';
import { projectsOf } from './repository-changed.ts';

export interface PromoteWishPorts {
  repositories: Pick<RepositoryStore, 'seen'>;
  models: Pick<ModelStore, 'newestOf' | 'ofRun'>;
  modelPolicies: ModelPolicies;
  runs: Pick<RunStore, 'get'>;
  rollout: Pick<RolloutPort, 'reaches'>;
}

type Asked = Translation & { kind: 'promote' };
export type PromoteWishes = { intents: Intent[] } | { fault: Fault };

/** What a label or a button asks for, in words; null: a label that asks for nothing. Whether they may is decided on the words. */
export async function promoteWishes(
  asked: Asked,
  policy: Policy,
  ports: PromoteWishPorts,
): Promise<PromoteWishes | null> {
  const { of } = asked;
  return 'run' in of
    ? await ofRun(of.run, asked, ports)
    : await ofLabel(of.label, of.pull, asked, policy, ports);
}

async function ofRun(number: number, asked: Asked, ports: PromoteWishPorts): Promise<PromoteWishes> {
  const run = await ports.runs.get(number);
  const made = run ? await promotable(run, ports) : [];
  if (made.length > 0)
    return { intents: made.map(one => intentOf(asked, { model: one.model, version: one.number })) };
  const reason = `Run #${number} has made no version that can be promoted.`;
  const example = 'model list';
  return {
    fault: fault(
      'PROMOTION_NOWHERE',
      { model: `Run #${number}`, reason, todo: 'Look at what there is with /model list.', example },
      '/',
    ),
  };
}

async function ofLabel(
  label: string,
  pull: PullRequest,
  asked: Asked,
  policy: Policy,
  { repositories, models, modelPolicies }: PromoteWishPorts,
): Promise<PromoteWishes | null> {
  // 1. What it asks for here: the models of this repository's projects, as its default branch says.
  const { place } = asked;
  const repo = { id: place.repo, name: place.name, installation: place.installation };
  const meant = [...(await modelPolicies.all())].flatMap(([model, { project, environments }]) =>
    Object.entries(environments).flatMap(([to, said]) =>
      said.label?.toLowerCase() === label.toLowerCase() ? [{ model, project, to }] : [],
    ),
  );
  if (meant.length === 0) return null;
  const own = await projectsOf(repo, policy, repositories);
  const wanted = meant.filter(({ project }) => own.includes(project));
  const [first] = wanted;
  if (!first) return null;

  // 2. Of a fork it asks for nothing, whoever puts it there.
  if (pull.head.repo !== repo.id)
    return refused(
      label,
      'The pull request is of a fork.',
      `Ask for it by name: /model promote ${first.model} N --to ${first.to}.`,
    );

  // 3. The newest version that came of it.
  const { mergedAs } = pull;
  const commits = [pull.head.sha, ...(mergedAs ? [mergedAs] : [])];
  const intents: Intent[] = [];
  for (const { model, to } of wanted) {
    const version = await models.newestOf(model, commits);
    if (version)
      intents.push(intentOf(asked, { model, version: version.number, to, reason: `Label ${label}.` }));
  }
  if (intents.length > 0) return { intents };
  const of = commits.map(sha => sha.slice(0, 7)).join(' or ');
  return refused(
    label,
    `No version of ${first.model} was made from ${of}.`,
    'Put it there again once a run has made one.',
  );
}

function refused(label: string, reason: string, todo: string): PromoteWishes {
  return { fault: fault('PROMOTION_LABEL', { word: label, reason, todo }) };
}

function intentOf(
  { key, actor, place }: Asked,
  values: { model: string; version: number; to?: string; reason?: string },
): Intent {
  const { model, to = '' } = values;
  const wish = { kind: 'call' as const, path: ['model', 'promote'], values };
  return { key: `${key}:${model}:${to}`, actor, place, wish };
}
