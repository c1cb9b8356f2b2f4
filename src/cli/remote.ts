import { apiClient } from '../adapters/http/client.ts';
import { renderTerminal } from '../adapters/terminal/render.ts';
import { type Config, loadConfig } from '../config.ts';
import { readToken, tokenPath } from '../roles/secret-file.ts';

/**
 * Commands that a running Signalbox carries out: the same words as in Slack. `train digits -p lr=0.1`, and `list`, `status 42`, ... as
 * short forms of `train list`, `train status 42`.
 */
export async function remote(args: string[]): Promise<number> {
  const json = args.includes('--json');
  const words = args.filter(arg => arg !== '--json');
  const client = await connect(loadConfig());
  if (
    words[0] === 'train' &&
    words[1] === 'logs' &&
    words.some(word => word === '--follow' || word === '-f')
  ) {
    await client.followLogs(runNumber(words), text => void process.stdout.write(text));
    return 0;
  }
  const reply = await client.command(words.map(quoted).join(' '));
  process.stdout.write(json ? `${JSON.stringify(reply.data ?? reply)}\n` : renderTerminal(reply));
  return 0;
}

export async function connect(config: Config) {
  const token = config.token ?? (await readToken(tokenPath(config.dataDir, 'cli'))) ?? '';
  return apiClient({ url: config.publicUrl ?? `http://${config.host}:${config.port}`, token });
}

function runNumber(words: string[]): number {
  const word = words.slice(2).find(one => /^#?\d+$/.test(one));
  return Number(word?.replace('#', ''));
}

/** An argument as it must be written to be read back as one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./#-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
