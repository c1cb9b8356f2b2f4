import { z } from 'zod';
import { alertsDescription, alertsSchema } from './alerts/alert-keys.ts';
import { alertProblems } from './alerts/check-alerts.ts';
import type { PolicyProblem } from './check-policy.ts';
import { durationSchema, typedDuration } from './duration.ts';
import { globSchema } from './glob.ts';
import { compareDescription, compareSchema, metricsDescription, metricsSchema } from './metric-keys.ts';
import { nameSchema } from './name.ts';
import { readParameter } from './parameters.ts';
import type { Policy } from './policy.ts';
import {
  commandSchema,
  inputsSchema,
  outputsSchema,
  type Project,
  parametersSchema,
  priorities,
} from './project.ts';
import { modelProblems } from './promotion/check-models.ts';
import { modelsSchema } from './promotion/model-keys.ts';
import type { RunWish } from './run-request.ts';
import { trainWords } from './train-words.ts';

const gpus = z.int().min(0).max(1024);
const globs = (of: string) => z.array(globSchema).min(1).max(50).describe(of);

const ownProjectSchema = z.strictObject({
  command: commandSchema.optional(),
  parameters: parametersSchema
    .optional()
    .describe('What a request may set with `-p name=value`, in place of what signalbox.yml says.'),
  gpus: gpus
    .optional()
    .describe(
      'Accelerators that a run gets unless the request says otherwise; at most `maxGpus` of signalbox.yml.',
    ),
  timeLimit: durationSchema.optional().describe('How long a run may take; at most what signalbox.yml says.'),
  outputs: outputsSchema.optional(),
  inputs: inputsSchema.optional(),
  primaryMetric: z.string().min(1).max(100).optional().describe('The metric shown first.'),
  metrics: metricsSchema
    .optional()
    .describe(`${metricsDescription} What it says of a metric counts before what signalbox.yml says of it.`),
  compare: compareSchema.optional().describe(compareDescription),
  alerts: alertsSchema
    .optional()
    .describe(`${alertsDescription} They stand in place of what signalbox.yml says.`),
});
export type OwnProject = z.infer<typeof ownProjectSchema>;

const mergeSchema = z.strictObject({
  branches: globs('Patterns of the branches that something is merged into or pushed to.'),
  paths: globs(
    'Patterns of the files, of which the change touches at least one; any when absent.',
  ).optional(),
  labels: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(50)
    .optional()
    .describe(
      'The pull request has at least one of these labels, in any case; a push without one does not count then.',
    ),
});
export type MergeTrigger = z.infer<typeof mergeSchema>;

/** What GitHub takes of a button. */
const mostButtons = 3;
const longest = { label: 20, description: 40, identifier: 20 };
const oneLine = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .refine(text => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), 'must be one line');

const checkSchema = z.strictObject({
  label: oneLine(longest.label)
    .optional()
    .describe('What is on the button; the name of the rule when absent.'),
  description: oneLine(longest.description).optional().describe('What it does.'),
});

const scheduleSchema = z.strictObject({
  cron: z
    .string()
    .trim()
    .regex(
      /^\S+(?:[ \t]+\S+){4}$/,
      'must be five fields: minute, hour, day of the month, month, day of the week',
    )
    .max(100)
    .describe('Minute, hour, day of the month, month and day of the week, as in crontab(5): `0 3 * * 1-5`.'),
  timeZone: z
    .string()
    .min(1)
    .max(60)
    .default('UTC')
    .describe('The zone that the hours are of, as the IANA names it: `Europe/Paris`.'),
});
export type Schedule = z.infer<typeof scheduleSchema>;

const ruleSchema = z.strictObject({
  project: nameSchema.describe('The project that is trained.'),
  on: z
    .strictObject({
      merge: mergeSchema.optional().describe('What came to a branch, by a merged pull request or a push.'),
      comment: z
        .literal(true)
        .optional()
        .describe(
          '`/train` with the name of the rule in place of a project, in a comment of a pull request.',
        ),
      check: checkSchema
        .optional()
        .describe('A button on the check `signalbox` of every pull request; at most 3 rules have one.'),
      schedule: scheduleSchema.optional().describe('Moments at which the default branch is trained.'),
    })
    .refine(on => Object.keys(on).length > 0, 'must have at least one of merge, comment, check and schedule')
    .describe('What sets it off.'),
  parameters: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('Parameters of its runs.'),
  gpus: gpus.optional().describe('Accelerators of its runs; as the project has it when absent.'),
  priority: z.enum(priorities).default('normal').describe('How urgent its runs are.'),
});
export type Rule = z.infer<typeof ruleSchema>;

const mostEntries = 100;
const isShort = (entries: object) => Object.keys(entries).length <= mostEntries;

