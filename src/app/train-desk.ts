import { mayTrainAs, mayUse, roleOf } from '../core/access.ts';
import { type Actor, actorKey, commandMark, type Place, type Role } from '../core/actor.ts';
import type { CommandDefinition } from '../core/command.ts';
import { type Fault, fault } from '../core/errors.ts';
import { type Form, type FormDesk, type FormValues, mostShownChoices } from '../core/form.ts';
import type { Holdings } from '../core/free-now.ts';
import { githubSource } from '../core/github-source.ts';
import { type Person, personOf } from '../core/people.ts';
import type {
  AuditLog,
  ElevationStore,
  GroupStore,
  LinkStore,
  Log,
  PlanStore,
  RepositoryStore,
  RunFilter,
  RunStore,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { readTrainForm } from '../core/read-train-form.ts';
import { asTheRepositorySays } from '../core/repository-file.ts';
import type { RunWish } from '../core/run-request.ts';
import { trainChoices, trainForm, wishOf } from '../core/train-form.ts';
import { findWish } from '../core/wish-in-text.ts';
import { type Who, whoIs } from './who-is.ts';

export interface TrainDeskDeps {
  commands: readonly CommandDefinition[];
  policy: Policy;
  runs: Pick<RunStore, 'list' | 'get'>;
  plan: Pick<PlanStore, 'snapshot'>;
  links: Pick<LinkStore, 'all'>;
  groups: Pick<GroupStore, 'of'>;
  elevations: Pick<ElevationStore, 'newestOf'>;
  audit: Pick<AuditLog, 'append'>;
  repositories: Pick<RepositoryStore, 'said'>;
  log: Log;
}

/** How long a fact from the store may take: whoever fills in a form waits, and it is of use without the fact. */
const factMs = 800;
/** Runs whose refs are suggested. */
const recentRuns = 100;

/**
 * Hands out the form for a run and reads it. Who may train is decided at both; what the store does not tell in time is left out of the
 * form, and checked by the command.
 */
export function trainDesk(deps: TrainDeskDeps): FormDesk {
  const { example } = deskOn(deps);
  const now = async () => deskOn({ ...deps, policy: await asRepositoriesSay(deps) });
  return {
    example,
    open: async (...asked) => (await now()).open(...asked),
    choose: async (...asked) => (await now()).choose(...asked),
    suggest: async (...asked) => (await now()).suggest(...asked),
    submit: async (...asked) => (await now()).submit(...asked),
  };
}

/** With what the default branches of repositories were found to say last; nobody waits for Git here. */
async function asRepositoriesSay({ policy, repositories, log }: TrainDeskDeps): Promise<Policy> {
  const sources = Object.entries(policy.projects).flatMap(([name, project]) => {
    const source = githubSource(project.source);
    return source ? [{ name, project, source }] : [];
  });
  if (sources.length === 0) return policy;
  const asked = repositories.said(sources.map(({ source }) => source));
  const said = (await inTime(asked, log)) ?? [];
  const projects = sources.flatMap(({ name, project, source }) => {
    const file = said.find(one => one.source === source);
    return file ? [[name, asTheRepositorySays(project, name, file)] as const] : [];
  });
  return { ...policy, projects: { ...policy.projects, ...Object.fromEntries(projects) } };
}

function deskOn(deps: Omit<TrainDeskDeps, 'repositories'>): FormDesk {
  const { commands, policy, runs, plan, log } = deps;
  const command = trainIn(commands);
  const projects = Object.keys(policy.projects);

  const holdings = (now: Date): Promise<Holdings | null> => inTime(plan.snapshot(now), log);

  async function newest(filter: Omit<RunFilter, 'limit'>): Promise<RunWish | null> {
    const [run] = await runs.list({ ...filter, limit: 1 });
    return run && Object.hasOwn(policy.projects, run.spec.project) ? wishOf(run) : null;
  }

  /** What a text asks for, else the person's last run. */
  async function wishFor(person: Person, text: string | null): Promise<RunWish | null> {
    const found = findWish(text ?? '', commands, projects);
    if (found.wish) return found.wish;
    for (const number of found.runs.slice(0, 3)) {
      const run = await runs.get(number);
      if (run && Object.hasOwn(policy.projects, run.spec.project)) return wishOf(run);
    }
    return await newest({ requesters: person.accounts });
  }

  async function whoAsks(
    actor: Actor,
    now: Date,
  ): Promise<Pick<Who, 'person' | 'role'> & { isKnown: boolean }> {
    const known = await inTime(whoIs(actor, policy, deps, now), log);
    if (known) return { ...known, isKnown: true };
    // Without the store the policy alone says it; the command asks again.
    const person = personOf(actor, policy, new Map(), []);
    return { person, role: roleOf(actor, person, policy), isKnown: false };
  }

  async function refuse(actor: Actor, role: Role, place: Place, now: Date): Promise<Fault | null> {
    const allowed = mayUse(command, role);
    if (allowed.ok) return null;
    await record(actor, 'train', place, now);
    const { reason, todo } = allowed;
    return fault('ACCESS_DENIED', { command: 'train', reason, todo }, commandMark(place));
  }

  async function record(actor: Actor, words: string, place: Place, now: Date): Promise<void> {
    const entry = {
      actor,
      action: 'command.refused',
      subject: actorKey(actor),
      outcome: 'refused' as const,
      details: { code: 'ACCESS_DENIED', words, place: place.kind },
    };
    await inTime(deps.audit.append(entry, now), log);
  }

  async function choose({ accounts }: Person, values: FormValues, now: Date): Promise<Form> {
    const project = values.project ?? '';
    const [last, held] = await Promise.all([
      inTime(newest({ requesters: accounts, project }), log),
      holdings(now),
    ]);
    return trainForm({ policy, wish: { ...last, ...kept(values), project }, holdings: held });
  }

  return {
    example: command.examples[0],
    async open({ actor, place }, text, now) {
      const { person, role } = await whoAsks(actor, now);
      const refused = await refuse(actor, role, place, now);
      if (refused) return { ok: false, fault: refused };
      const [project, second] = projects;
      if (project === undefined) return { ok: false, fault: fault('PROJECT_NONE') };
      const [wish, held] = await Promise.all([inTime(wishFor(person, text), log), holdings(now)]);
      const nothing = second === undefined ? { project } : {};
      return { ok: true, form: trainForm({ policy, wish: wish ?? nothing, holdings: held }) };
    },
    choose: async ({ actor }, { values }, now) =>
      await choose((await whoAsks(actor, now)).person, values, now),
    async suggest(field, query, { state, values }) {
      const project = values.project ?? state;
      const found = field === 'ref' ? await inTime(runs.list({ project, limit: recentRuns }), log) : null;
      const refs = (found ?? []).map(run => run.spec.ref);
      const wanted = query.trim().toLowerCase();
      const all = trainChoices(field, project, policy, refs);
      const fitting = all.filter(choice => choice.label.toLowerCase().includes(wanted));
      // Refs that no run has had are known to Git alone, so whatever is typed may be one.
      const typed = query.trim();
      const own = field === 'ref' && typed !== '' && !all.some(choice => choice.value === typed);
      return [...(own ? [{ value: typed, label: typed }] : []), ...fitting].slice(0, mostShownChoices);
    },
    async submit({ actor, place }, filled, now) {
      const { person, role, isKnown } = await whoAsks(actor, now);
      const refused = await refuse(actor, role, place, now);
      if (refused) return { kind: 'refused', fault: refused };
      const { state, values } = filled;
      if (values.project !== state && Object.hasOwn(policy.projects, values.project ?? ''))
        return { kind: 'again', form: await choose(person, values, now) };
      const may = isKnown && mayTrainAs(values.project ?? '', { role, person, policy });
      if (may && !may.ok) {
        await record(actor, `train ${values.project}`, place, now);
        return { kind: 'wrong', errors: { project: `${may.reason} ${may.todo}` } };
      }
      const read = readTrainForm(values, { command, policy, holdings: await holdings(now) });
      if (!read.ok) return { kind: 'wrong', errors: read.errors };
      return { kind: 'accepted', values: read.values };
    },
  };
}

function trainIn(commands: readonly CommandDefinition[]): CommandDefinition {
  const command = commands.find(one => one.path.join(' ') === 'train');
  if (!command) throw new Error('there is no command train');
  return command;
}

/** What was filled in that has nothing to do with the project. */
function kept({ priority, note }: FormValues): Partial<RunWish> {
  return { ...(priority ? { priority } : {}), ...(note ? { note } : {}) };
}

/** What the store says, or null where it does not say it soon. */
async function inTime<T>(asked: Promise<T>, log: Log): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>(resolve => {
    timer = setTimeout(() => resolve(null), factMs);
  });
  const told = asked.catch(err => {
    log.warn({ err }, 'a form goes without a fact from the store');
    return null;
  });
  try {
    return await Promise.race([told, late]);
  } finally {
    clearTimeout(timer);
  }
}
