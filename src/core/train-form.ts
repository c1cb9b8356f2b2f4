import { choiceField, type Form, type FormChoice, type FormField } from './form.ts';
import { counted } from './format.ts';
import { freeIn, type Holdings, modelWords, poolNow } from './free-now.ts';
import { allowedForParameter, readParameter } from './parameters.ts';
import { type Parameter, type Policy, type Project, priorities, typedDuration } from './project.ts';
import type { Run } from './run.ts';
import type { RunWish } from './run-request.ts';

/** Fields for parameters are named for them, after this. */
export const parameterField = 'parameter:';
/** Stands for no wish in a choice. */
export const anyModel = '*';
/** Stands for no pool in particular: wherever there is room first, backup pools included. */
export const anyPool = '*';
/** With the other fields, fewer than the 100 parts that Slack shows. */
const mostParameters = 80;

export interface TrainFormFacts {
  policy: Policy;
  /** What the form is filled in with. Without a project, only that is asked. */
  wish: Partial<RunWish>;
  /** What is there and who holds it; null: not known now. */
  holdings: Holdings | null;
}

/** The form for a run: the project, then all that a request can say of one. Its state is the project that it was made for. */
export function trainForm({ policy, wish, holdings }: TrainFormFacts): Form {
  const name = wish.project ?? '';
  const project = Object.hasOwn(policy.projects, name) ? policy.projects[name] : undefined;
  const shared = { id: 'train', title: 'Train a model' };
  if (!project) {
    const note = 'The rest of the form depends on the project.';
    // Nothing is trained by it: it brings the other fields, where they have not come by themselves.
    return { ...shared, submit: 'Next', state: '', fields: [projectField(policy, undefined)], note };
  }
  const names = Object.keys(project.parameters);
  const left = names.length - mostParameters;
  return {
    ...shared,
    submit: 'Train',
    state: name,
    fields: [
      projectField(policy, name),
      refField(project, wish),
      ...names.slice(0, mostParameters).map(one => parameterOf(one, project.parameters[one], wish)),
      gpusField(project, wish, holdings),
      ...modelField(wish, holdings),
      ...poolField(project, policy, wish, holdings),
      timeField(project, wish),
      {
        name: 'priority',
        label: 'Priority',
        kind: 'choice',
        value: priorities.find(one => one === wish.priority) ?? 'normal',
        choices: priorities.map(plain),
      },
      {
        name: 'note',
        label: 'Note',
        kind: 'text',
        optional: true,
        hint: 'What it is for.',
        ...filled(wish.note),
      },
    ],
    ...(left > 0
      ? { note: `${counted(left, 'more parameter')} can be set by typing /train ${name} -p name=value.` }
      : {}),
  };
}

/** What a form is filled in with to repeat a run. What it was for is not repeated. */
export function wishOf(run: Run): RunWish {
  const { project, ref, gpus, gpuModel, pool, pools, timeLimitS, parameters } = run.spec;
  const texts = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  return {
    project,
    ref,
    gpus,
    time: timeLimitS,
    priority: run.priority,
    parameters: Object.fromEntries(texts),
    ...(gpuModel === null ? {} : { gpu: gpuModel }),
    // Of several nobody named one.
    ...(pools && pools.length > 1 ? {} : { pool }),
  };
}

/** All choices of a field that is searched. `refs`: those that runs of the project had, the newest first. */
export function trainChoices(
  field: string,
  projectName: string,
  policy: Policy,
  refs: readonly string[],
): FormChoice[] {
  const project = Object.hasOwn(policy.projects, projectName) ? policy.projects[projectName] : undefined;
  if (field === 'project') return projectChoices(policy);
  if (field === 'pool') return [...anyPoolOf(project), ...Object.keys(policy.pools).map(plain)];
  if (field === 'ref') return [...new Set(project ? [project.ref, ...refs] : refs)].map(plain);
  const parameter = project?.parameters[field.slice(parameterField.length)];
  return parameter?.type === 'choice' ? parameter.choices.map(plain) : [];
}

function projectField(policy: Policy, value: string | undefined): FormField {
  const choices = projectChoices(policy);
  return choiceField({ name: 'project', label: 'Project', choices, refreshes: true, ...filled(value) });
}

function projectChoices(policy: Policy): FormChoice[] {
  return Object.entries(policy.projects).map(([name, { team }]) => ({
    ...plain(name),
    hint: `Team ${team}`,
  }));
}

function refField(project: Project, { ref = project.ref }: Partial<RunWish>): FormField {
  const hint = `Default: ${project.ref}.`;
  return {
    name: 'ref',
    label: 'Branch, tag or commit',
    kind: 'search',
    optional: true,
    hint,
    ...filled(ref),
  };
}

