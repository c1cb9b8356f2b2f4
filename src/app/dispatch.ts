import { type Access, mayAsWriter, mayUseAt } from '../core/access.ts';
import { type Actor, actorKey, commandMark, type Role } from '../core/actor.ts';
import type { CommandDefinition } from '../core/command.ts';
import { type ErrorCode, type ErrorDetails, fault, SignalboxError } from '../core/errors.ts';
import { coerceValues, parseCommand } from '../core/grammar.ts';
import { beyond, isGuest, mayAsGuest, runsForGuest, sweepsForGuest } from '../core/guest.ts';
import { helpReply } from '../core/help.ts';
import type { Dispatched, Intent } from '../core/intent.ts';
import { isSamePerson } from '../core/people.ts';
import type { Ports } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { rightsIn } from '../core/rights.ts';
import { type Who, whoIs } from './who-is.ts';

export interface DispatchDeps {
  commands: readonly CommandDefinition[];
  policy: Policy;
  ports: Ports;
}

/**
 * Intent to answer: who is this, what do the words mean, may they, run the command. A refused attempt is in the audit log and has no
 * other effect. Throws only what is not the asker's fault (a store that is away), so that a delivery is tried again.
 */
export async function dispatch(said: Intent, deps: DispatchDeps, now: Date): Promise<Dispatched> {
  // 1. Who is this.
  const { people } = deps.policy;
  const { actor, person, role, links } = await whoIs(said.actor, deps.policy, deps.ports, now, said.standing);
  const intent = { ...said, actor };

  // 2. What do the words mean.
  const parsed = parse(intent, deps.commands);
  if (!parsed.ok) return await refuse({ ...intent, role }, deps, now, parsed.code, parsed.details);
  if ('help' in parsed)
    return { ok: true, reply: helpReply(parsed.help, deps.commands, role, intent.place.kind) };
  const { command, values } = parsed;

  // 3. May they.
  const allowed = await mayAsk(intent, parsed, { role, person }, deps.ports);
  if (!allowed.ok) {
    const details = { command: command.path.join(' '), reason: allowed.reason, todo: allowed.todo };
    return await refuse({ ...intent, role }, deps, now, 'ACCESS_DENIED', details, subjectOf(values));
  }
  const { scope } = command;
  if (scope && actor.kind === 'token' && !intent.scopes?.includes(scope))
    return await refuse({ ...intent, role }, deps, now, 'TOKEN_SCOPE', { word: scope });

  // 4. Do it.
  const context = {
    actor: intent.actor,
    place: intent.place,
    role,
    person,
    rights: () => rightsIn(deps.commands, role, intent.place.kind),
    isSelf: (other: Actor) => isSamePerson(intent.actor, other, people, links),
    policy: deps.policy,
    factor: intent.factor,
    key: intent.key,
    review: intent.review,
    saidAt: intent.saidAt,
    now,
  };
  try {
    const outcome = await command.run(values, context, deps.ports);
    if (outcome.ok) return outcome;
    const shared = { command: command.path.join(' '), example: command.examples[0] };
    const details = { ...shared, ...outcome.details };
    return await refuse({ ...intent, role }, deps, now, outcome.code, details, subjectOf(values));
  } catch (err) {
    if (!(err instanceof SignalboxError) || err.fault.status >= 500) throw err;
    await record(intent, deps, now, err.fault.code, subjectOf(values));
    return { ok: false, fault: err.fault, role };
  }
}

/** Whether they may use the command, there where it is said, about what it is about. */
async function mayAsk(
  { actor, place, standing = 'none' }: Intent,
  { command, values }: { command: CommandDefinition; values: Record<string, unknown> },
  { role, person }: Pick<Who, 'role' | 'person'>,
  { runs, sweeps }: Pick<Ports, 'runs' | 'sweeps'>,
): Promise<Access> {
  const { writers } = command;
  if (place.kind === 'github' && place.pull && writers?.isMeant(values))
    return mayAsWriter(writers, role, standing);
  const allowed = mayUseAt(command, role, place);
  if (!allowed.ok || place.kind !== 'github' || !isGuest(actor, person)) return allowed;
  const numbers = runsForGuest(command, values);
  if (!numbers) return { ok: false, ...beyond };
  const found = await Promise.all([
    ...numbers.map(number => runs.get(number)),
    ...sweepsForGuest(command, values).map(number => sweeps.get(number)),
  ]);
  return found.map(one => mayAsGuest(one, place)).find(one => !one.ok) ?? allowed;
}

function parse(intent: Intent, commands: readonly CommandDefinition[]) {
  const { wish } = intent;
  if (wish.kind === 'words') return parseCommand(wish.words, commands);
  const command = commands.find(one => one.path.join(' ') === wish.path.join(' '));
  if (!command) throw new Error(`no command is named ${wish.path.join(' ')}`);
  return coerceValues(command, wish.values);
}

async function refuse(
  intent: Intent & { role: Role },
  deps: DispatchDeps,
  now: Date,
  code: ErrorCode,
  details: ErrorDetails,
  subject?: string,
): Promise<Dispatched> {
  await record(intent, deps, now, code, subject);
  return { ok: false, fault: fault(code, details, commandMark(intent.place)), role: intent.role };
}

const recordedWords = 500;

/** Writes down what was refused, under what it was about where that is known, else under whoever wanted it. */
async function record(
  { actor, wish, place }: Intent,
  { ports }: DispatchDeps,
  now: Date,
  code: ErrorCode,
  subject = actorKey(actor),
): Promise<void> {
  const words = (wish.kind === 'words' ? wish.words : wish.path.join(' ')).slice(0, recordedWords);
  // Control characters have no place in the log either: jsonb refuses NUL, and half a character.
  const said = words.toWellFormed().replace(/\p{Cc}/gu, '\u00b7');
  const details = { code, words: said, place: place.kind };
  await ports.audit.append({ actor, action: 'command.refused', subject, outcome: 'refused', details }, now);
}

/** The run or the sweep that a command was to be about. */
function subjectOf({ run }: Record<string, unknown>): string | undefined {
  if (typeof run === 'string' && /^S\d{1,9}$/.test(run)) return `sweep:${run.slice(1)}`;
  const number = typeof run === 'string' && /^#?\d{1,9}$/.test(run) ? run.replace('#', '') : run;
  return /^\d+$/.test(String(number)) ? `run:${number}` : undefined;
}
