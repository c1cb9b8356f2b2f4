import { leaseShell } from '../adapters/local/lease-shell.ts';
import { loadConfig } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import { readOptions } from './options.ts';

/** `signalbox gpu shell 7`: a shell on a lease that this machine holds; any other words are commands that a running Signalbox carries out. */
export async function gpu(args: string[]): Promise<number> {
  if (args[0] !== 'shell' || args.some(isHelp))
    return await (await import('./remote.ts')).remote(['gpu', ...args]);
  const example = 'gpu shell 7';
  const { positionals } = readOptions('gpu shell', args, { options: {}, words: 2, example });
  const [, word] = positionals;
  const config = loadConfig();
  return await leaseShell(numberOf(word, example), {
    dataDir: config.dataDir,
    environment: config.environment,
    say: line => void process.stderr.write(`${line}\n`),
  });
}

function numberOf(word: string | undefined, example: string): number {
  const command = 'gpu shell';
  if (word === undefined)
    throw new SignalboxError('ARGUMENT_MISSING', {
      command,
      word: '<lease>',
      reason: "It is the lease's number.",
      example,
    });
  if (/^#?[1-9]\d{0,8}$/.test(word)) return Number(word.replace('#', ''));
  const allowed = "a lease's number such as 7 or #7";
  throw new SignalboxError('VALUE_INVALID', { command, word, name: '<lease>', allowed, example });
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}