function parameterOf(name: string, parameter: Parameter | undefined, wish: Partial<RunWish>): FormField {
  const field = { name: `${parameterField}${name}`, label: name };
  if (!parameter) return { ...field, kind: 'text', optional: true };
  const wished = wish.parameters?.[name];
  const value =
    wished !== undefined && readParameter(parameter, wished).ok ? wished : String(parameter.default);
  const own = sentence(parameter.hint ?? '');
  switch (parameter.type) {
    case 'boolean':
      return { ...field, kind: 'switch', value, ...hinted(own) };
    case 'choice':
      return choiceField({ ...field, value, choices: parameter.choices.map(plain), ...hinted(own) });
    default: {
      // What a text takes says more than its own hint only where it has a pattern and no hint.
      const says = parameter.type !== 'text' || (parameter.pattern !== undefined && !parameter.hint);
      const allowed = says ? sentence(String(allowedForParameter(parameter))) : '';
      const empty = parameter.default === '' ? '' : `Default: ${parameter.default}.`;
      return {
        ...field,
        kind: parameter.type,
        optional: true,
        ...filled(value),
        ...hinted([own, allowed, empty].filter(Boolean).join(' ')),
      };
    }
  }
}

function gpusField(project: Project, wish: Partial<RunWish>, holdings: Holdings | null): FormField {
  const free = (holdings?.pools ?? []).map(pool => ({
    pool,
    ...freeIn(pool, holdings?.held ?? [], 'gpu'),
  }));
  const there = free.filter(({ pool, total }) => pool.reachable && total > 0);
  const now = there.map(({ pool, free: some, total }) => `${some} of ${total} in ${pool.name}`).join(', ');
  const none = holdings && there.length === 0 ? 'No pool has any now.' : '';
  const hint = [now ? `Free now: ${now}.` : none, '0 means one CPU slot.', `Default: ${project.gpus}.`];
  return {
    name: 'gpus',
    label: 'GPUs',
    kind: 'integer',
    optional: true,
    value: String(wish.gpus ?? project.gpus),
    hint: hint.filter(Boolean).join(' '),
  };
}

/** Asked only where there is a choice, or where there was one. */
function modelField({ gpu }: Partial<RunWish>, holdings: Holdings | null): FormField[] {
  const { pools = [], held = [] } = holdings ?? {};
  const words = modelWords(pools);
  const known = gpu === undefined || words.some(({ word }) => word === gpu);
  if (words.length < 2 && known) return [];
  const all = known || gpu === undefined ? words : [...words, { word: gpu, label: gpu }];
  const choices = all.map(({ word, label }) => {
    const counts = pools.filter(pool => pool.reachable).map(pool => freeIn(pool, held, 'gpu', word));
    const sum = (of: 'free' | 'total') => counts.reduce((total, count) => total + count[of], 0);
    return { value: word, label, hint: `${sum('free')} of ${sum('total')} free` };
  });
  const any = { value: anyModel, label: 'Any' };
  return [
    {
      name: 'gpu',
      label: 'GPU model',
      kind: 'choice',
      value: gpu ?? anyModel,
      choices: [any, ...choices.slice(0, 99)],
    },
  ];
}

function poolField(
  project: Project,
  policy: Policy,
  wish: Partial<RunWish>,
  holdings: Holdings | null,
): FormField[] {
  const names = Object.keys(policy.pools);
  if (names.length < 2) return [];
  const value = [wish.pool, project.pool].find(name => name && names.includes(name)) ?? anyPool;
  const choices = names.map(name => {
    const pool = holdings?.pools.find(one => one.name === name);
    return { ...plain(name), ...(pool && holdings ? { hint: poolNow(pool, holdings) } : {}) };
  });
  const all = [...anyPoolOf(project), ...choices];
  return [choiceField({ name: 'pool', label: 'Pool', choices: all, value })];
}

/** A project that names its pool stays there unless somebody names another. */
function anyPoolOf(project: Project | undefined): FormChoice[] {
  return project?.pool === undefined ? [{ value: anyPool, label: 'Wherever there is room' }] : [];
}

function timeField(project: Project, { time }: Partial<RunWish>): FormField {
  const most = typedDuration(project.timeLimit);
  const value = time === undefined || time > project.timeLimit ? most : typedDuration(time);
  const hint = `Such as 90s, 15m or 1h30m. At most ${most}, which is the default.`;
  return { name: 'time', label: 'Time limit', kind: 'text', optional: true, value, hint };
}

function plain(value: string): FormChoice {
  return { value, label: value };
}

function filled(value: string | undefined): { value?: string } {
  return value === undefined || value === '' ? {} : { value };
}

function hinted(hint: string): { hint?: string } {
  return hint === '' ? {} : { hint };
}

function sentence(text: string): string {
  const begun = `${text.charAt(0).toUpperCase()}${text.slice(1)}`.trim();
  return begun === '' || /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
