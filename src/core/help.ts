import type { Place, Role } from './actor.ts';
import type { ArgumentSpec, CommandDefinition } from './command.ts';
import { type Inline, type Reply, type ReplyBlock, reply } from './reply.ts';
import { moreSentence, rightsIn } from './rights.ts';
import { allowedFor } from './values.ts';

/**
 * Help for the words that `parseCommand` answered with: a command's path, a group's (`signalbox` and nothing are everything). Generated
 * from the definitions; of those that the role may not use here, it says which role may.
 */
export function helpReply(
  path: readonly string[],
  commands: readonly CommandDefinition[],
  role: Role,
  place: Place['kind'],
): Reply {
  const { may: mine, more: others } = rightsIn(commands, role, place);
  const exact = mine.find(command => command.path.join(' ') === path.join(' '));
  const wanted = path[0] === 'signalbox' ? [] : path;
  const isMeant = (command: CommandDefinition) => wanted.every((part, i) => command.path[i] === part);
  const group = mine.filter(command => command !== exact && isMeant(command));
  const blocks = exact ? commandBlocks(exact) : [];
  if (exact && group.length > 0) blocks.push({ kind: 'text', text: ['There is also:'] });
  if (group.length > 0) blocks.push({ kind: 'list', items: group.map(listed) });
  for (const { role: needed, commands: all } of others) {
    const meant = all.filter(isMeant);
    if (meant.length > 0)
      blocks.push({ kind: 'context', text: moreSentence({ role: needed, commands: meant }) });
  }
  const more = group[0] ?? exact ?? mine[0];
  if (!exact && more)
    blocks.push({ kind: 'context', text: [{ command: `${more.path.join(' ')} --help` }, ' says more.'] });
  const title = exact ? `${exact.path.join(' ')}: ${exact.summary}` : 'What can be said:';
  const data = [...(exact ? [exact] : []), ...group].map(command => ({
    path: command.path,
    usage: usageOf(command),
    summary: command.summary,
  }));
  return reply(title, blocks, { data: { commands: data } });
}

/** `train <project> [--ref ref] [-p name=value]...` */
export function usageOf(command: CommandDefinition): string {
  const words = command.arguments.map(spec => (spec.required ? `<${spec.name}>` : `[<${spec.name}>]`));
  const flags = command.flags.map(spec => {
    const flag = flagUsage(spec);
    return spec.required ? flag : `[${flag}]${spec.kind === 'pairs' ? '...' : ''}`;
  });
  return [...command.path, ...words, ...flags].join(' ');
}

/** Kinds that need no further word in help. */
const saysEnough: readonly ArgumentSpec['kind'][] = ['word', 'text', 'switch'];

function commandBlocks(command: CommandDefinition): ReplyBlock[] {
  const row = (label: string, spec: ArgumentSpec): { label: string; value: Inline[] } => ({
    label,
    value: [
      saysEnough.includes(spec.kind) ? spec.summary : `${spec.summary} Takes ${listOf(allowedFor(spec))}.`,
    ],
  });
  const rows = [
    ...command.arguments.map(spec => row(`<${spec.name}>`, spec)),
    ...command.flags.map(spec => row(flagUsage(spec), spec)),
  ];
  const fields: ReplyBlock[] = rows.length > 0 ? [{ kind: 'fields', rows }] : [];
  return [
    { kind: 'text', text: [{ command: briefUsage(command) }] },
    ...fields,
    { kind: 'text', text: ['For example:'] },
    { kind: 'list', items: command.examples.map(example => [{ command: example }]) },
  ];
}

function listed(command: CommandDefinition): Inline[] {
  return [{ command: usageOf({ ...command, flags: [] }) }, `: ${command.summary}`];
}

/** Where the flags stand below, their names alone would fill a phone. */
function briefUsage(command: CommandDefinition): string {
  return `${usageOf({ ...command, flags: [] })}${command.flags.length > 0 ? ' [flags]' : ''}`;
}

function flagUsage(spec: ArgumentSpec): string {
  const flag = spec.short ? `-${spec.short}` : `--${spec.name}`;
  const placeholder = {
    word: spec.name,
    text: 'text',
    run: 'number',
    work: 'number',
    count: 'n',
    duration: '4h',
    amount: '50',
    choice: (spec.choices ?? []).length > 4 ? spec.name : (spec.choices ?? []).join('|'),
    pairs: 'name=value',
    switch: '',
  }[spec.kind];
  return placeholder ? `${flag} ${placeholder}` : flag;
}

function listOf(allowed: string | readonly string[]): string {
  return typeof allowed === 'string' ? allowed : allowed.join(', ');
}