/** The whole of `.signalbox.yml`: what a repository says of the projects that signalbox.yml names it for. */
export const repositoryFileSchema = z.strictObject({
  projects: z
    .record(nameSchema, ownProjectSchema)
    .refine(isShort, `must be at most ${mostEntries}`)
    .default({})
    .describe('Projects of signalbox.yml whose `github` is this repository.'),
  models: modelsSchema.describe(
    'Models of those projects; one that signalbox.yml names as well is as that says.',
  ),
  rules: z
    .record(nameSchema, ruleSchema)
    .refine(isShort, `must be at most ${mostEntries}`)
    .default({})
    .describe('What is trained by itself, and when.'),
});
export type RepositoryFile = z.infer<typeof repositoryFileSchema>;

/** Where it lies. */
export const repositoryFileName = '.signalbox.yml';
/** Characters or bytes, whichever are known. */
export const longestRepositoryFile = 256 * 1024;

/** A button that starts a rule. */
export interface RuleButton {
  /** The name of the rule. */
  identifier: string;
  label: string;
  description: string;
}

export function ruleButtons({ rules }: Pick<RepositoryFile, 'rules'>): RuleButton[] {
  return Object.entries(rules).flatMap(([name, { on, project }]) => {
    if (!on.check) return [];
    const { label = name, description = `Train ${project}.`.slice(0, longest.description) } = on.check;
    return [{ identifier: name, label, description }];
  });
}

/** What a rule asks for. */
export function ruleWish({ project, gpus, priority, parameters }: Rule): RunWish {
  const given = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  const wish = { project, priority, parameters: Object.fromEntries(given) };
  return gpus === undefined ? wish : { ...wish, gpus };
}

/** The rules that can be said at a pull request, by their names. */
export function spokenRules({ rules }: Pick<RepositoryFile, 'rules'>): Record<string, Rule> {
  return Object.fromEntries(Object.entries(rules).filter(([, { on }]) => on.comment || on.check));
}

type Problems = Generator<PolicyProblem, void>;
type Known = Pick<Policy, 'projects' | 'environments' | 'models' | 'targets' | 'teams'>;

/** What is wrong with a schedule, as a sentence; null: nothing is. */
export type CheckCron = (schedule: Schedule) => { key: keyof Schedule; reason: string } | null;

/** What the schema cannot see. `own`: the projects that the repository may speak of. */
export function* repositoryFileProblems(
  file: RepositoryFile,
  policy: Known,
  own: readonly string[],
  checkCron: CheckCron,
): Problems {
  const buttons = ruleButtons(file);
  for (const { identifier } of buttons.slice(mostButtons))
    yield {
      path: ['rules', identifier, 'on', 'check'],
      word: identifier,
      reason: `GitHub shows at most ${mostButtons} buttons on a check.`,
    };
  for (const [name, said] of Object.entries(file.projects)) {
    const path = ['projects', name];
    const project = own.includes(name) ? policy.projects[name] : undefined;
    if (!project) yield { path, ...noSuchProject(name, own) };
    else {
      yield* ownProjectProblems(said, project, path);
      yield* alertProblems(
        asTheRepositorySays(project, name, file),
        said.alerts ? [...path, 'alerts'] : path,
      );
    }
  }
  for (const [name, rule] of Object.entries(file.rules)) {
    const path = ['rules', name];
    const project = own.includes(rule.project) ? policy.projects[rule.project] : undefined;
    yield* triggerProblems(name, rule, policy, checkCron, [...path, 'on']);
    if (!project) yield { path: [...path, 'project'], ...noSuchProject(rule.project, own) };
    else yield* ruleProblems(rule, asTheRepositorySays(project, rule.project, file), policy, path);
  }
  yield* modelProblems(file.models, {
    outputs: Object.fromEntries(
      own.flatMap(name => {
        const project = policy.projects[name];
        return project ? [[name, asTheRepositorySays(project, name, file).outputs]] : [];
      }),
    ),
    ...{
      noProject: notNamed,
      projects: policy.projects,
      targets: policy.targets,
      teams: policy.teams,
      onlyOpen: true,
    },
    taken: takenTargets(policy.models, file.models),
  });
}

/** By models that are not the file's own, or that signalbox.yml says more of. */
function takenTargets(models: Known['models'], own: RepositoryFile['models']): Map<string, string> {
  const others = Object.entries(models).filter(([name]) => !Object.hasOwn(own, name));
  return new Map(
    others.flatMap(([name, { environments }]) =>
      Object.entries(environments).map(([environment, { target }]) => [target, `${name} in ${environment}`]),
    ),
  );
}

