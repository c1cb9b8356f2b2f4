import { spawn } from 'node:child_process';

const timeoutMs = 60_000;
/** git removes its lock files on SIGTERM, which SIGKILL would leave behind. */
const graceMs = 5_000;
const longestOutput = 4 << 20;

/** Never asks anybody, speaks only these protocols, and forgets the repository of a hook that it may have been started from. */
const guarded = [
  ...['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY', 'GIT_COMMON_DIR'].flatMap(
    name => ['-u', name],
  ),
  'GIT_TERMINAL_PROMPT=0',
  'GIT_ASKPASS=/bin/false',
  'SSH_ASKPASS_REQUIRE=never',
  'GIT_ALLOW_PROTOCOL=https:ssh:git:file',
  'GIT_OPTIONAL_LOCKS=0',
  'LC_ALL=C',
  'git',
  '-c',
  'safe.directory=*',
  '-c',
  'gc.auto=0',
];

/** A GitHub within a company may be reached without TLS, if the operator says so in GITHUB_URL. */
function guardedFor({ origin }: Credential): string[] {
  const only = `GIT_ALLOW_PROTOCOL=${new URL(origin).protocol.slice(0, -1)}`;
  return guarded.map(word => (word.startsWith('GIT_ALLOW_PROTOCOL=') ? only : word));
}

export type GitResult =
  | { ok: true; out: string }
  | { ok: false; missing: boolean; timedOut: boolean; said: string };

/**
 * What a server is shown. It goes through a pipe, which no list of processes and no environment shows; it is for one address alone, and
 * follows no server elsewhere.
 */
export interface Credential {
  origin: string;
  token: string;
}

/** git(1) calls it with `get` when a server asks who it is. */
const helper = '!f() { test "$1" = get && cat <&3; }; f';

function withCredential({ origin }: Credential): string[] {
  const own = ['-c', 'credential.helper=', '-c', `credential.${origin}.helper=${helper}`];
  return [...own, '-c', 'http.followRedirects=false'];
}

/** Runs git to its end, at most a minute. `missing`: there is no git here. `said`: its last words, without passwords. */
export function git(args: string[], credential: Credential | null = null): Promise<GitResult> {
  return new Promise(resolve => {
    const all = credential
      ? [...guardedFor(credential), ...withCredential(credential), ...args]
      : [...guarded, ...args];
    // A session of its own: without a terminal nothing can ask there, and all that git started ends with it.
    const child = spawn('env', all, {
      stdio: ['ignore', 'pipe', 'pipe', ...(credential ? (['pipe'] as const) : [])],
      detached: true,
    });
    const ways = child.stdio[3];
    if (credential && ways && 'end' in ways) {
      // git may end without asking for it.
      ways.on('error', () => {});
      ways.end(`username=x-access-token\npassword=${credential.token}\n`);
    }
    let out = '';
    let said = '';
    let timedOut = false;
    // Characters may come in two pieces.
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (out.length < longestOutput) out += text;
    });
    child.stderr?.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('utf8')).slice(-2_000);
    });
    const end = (signal: NodeJS.Signals) => () => {
      timedOut = true;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has just ended.
      }
    };
    const timers = [setTimeout(end('SIGTERM'), timeoutMs), setTimeout(end('SIGKILL'), timeoutMs + graceMs)];
    const finish = (code: number | null) => {
      for (const timer of timers) clearTimeout(timer);
      if (code === 0) return resolve({ ok: true, out: out.trimEnd() });
      // env(1) ends with 127 where it does not find the program.
      resolve({ ok: false, missing: code === 127, timedOut, said: lastWords(said) });
    };
    child.once('error', () => finish(127));
    child.once('close', finish);
  });
}

/** What git writes, as it comes; throws at the end when git failed. git ends when the reader does. */
export async function* gitStream(program: 'git' | 'tar', args: string[]): AsyncGenerator<Uint8Array> {
  const [command, all] = program === 'git' ? ['env', [...guarded, ...args]] : ['tar', args];
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString('utf8')).slice(-2_000);
  });
  const ended = new Promise<string | null>(resolve => {
    child.once('error', err => resolve(err.message));
    child.once('close', code =>
      resolve(code === 0 ? null : lastWords(said) || `${program} ended with ${code}`),
    );
  });
  try {
    for await (const chunk of child.stdout) yield chunk;
    const failure = await ended;
    if (failure !== null) throw new Error(failure);
  } finally {
    child.kill('SIGKILL');
  }
}

/** The line that says what went wrong, among git's advice. */
function lastWords(said: string): string {
  const lines = said.split('\n').filter(line => line.trim() !== '');
  const reason = lines.find(line => /^(?:fatal|error): /.test(line)) ?? lines.at(-1) ?? '';
  return reason.replace(/\/\/[^/@\s]*@/g, '//').slice(0, 300);
}
