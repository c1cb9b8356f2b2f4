import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AgentOptions, runAgent } from '../../../src/adapters/local/agent.ts';
import {
  type AgentSyncResponse,
  agentLogRequest,
  agentMetricsRequest,
  agentOutputsRequest,
  agentRecordRequest,
  agentSyncRequest,
  unpackPoints,
} from '../../../src/core/agent-protocol.ts';
import type { FileDigest, Log, MetricPoint } from '../../../src/core/ports.ts';
import type { RunSpec } from '../../../src/core/run.ts';

type Assigned = AgentSyncResponse['assignments'][number];
type Report = ReturnType<typeof agentSyncRequest.parse>['reports'][number];

/** Polls what happens in other processes; fails after ten seconds with what was waited for. */
export async function until<T>(what: string, look: () => T | null | undefined | false): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    await pause(20);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** The service's side of the agent protocol, kept in memory, with a folder for machines of its own. */
export async function openWorkbench() {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-agent-')));
  const dataDir = join(root, 'data');
  const assignments = new Map<string, Assigned>();
  const reports = new Map<string, Report>();
  const ends = new Map<string, Report[]>();
  const logs = new Map<string, string>();
  const points: MetricPoint[] = [];
  const records = new Map<string, ReturnType<typeof agentRecordRequest.parse>>();
  const kept = new Map<string, FileDigest[]>();
  const contents = new Map<string, number>();
  /** From metrics files. */
  const fromFile: MetricPoint[] = [];
  const warnings: { fields: Record<string, unknown>; message: string }[] = [];
  const state = {
    away: false,
    syncs: 0,
    sourceStatus: 200,
    settles: true,
    /** Whether attempts are given to those who want to take them. */
    gives: true,
    /** What agents wanted to take, in order, each once. */
    takes: [] as string[],
    accelerators: [] as unknown[],
    sourceTokens: [] as string[],
    loseLogAnswers: 0,
    /** What is asked for outputs, in order. */
    outputCalls: [] as string[],
    /** Answers of the calls about outputs, in order; none: as it should be. `drop`: done, and the answer is lost. */
    outputAnswers: [] as (number | 'drop' | 'hang' | null)[],
    loseMetricsAnswers: 0,
    /** Lines of a metrics file in which no metric could be read were told. */
    unread: false,
  };
  let tar: Buffer = tarOf(join(root, 'empty'), {});
  let next = 1;

  const server = createServer(async (request, response) => {
    if (state.away) return void request.socket.destroy();
    const body = await read(request);
    const path = request.url ?? '';
    const logPath = /^\/v1\/agent\/runs\/(\d+)\/attempts\/(\d+)\/log$/.exec(path);
    const metricsPath = /^\/v1\/agent\/runs\/\d+\/attempts\/\d+\/metrics$/.test(path);
    if (path === '/v1/agent/sync') {
      state.syncs++;
      response.end(JSON.stringify(synced(JSON.parse(body.toString('utf8')))));
    } else if (logPath) {
      const size = appended(`${logPath[1]}-${logPath[2]}`, JSON.parse(body.toString('utf8')));
      if (state.loseLogAnswers > 0 && size > 0) {
        state.loseLogAnswers--;
        return void request.socket.destroy();
      }
      response.end(JSON.stringify({ size }));
    } else if (path.endsWith('/record')) {
      const key = attemptIn(path);
      if (!records.has(key)) records.set(key, agentRecordRequest.parse(JSON.parse(body.toString('utf8'))));
      response.writeHead(204).end();
    } else if (path.endsWith('/outputs') || path.includes('/contents/')) {
      answerOutputs(path, body, response);
    } else if (metricsPath) {
      if (state.loseMetricsAnswers > 0) {
        state.loseMetricsAnswers--;
        filed(JSON.parse(body.toString('utf8')));
        return void request.socket.destroy();
      }
      filed(JSON.parse(body.toString('utf8')));
      response.end(JSON.stringify({ taken: 0, refused: {} }));
    } else if (path.endsWith('/source')) {
      state.sourceTokens.push(request.headers.authorization ?? '');
      response.statusCode = state.sourceStatus;
      response.end(state.sourceStatus === 200 ? tar : JSON.stringify({ detail: 'There is no run #1.' }));
    } else response.writeHead(404).end();
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function answerOutputs(path: string, body: Buffer, response: ServerResponse): void {
    const sha256 = /\/contents\/(sha256:\w+)/.exec(path)?.[1];
    state.outputCalls.push(sha256 === undefined ? 'outputs' : 'content');
    const next = state.outputAnswers.shift() ?? null;
    if (next === 'hang') return;
    if (typeof next === 'number') {
      response.writeHead(next).end(JSON.stringify({ detail: `It is ${next}.` }));
      return;
    }
    let said = '';
    if (sha256 === undefined) {
      const { files } = agentOutputsRequest.parse(JSON.parse(body.toString('utf8')));
      const missing = [...new Set(files.map(file => file.sha256))].filter(one => !contents.has(one));
      if (missing.length === 0) kept.set(attemptIn(path), files);
      said = JSON.stringify({ missing });
    } else {
      const found = `sha256:${createHash('sha256').update(body).digest('hex')}`;
      if (found !== sha256) {
        response.writeHead(422).end(JSON.stringify({ detail: 'It is another content.' }));
        return;
      }
      contents.set(sha256, body.length);
    }
    if (next === 'drop') response.destroy();
    else response.writeHead(said === '' ? 204 : 200).end(said);
  }

  function attemptIn(path: string): string {
    const [, run, attempt] = /runs\/(\d+)\/attempts\/(\d+)/.exec(path) ?? [];
    return `${run}-${attempt}`;
  }

  function synced(raw: unknown): AgentSyncResponse {
    const request = agentSyncRequest.parse(raw);
    state.accelerators = request.accelerators;
    const settled: AgentSyncResponse['settled'] = [];
    for (const report of request.reports) {
      const key = `${report.run}-${report.attempt}`;
      reports.set(key, report);
      if (report.state !== 'exited' && report.state !== 'lost') continue;
      if (assignments.delete(key)) ends.set(key, [...(ends.get(key) ?? []), report]);
      if (state.settles) settled.push({ run: report.run, attempt: report.attempt });
    }
    for (const { run, attempt, key: take } of request.takes ?? []) {
      const said = `${run}-${attempt} ${take}`;
      if (!state.takes.includes(said)) state.takes.push(said);
      const one = assignments.get(`${run}-${attempt}`);
      if (one?.taken === null && state.gives) assignments.set(`${run}-${attempt}`, { ...one, taken: take });
    }
    return { assignments: [...assignments.values()], settled };
  }

  function appended(key: string, raw: unknown): number {
    const { offset, text, points: found, notFinite } = agentLogRequest.parse(raw);
    const known = logs.get(key) ?? '';
    if (offset === Buffer.byteLength(known) && text !== '') {
      logs.set(key, known + text);
      points.push(...unpackPoints({ points: found, notFinite }));
    }
    return Buffer.byteLength(logs.get(key) ?? '');
  }

  /** As Signalbox: the first value of a step stays. */
  function filed(raw: unknown): void {
    const request = agentMetricsRequest.parse(raw);
    for (const point of unpackPoints(request))
      if (!fromFile.some(one => one.name === point.name && one.step === point.step)) fromFile.push(point);
    state.unread ||= request.unread;
  }

  const log: Log = {
    debug() {},
    info() {},
    warn: (fields, message) => warnings.push({ fields, message }),
    error: (fields, message) => warnings.push({ fields, message }),
  };
  const settings = {
    pool: 'local',
    url,
    token: 'agent-token',
    dataDir,
  };
  const offers = () => ({ slots: 2, accelerators: 'none' as const });
  const cleanups: (() => unknown)[] = [];

  return {
    root,
    dataDir,
    url,
    state,
    assignments,
    reports,
    ends,
    logs,
    points,
    records,
    kept,
    contents,
    fromFile,
    warnings,
    /** Files of the project, by path. */
    setSource(files: Record<string, string>): void {
      tar = tarOf(join(root, `source-${next++}`), files);
    },
    setTar(bytes: Buffer): void {
      tar = bytes;
    },
    /** Wants a run on the pool; returns its key, `<run>-<attempt>`. */
    assign(spec: Partial<RunSpec>, rest: Partial<Assigned> = {}): string {
      const run = rest.run ?? next++;
      const attempt = rest.attempt ?? 1;
      const key = `${run}-${attempt}`;
      const all = {
        node: 'here',
        kind: 'cpu' as const,
        indices: [0],
        stop: null,
        taken: null,
        token: `token-${key}`,
      };
      assignments.set(key, { run, attempt, ...all, ...rest, spec: { ...plainSpec, ...spec } });
      return key;
    },
    /** It was taken under this key. */
    take(key: string, taken: string): void {
      const assigned = assignments.get(key);
      if (assigned) assignments.set(key, { ...assigned, taken });
    },
    stop(key: string, stop: Assigned['stop']): void {
      const assigned = assignments.get(key);
      if (assigned) assignments.set(key, { ...assigned, stop });
    },
    /** Gives it another time limit, in seconds. */
    limit(key: string, timeLimitS: number): void {
      const assigned = assignments.get(key);
      if (assigned) assignments.set(key, { ...assigned, spec: { ...assigned.spec, timeLimitS } });
    },
    /** Waits for what the agent reports as the end of an attempt. */
    async end(key: string): Promise<Report> {
      return until(`the end of ${key}`, () => ends.get(key)?.[0]);
    },
    folder(key: string): string {
      const [run = '', attempt = ''] = key.split('-');
      return join(dataDir, 'agent', 'local', 'runs', run, attempt);
    },
    control(key: string, file: string): { pid: number } & Record<string, unknown> {
      return JSON.parse(readFileSync(join(this.folder(key), 'control', file), 'utf8'));
    },
    /** An agent inside this process. */
    startAgent(more: Partial<AgentOptions> = {}): { stop(): Promise<void>; done: Promise<void> } {
      const controller = new AbortController();
      const done = runAgent({ ...settings, offers, log, intervalMs: 40, signal: controller.signal, ...more });
      done.catch(() => {});
      const stop = async () => {
        controller.abort();
        await done.catch(() => {});
      };
      cleanups.push(stop);
      return { stop, done };
    },
    /** An agent that can be killed. */
    spawnAgent(environment: Record<string, string> = {}): { pid: number; kill(): Promise<void> } {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'agent-process.ts'), JSON.stringify(settings)],
        { stdio: ['ignore', 'inherit', 'inherit'], env: { PATH: '/usr/bin:/bin', ...environment } },
      );
      const gone = new Promise<void>(done => child.once('exit', () => done()));
      const kill = async () => {
        child.kill('SIGKILL');
        await gone;
      };
      cleanups.push(kill);
      return { pid: child.pid ?? 0, kill };
    },
    async close(): Promise<void> {
      for (const cleanup of cleanups.reverse()) await cleanup();
      for (const pid of processesIn(dataDir)) killIfThere(pid);
      server.closeAllConnections();
      server.close();
      rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}
export type Workbench = Awaited<ReturnType<typeof openWorkbench>>;

/** What was listed a moment ago may have ended since. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ESRCH')) throw err;
  }
}

/** Runs of a workbench's machine, by what they were started with; zombies have no environment. */
export function processesIn(dataDir: string): number[] {
  return readdirSync('/proc').flatMap(name => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const of =
        readFileSync(`/proc/${name}/environ`, 'utf8') + readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return of.includes(`${dataDir}/agent/`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

export function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

/** A shell script that leaves its number behind and then waits for long. */
export const sleeper = 'echo $$ > "$SIGNALBOX_OUTPUT_DIR/pid"; exec sleep 300';

const plainSpec: RunSpec = {
  project: 'digits',
  team: 'ml',
  source: 'digits',
  ref: 'HEAD',
  sha: 'a'.repeat(40),
  command: ['true'],
  shell: false,
  environment: {},
  parameters: {},
  gpus: 0,
  gpuModel: null,
  pool: 'local',
  timeLimitS: 600,
  graceS: 5,
  maxAttempts: 3,
  note: '',
  primaryMetric: null,
  retryOf: null,
  trigger: 'command',
  secrets: [],
};

function tarOf(folder: string, files: Record<string, string>): Buffer {
  mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o755 });
  }
  return spawnSync('tar', ['-c', '-f', '-', '-C', folder, '.']).stdout;
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
