import type { CommandDefinition } from './command.ts';
import type { Policy } from './project.ts';
import { typedParameter } from './run-request.ts';
import { typedSweep } from './sweep.ts';

/**
 * The commands with examples that can be taken as they are: where the policy has no project `digits`, which the definitions speak of, its
 * first project stands in with the first of its parameters, and its first model.
 */
export function withOwnExamples(
  commands: readonly CommandDefinition[],
  policy: Pick<Policy, 'projects' | 'models'>,
): readonly CommandDefinition[] {
  const [own] = Object.entries(policy.projects);
  if (!own || Object.hasOwn(policy.projects, 'digits')) return commands;
  const [name, project] = own;
  const { parameters, team } = project;
  const sweep = typedSweep(project);
  const [parameter] = Object.entries(parameters);
  const set = parameter ? ` ${typedParameter(parameter[0], parameter[1].default)}` : '';
  const [model = name] = Object.keys(policy.models);
  const fitted = (example: string) =>
    example
      .replace(/^train digits\b/, `train ${name}`)
      .replace(/ -p lr=\S+/, () => set)
      .replace(/ --sweep lr=\S+ --early-stop median/, () => sweep)
      .replace(/^(model \w+) digits\b/, (_, verb) => `${verb} ${model}`)
      .replace(/ --project digits\b/, ` --project ${name}`)
      .replace(/ --team research\b/, ` --team ${team}`);
  return commands.map(command => {
    const [first, ...more] = command.examples;
    return { ...command, examples: [fitted(first), ...more.map(fitted)] };
  });
}
