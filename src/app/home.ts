import { mayUse, roleOf } from '../core/access.ts';
import { type Actor, actorKey, type SlackPlace } from '../core/actor.ts';
import type { CommandDefinition } from '../core/command.ts';
import { closedHomeReply, homeReply, mostHome } from '../core/home-reply.ts';
import { isSamePerson, type Person } from '../core/people.ts';
import type {
  ElevationStore,
  GroupStore,
  LinkStore,
  PlanSnapshot,
  PlanStore,
  RunStore,
} from '../core/ports.ts';
import { type Policy, priorities } from '../core/project.ts';
import type { Reply } from '../core/reply.ts';
import { endStates, isOnMachine, type Run, runStates } from '../core/run.ts';
import { personBehind } from './who-is.ts';

export interface HomeDeps {
  commands: readonly CommandDefinition[];
  policy: Policy;
  runs: Pick<RunStore, 'list' | 'get' | 'metrics' | 'reported'>;
  plan: Pick<PlanStore, 'snapshot'>;
  links: Pick<LinkStore, 'all'>;
  groups: Pick<GroupStore, 'of'>;
  elevations: Pick<ElevationStore, 'unreviewed'>;
}

/** More runs of one person than this, all under way, are not counted. */
const mostOwn = 200;
/** As much as is counted. */
const mostUnreviewed = 50;
const liveStates = runStates.filter(state => !endStates.some(end => end === state));

export interface Home {
  content: Reply;
  /** How far a run is stands on it, which changes by the clock. */
  isMoving: boolean;
}

/** What the Home of the person of this place shows now. What they may not ask for by a command, they do not see there either. */
export async function homeOf(place: SlackPlace, deps: HomeDeps, now: Date): Promise<Home> {
  const { commands, policy, runs, plan, elevations } = deps;
  const actor: Actor = { kind: 'slack', id: `${place.team}/${place.user}`, name: place.user };
  const { person, links: known } = await personBehind(actor, policy, deps, now);
  const role = roleOf(actor, person, policy);
  const seen = mayUse(commandNamed('train list', commands), role);
  if (!seen.ok) return { content: closedHomeReply(seen.reason, seen.todo), isMoving: false };
  const train = commandNamed('train', commands);

  const mayReview = mayUse(commandNamed('signalbox breakglass review', commands), role).ok;
  const [snapshot, mine, ended, unreviewed] = await Promise.all([
    plan.snapshot(now),
    runs.list({ requesters: person.accounts, states: liveStates, limit: mostOwn }),
    runs.list({ requesters: person.accounts, states: endStates, limit: mostHome.ended }),
    mayReview ? elevations.unreviewed(mostUnreviewed) : [],
  ]);
  const queue = inOrder(snapshot.queued);
  // On a machine first, then as the queue has them.
  const rank = (run: Run) =>
    isOnMachine(run.state) ? -1 : queue.findIndex(one => one.number === run.number);
  const shown = mine.toSorted((a, b) => rank(a) - rank(b)).slice(0, mostHome.mine);
  const withFacts = shown.map(async run => ({
    run,
    metrics: isOnMachine(run.state) ? await runs.metrics(run.number) : [],
    pace: isOnMachine(run.state) ? (await runs.reported(run.number)).pace : null,
    ahead: aheadOf(run.number, queue),
  }));
  const content = homeReply(
    {
      actor,
      holdings: snapshot,
      mine: { first: await Promise.all(withFacts), count: mine.length },
      ended,
      queue: await othersIn(queue, mine, person, runs),
      unreviewed: unreviewed.filter(one => !isSamePerson(one.actor, actor, policy.people, known)),
      mayTrain: mayUse(train, role).ok,
      example: train.examples[0],
    },
    now,
  );
  return { content, isMoving: shown.some(run => isOnMachine(run.state)) };
}

function commandNamed(name: string, commands: readonly CommandDefinition[]): CommandDefinition {
  const command = commands.find(one => one.path.join(' ') === name);
  if (!command) throw new Error(`there is no command ${name}`);
  return command;
}

type Queued = PlanSnapshot['queued'];

/** As `RunStore.ahead` counts them. */
function inOrder(queued: Queued): Queued {
  return queued.toSorted(
    (a, b) =>
      priorities.indexOf(b.priority) - priorities.indexOf(a.priority) ||
      a.queuedAt.getTime() - b.queuedAt.getTime() ||
      a.number - b.number,
  );
}

/** Accelerators and CPU slots of a pool have queues of their own. */
function aheadOf(number: number, queue: Queued): number {
  const own = queue.findIndex(one => one.number === number);
  const run = queue[own];
  if (!run) return 0;
  return queue.slice(0, own).filter(one => one.pool === run.pool && (one.gpus === 0) === (run.gpus === 0))
    .length;
}

/** The runs of others that are next, whatever queue they are in. */
async function othersIn(
  queue: Queued,
  mine: readonly Run[],
  { accounts }: Person,
  runs: Pick<RunStore, 'get'>,
) {
  const own = new Set(mine.map(run => run.number));
  const others = queue.filter(one => !own.has(one.number));
  const found = await Promise.all(others.slice(0, mostHome.queue).map(one => runs.get(one.number)));
  // Some may have started since, and of very many own ones not all are known here.
  const waits = (run: Run) => run.state === 'queued' && !accounts.includes(actorKey(run.requestedBy));
  return { first: found.flatMap(run => (run && waits(run) ? [run] : [])), count: others.length };
}