/** A project of signalbox.yml with what its repository says of it. */
export function asTheRepositorySays(
  project: Project,
  name: string,
  file: Pick<RepositoryFile, 'projects'>,
): Project {
  const own = Object.hasOwn(file.projects, name) ? file.projects[name] : undefined;
  if (!own) return project;
  return {
    ...project,
    command: own.command ?? project.command,
    parameters: own.parameters ?? project.parameters,
    gpus: own.gpus ?? project.gpus,
    timeLimit: own.timeLimit ?? project.timeLimit,
    outputs: own.outputs ?? project.outputs,
    inputs: own.inputs ?? project.inputs,
    primaryMetric: own.primaryMetric ?? project.primaryMetric,
    metrics: own.metrics ? { ...project.metrics, ...own.metrics } : project.metrics,
    compare: own.compare ?? project.compare,
    alerts: own.alerts ?? project.alerts,
  };
}

function* ownProjectProblems(own: OwnProject, project: Project, path: readonly PropertyKey[]): Problems {
  yield* tooManyGpus(own.gpus, project, [...path, 'gpus']);
  if (own.timeLimit !== undefined && own.timeLimit > project.timeLimit)
    yield {
      path: [...path, 'timeLimit'],
      word: typedDuration(own.timeLimit),
      reason: `signalbox.yml allows at most ${typedDuration(project.timeLimit)}.`,
    };
  const command = own.command ?? project.command;
  const parameters = Object.keys(own.parameters ?? project.parameters);
  const at = own.command ? [...path, 'command'] : [...path, 'parameters'];
  if (project.shell && command.length !== 1)
    yield { path: at, word: 'command', reason: 'With `shell: true` the command is one string in the list.' };
  if (project.shell) return;
  for (const [i, argument] of command.entries()) {
    const names = [...argument.matchAll(/\{([A-Za-z][A-Za-z0-9_]*)\}/g)].map(match => match[1] ?? '');
    for (const name of names.filter(one => !parameters.includes(one)))
      yield {
        path: own.command ? [...at, i] : at,
        word: `{${name}}`,
        reason: 'The command names a parameter that the project has not.',
        allowed: parameters,
      };
  }
}

function* ruleProblems(rule: Rule, project: Project, policy: Known, path: readonly PropertyKey[]): Problems {
  for (const [name, value] of Object.entries(rule.parameters)) {
    const at = [...path, 'parameters', name];
    const parameter = Object.hasOwn(project.parameters, name) ? project.parameters[name] : undefined;
    if (!parameter) {
      const allowed = Object.keys(project.parameters);
      yield { path: at, word: name, reason: `${rule.project} has no such parameter.`, allowed };
      continue;
    }
    const read = readParameter(parameter, String(value));
    if (read.ok) continue;
    const allowed = typeof read.allowed === 'string' ? read.allowed : `one of ${read.allowed.join(', ')}`;
    yield { path: at, word: String(value), reason: `${name} takes ${allowed}.` };
  }
  yield* tooManyGpus(rule.gpus, project, [...path, 'gpus']);
  const { runsIn } = project;
  const environment = runsIn !== undefined ? policy.environments[runsIn] : undefined;
  // A rule has no role of its own, and whoever may merge need not have that one.
  if (environment && environment.needs !== 'trainer')
    yield {
      path: [...path, 'project'],
      word: rule.project,
      reason: `Its runs work in ${runsIn}, which needs the role ${environment.needs}: somebody with that role must start them.`,
    };
}

function* triggerProblems(
  name: string,
  { on: { comment, check, schedule } }: Rule,
  { projects }: Known,
  checkCron: CheckCron,
  path: readonly PropertyKey[],
): Problems {
  const spoken = check ? 'check' : 'comment';
  if ((comment || check) && (trainWords.includes(name) || Object.hasOwn(projects, name)))
    yield {
      path: [...path, spoken],
      word: name,
      reason: `\`/train ${name}\` means something else already: the rule needs another name.`,
    };
  if (check && name.length > longest.identifier)
    yield {
      path: [...path, 'check'],
      word: name,
      reason: `GitHub takes at most ${longest.identifier} characters as the name of a rule with a button.`,
    };
  const wrong = schedule ? checkCron(schedule) : null;
  if (schedule && wrong)
    yield { path: [...path, 'schedule', wrong.key], word: schedule[wrong.key], reason: wrong.reason };
}

function* tooManyGpus(wanted: number | undefined, project: Project, path: readonly PropertyKey[]): Problems {
  const most = Math.max(project.maxGpus ?? 0, project.gpus);
  if (wanted !== undefined && wanted > most)
    yield { path, word: String(wanted), reason: `signalbox.yml allows at most ${most} (\`maxGpus\`).` };
}

const notNamed = 'signalbox.yml names this repository for no such project.';

function noSuchProject(word: string, allowed: readonly string[]) {
  return { word, reason: notNamed, allowed };
}

/** The JSON Schema of `.signalbox.yml`, for editors: what the file may say before names are looked up. */
export function repositoryFileJsonSchema(): object {
  return {
    title: '.signalbox.yml',
    description:
      'What is trained from a repository, and when. It is read from the base branch, never from a proposal.',
    ...z.toJSONSchema(repositoryFileSchema, { io: 'input', unrepresentable: 'any', target: 'draft-7' }),
  };
}
