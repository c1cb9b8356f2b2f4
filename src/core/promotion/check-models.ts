import { roles } from '../actor.ts';
import type { PolicyProblem } from '../check-policy.ts';
import { isDeclared } from '../declared-files.ts';
import { typedDuration } from '../duration.ts';
import type { Project } from '../project.ts';
import { readApprovers } from './approvers.ts';
import { readGate } from './gate.ts';
import type { ModelPolicy, Target } from './model-keys.ts';

/** What a model's keys must fit to. */
export interface ModelsAround {
  /** Outputs of the projects that may have a model here; null: they are not known yet. */
  outputs: Readonly<Record<string, readonly string[] | null>>;
  /** All of signalbox.yml. */
  projects: Readonly<Record<string, Pick<Project, 'gpus' | 'maxGpus' | 'timeLimit' | 'secrets'>>>;
  /** What is said of a project that is none of those. */
  noProject: string;
  targets: Readonly<Record<string, Target>>;
  teams: Readonly<Record<string, unknown>>;
  /** Whether only what a target opens to the project may be named. */
  onlyOpen: boolean;
  /** Who serves at a target already, by target. */
  taken: ReadonlyMap<string, string>;
}

/** What the schema of models cannot see. */
export function* modelProblems(
  models: Readonly<Record<string, ModelPolicy>>,
  around: ModelsAround,
): Generator<PolicyProblem, void> {
  const taken = new Map(around.taken);
  for (const [name, model] of Object.entries(models)) {
    const path = ['models', name];
    yield* outputProblems(model, around, path);
    yield* labelProblems(model, path);
    yield* evaluateProblems(model, around, [...path, 'evaluate']);
    for (const [environment, said] of Object.entries(model.environments)) {
      const at = [...path, 'environments', environment];
      yield* targetProblems(said.target, model, around, taken, [...at, 'target']);
      taken.set(said.target, `${name} in ${environment}`);
      for (const [i, gate] of said.gates.entries()) {
        const read = readGate(gate);
        if (!read.ok)
          yield {
            path: [...at, 'gates', i],
            word: gate,
            reason: read.reason,
            within: read.at,
            ...(read.meant === undefined ? {} : { allowed: [read.meant] }),
          };
      }
      if (said.stepUp && said.approvals.count === 0)
        yield {
          path: [...at, 'stepUp'],
          word: 'stepUp',
          reason: 'Nobody has to approve there, so that nobody is asked for a second factor.',
        };
      if (said.channel !== undefined && around.onlyOpen)
        yield {
          path: [...at, 'channel'],
          word: said.channel,
          reason: 'Only signalbox.yml may name a channel where promotions are shown.',
        };
      yield* approverProblems(said.approvals.from, around, [...at, 'approvals', 'from']);
      if (said.escalate) yield* approverProblems(said.escalate.to, around, [...at, 'escalate', 'to']);
    }
  }
}

function* outputProblems(
  { project, output, signature }: ModelPolicy,
  { outputs, noProject }: ModelsAround,
  path: readonly PropertyKey[],
): Generator<PolicyProblem, void> {
  const own = Object.hasOwn(outputs, project) ? outputs[project] : undefined;
  if (own === undefined)
    return yield {
      path: [...path, 'project'],
      word: project,
      reason: noProject,
      allowed: Object.keys(outputs),
    };
  if (own === null) return;
  const named = { output, ...(signature === undefined ? {} : { signature }) };
  for (const [key, file] of Object.entries(named))
    if (!isDeclared(own, file))
      yield { path: [...path, key], word: file, reason: `It is no output of ${project}.`, allowed: own };
}

/** Which environment a label asks for must be clear; how it is written is the same to GitHub. */
function* labelProblems(
  { environments }: ModelPolicy,
  path: readonly PropertyKey[],
): Generator<PolicyProblem, void> {
  const known = new Map<string, string>();
  for (const [environment, { label }] of Object.entries(environments)) {
    if (label === undefined) continue;
    const by = known.get(label.toLowerCase());
    if (by !== undefined)
      yield {
        path: [...path, 'environments', environment, 'label'],
        word: label,
        reason: `It asks for ${by} already.`,
      };
    known.set(label.toLowerCase(), environment);
  }
}

function* evaluateProblems(
  { project: name, evaluate }: ModelPolicy,
  { projects, onlyOpen }: ModelsAround,
  path: readonly PropertyKey[],
): Generator<PolicyProblem, void> {
  const project = Object.hasOwn(projects, name) ? projects[name] : undefined;
  if (!project || !evaluate) return;
  const { gpus, timeLimit } = evaluate;
  const mostGpus = project.maxGpus ?? project.gpus;
  if (onlyOpen && gpus > mostGpus)
    yield {
      path: [...path, 'gpus'],
      word: String(gpus),
      reason: `signalbox.yml allows at most ${mostGpus} for ${name}.`,
    };
  if (timeLimit !== undefined && timeLimit > project.timeLimit)
    yield {
      path: [...path, 'timeLimit'],
      word: typedDuration(timeLimit),
      reason: `The time limit of ${name} is ${typedDuration(project.timeLimit)}.`,
    };
}

function* targetProblems(
  name: string,
  { project }: ModelPolicy,
  { targets, projects, onlyOpen }: ModelsAround,
  taken: ReadonlyMap<string, string>,
  path: readonly PropertyKey[],
): Generator<PolicyProblem, void> {
  const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
  const isOpen = (one: Target) => !onlyOpen || one.projects.includes(project);
  const allowed = Object.entries(targets).flatMap(([one, said]) => (isOpen(said) ? [one] : []));
  if (!target) return yield { path, word: name, reason: 'There is no such target.', allowed };
  if (!isOpen(target))
    return yield {
      path,
      word: name,
      reason: `signalbox.yml does not open it to models of ${project} (\`projects\` of the target).`,
      allowed,
    };
  const secrets = Object.hasOwn(projects, project) ? (projects[project]?.secrets ?? {}) : {};
  const known = Object.entries(secrets).flatMap(([one, { triggers }]) =>
    triggers.includes('promotion') ? [one] : [],
  );
  const unseen = target.kind === 'process' ? target.secrets.find(one => !known.includes(one)) : undefined;
  if (unseen !== undefined)
    yield {
      path,
      word: name,
      reason: `What serves there sees ${unseen}, which is no secret of ${project} whose \`triggers\` name \`promotion\`.`,
    };
  const by = taken.get(name);
  if (by !== undefined)
    yield {
      path,
      word: name,
      reason: `${by} serves there, and a target serves one model in one environment.`,
    };
}

function* approverProblems(
  text: string,
  { teams }: ModelsAround,
  path: readonly PropertyKey[],
): Generator<PolicyProblem, void> {
  const read = readApprovers(text);
  const known = Object.keys(teams).map(team => `team:${team}`);
  const allowed = [...roles.filter(role => readApprovers(role) !== null), ...known];
  if (!read) yield { path, word: text, reason: 'It must be a role from trainer on, or team:NAME.', allowed };
  else if ('team' in read && !Object.hasOwn(teams, read.team))
    yield { path, word: text, reason: 'There is no such team.', allowed };
}
