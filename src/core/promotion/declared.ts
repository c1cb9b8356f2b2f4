import type { ModelPolicy } from './model-keys.ts';

/** What the `.signalbox.yml` of a repository's default branch says of models. */
export interface RepositoryModels {
  source: string;
  models: Readonly<Record<string, ModelPolicy>>;
}

/**
 * All models that are declared. signalbox.yml wins over repositories. Of two repositories that name the same, the one counts whose project
 * had the model before (`owners`: projects by model), else the first by name: who comes later takes nobody's model over.
 */
export function declaredModels(
  own: Readonly<Record<string, ModelPolicy>>,
  repositories: readonly RepositoryModels[],
  owners: ReadonlyMap<string, string>,
): { models: Map<string, ModelPolicy>; refused: { model: string; source: string }[] } {
  const models = new Map(Object.entries(own));
  const refused: { model: string; source: string }[] = [];
  const inOrder = repositories.toSorted((a, b) => (a.source < b.source ? -1 : 1));
  const said = inOrder.flatMap(({ source, models }) =>
    Object.entries(models).map(([name, model]) => ({ name, source, model })),
  );
  const [firsts, others] = [
    said.filter(({ name, model }) => owners.get(name) === model.project),
    said.filter(({ name, model }) => owners.get(name) !== model.project),
  ];
  for (const { name, source, model } of [...firsts, ...others]) {
    if (!models.has(name)) models.set(name, model);
    else if (!Object.hasOwn(own, name)) refused.push({ model: name, source });
  }
  return { models, refused };
}
