import type { CommandDefinition } from './command.ts';
import { type ErrorCode, type ErrorDetails, fault, faultLine } from './errors.ts';
import type { FormValues } from './form.ts';
import type { Holdings } from './free-now.ts';
import { gpusTooMany } from './pool-limit.ts';
import { type Policy, typedDuration } from './project.ts';
import { type RunWish, requestRun } from './run-request.ts';
import { anyModel, anyPool, parameterField } from './train-form.ts';
import { parseValue } from './values.ts';

export type ReadTrainForm =
  | { ok: true; values: Record<string, unknown> }
  /** A sentence for each field that is wrong: what the command line would say, without its example. */
  | { ok: false; errors: Record<string, string> };

interface Facts {
  /** The command that the form stands for; its flags say how values are read. */
  command: Pick<CommandDefinition, 'flags'>;
  policy: Policy;
  /** Null: not known now, and not checked. */
  holdings: Holdings | null;
}

/** How a sentence calls what is typed as a flag: whoever fills in a form sees no flags. */
const nouns = new Map([
  ['--ref', 'the branch, tag or commit'],
  ['--gpus', 'the number of GPUs'],
  ['--gpu', 'the GPU model'],
  ['--pool', 'the pool'],
  ['--time', 'the time limit'],
  ['--priority', 'the priority'],
  ['--note', 'the note'],
]);

/** Reads what was filled in as the command line would be read, but all fields at once. Fields left empty are as the project has them. */
export function readTrainForm(filled: FormValues, { command, policy, holdings }: Facts): ReadTrainForm {
  const errors: Record<string, string> = {};
  const refuse = (field: string, said: { code: ErrorCode; details: ErrorDetails }) => {
    errors[field] ??= sentenceOf(said.code, said.details);
  };
  const project = filled.project ?? '';
  const known = requestRun({ project }, policy);
  if (!known.ok && !Object.hasOwn(policy.projects, project)) {
    refuse('project', { ...known, details: { ...known.details, word: project || '""' } });
    return { ok: false, errors };
  }

  const values: Record<string, unknown> = {};
  for (const spec of command.flags) {
    const text = filled[spec.name]?.trim() ?? '';
    if (spec.kind === 'pairs' || text === '' || isAny(spec.name, text)) continue;
    const read = parseValue(spec, text);
    if (read.ok) values[spec.name] = read.value;
    else {
      const { nearest } = read;
      const allowed = spec.name === 'time' ? timeAllowed(project, policy) : read.allowed;
      refuse(spec.name, {
        code: 'VALUE_INVALID',
        details: { word: text, name: `--${spec.name}`, allowed, nearest },
      });
    }
  }
  const parameters = parametersIn(filled, project, policy);
  const wish: RunWish = { project, parameters, ...wishFrom(values) };

  // Each by itself, so that all that is wrong is said at once.
  const { gpus, gpu, ...others } = wishFrom(values);
  const alone: [field: string, part: Partial<RunWish>][] = [
    ...Object.entries(others).map(([name, value]): [string, Partial<RunWish>] => [name, { [name]: value }]),
    ...Object.entries(parameters).map(([name, text]): [string, Partial<RunWish>] => [
      `${parameterField}${name}`,
      { parameters: { [name]: text } },
    ]),
    ['gpu', { ...(gpus === undefined ? {} : { gpus }), ...(gpu === undefined ? {} : { gpu }) }],
  ];
  for (const [field, part] of alone) {
    const checked = requestRun({ project, ...part }, policy);
    if (!checked.ok) refuse(field, checked);
  }
  const whole = requestRun(wish, policy);
  if (Object.keys(errors).length === 0 && !whole.ok) refuse('project', whole);
  const { pool } = others;
  const resources = requestRun({ project, gpus, gpu, pool }, policy);
  const tooMany =
    resources.ok && holdings ? gpusTooMany(resources.spec, holdings.pools, policy.flavors) : null;
  if (tooMany) refuse('gpus', tooMany);

  if (Object.keys(errors).length > 0) return { ok: false, errors };
  return { ok: true, values: { project, ...values, parameters } };
}

/** A choice that stands for none. */
function isAny(field: string, text: string): boolean {
  return (field === 'gpu' && text === anyModel) || (field === 'pool' && text === anyPool);
}

/** What is wrong, in the words of the catalogue. */
function sentenceOf(code: ErrorCode, { example: _, ...details }: ErrorDetails): string {
  const name = nouns.get(String(details.name)) ?? details.name;
  return faultLine(fault(code, { ...details, name }));
}

/** The project's limit rather than the longest that any run may have. */
function timeAllowed(project: string, policy: Policy): string {
  const limit = policy.projects[project]?.timeLimit;
  return `a duration such as 90s, 15m or 1h30m${limit === undefined ? '' : `, at most ${typedDuration(limit)}`}`;
}

/** Numbers and choices without the blanks around them that phones add; text stays as it was written. */
function parametersIn(filled: FormValues, project: string, policy: Policy): Record<string, string> {
  const specs = policy.projects[project]?.parameters ?? {};
  const given = Object.entries(filled).flatMap(([field, text]): [string, string][] => {
    if (!field.startsWith(parameterField) || text === '') return [];
    const name = field.slice(parameterField.length);
    const isText = Object.hasOwn(specs, name) && specs[name]?.type === 'text';
    const value = isText ? text : text.trim();
    return value === '' ? [] : [[name, value]];
  });
  return Object.fromEntries(given);
}

function wishFrom(values: Record<string, unknown>): Omit<RunWish, 'project'> {
  const wish: Omit<RunWish, 'project'> = {};
  for (const name of ['ref', 'gpu', 'pool', 'priority', 'note'] as const) {
    const value = values[name];
    if (typeof value === 'string') wish[name] = value;
  }
  for (const name of ['gpus', 'time'] as const) {
    const value = values[name];
    if (typeof value === 'number') wish[name] = value;
  }
  return wish;
}
