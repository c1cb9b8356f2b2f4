import { apiClient } from '../adapters/http/client.ts';
import { renderTerminal } from '../adapters/terminal/render.ts';
import { type Config, loadConfig } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import { readToken, tokenPath } from '../roles/secret-file.ts';

/**
 * Commands that a running Signalbox carries out: the same words as in Slack. `train digits -p lr=0.1`, and `list`, `status 42`, ... as
 * short forms of `train list`, `train status 42`. `--json` prints the data instead of words; `logs 42 --follow` goes on until the run ends.
 */
export async function remote(args: string[]): Promise<number> {
  const end = args.indexOf('--');
  const flags = end < 0 ? args : args.slice(0, end);
  const json = flags.includes('--json');
  const words = [...flags.filter(arg => arg !== '--json'), ...args.slice(flags.length)];
  const client = await connect(loadConfig());
  const isLogs = words[0] === 'train' && words[1] === 'logs';
  if (isLogs && words.some(isFollow)) {
    const number = runNumber(words.slice(2).filter(word => !isFollow(word)));
    await client.followLogs(number, text => void process.stdout.write(text));
    return 0;
  }
  const reply = await client.command(words.map(quoted).join(' '));
  process.stdout.write(json ? `${JSON.stringify(reply.data ?? reply)}\n` : renderTerminal(reply));
  return 0;
}

async function connect(config: Config) {
  const token = config.token ?? (await readToken(tokenPath(config.dataDir, 'cli'))) ?? '';
  return apiClient({ url: config.publicUrl ?? `http://${config.host}:${config.port}`, token });
}

function isFollow(word: string): boolean {
  return word === '--follow' || word === '-f';
}

function runNumber([word, surplus]: string[]): number {
  const details = { command: 'train logs', example: 'train logs 42 --follow' };
  if (word === undefined)
    throw new SignalboxError('ARGUMENT_MISSING', {
      ...details,
      word: '<run>',
      reason: "It is the run's number.",
    });
  if (surplus !== undefined) throw new SignalboxError('ARGUMENT_UNEXPECTED', { ...details, word: surplus });
  if (/^#?[1-9]\d{0,8}$/.test(word)) return Number(word.replace('#', ''));
  throw new SignalboxError('VALUE_INVALID', {
    ...details,
    word,
    name: '<run>',
    allowed: "a run's number such as 42 or #42",
  });
}

/** An argument as it must be written to be read back as one word; a flag stays one, whatever its value holds. */
function quoted(word: string): string {
  const [, flag = '', value = ''] = /^([-\u2010-\u2015]+[A-Za-z][\w-]*=)?(.*)$/s.exec(word) ?? [];
  const isPlain = /^[\w@%+=:,./#\u2010-\u2015-]+$/.test(value) || (value === '' && flag !== '');
  return isPlain ? word : `${flag}'${value.replaceAll("'", `'\\''`)}'`;
}
