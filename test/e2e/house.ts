import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';
import type { RunJson } from '../../src/core/run-json.ts';
import { botToken, openPeople, signingSecret } from './people.ts';
import { cli, type Environment, serve } from './process.ts';
import { makeRepository } from './repository.ts';
import { until } from './until.ts';

/** What the projects of the tests run: each a few lines, so that a test reads what its run does. */
const files = {
  // Its arguments, one in a line and in brackets, and all that it can see of its environment.
  'show.sh': 'for word in "$@"; do printf "<%s>\\n" "$word"; done\nenv | sort\n',
  'version.txt': 'first\n',
  // Works until a file appears, and ends with the code that it holds.
  'hold.sh':
    'echo "begun $$"\nwhile [ ! -s "$SIGNALBOX_PARAM_GATE" ]; do sleep 0.1; done\necho over\nexit "$(cat "$SIGNALBOX_PARAM_GATE")"\n',
  'report.mjs': `const { SIGNALBOX_METRICS_URL: url, SIGNALBOX_TOKEN: token } = process.env;
const points = [{ name: 'score', step: 7, value: 0.75 }];
for (const [name, where] of [['own', url], ['other', url.replace(/runs\\/\\d+/, 'runs/1')]]) {
  const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' };
  const answer = await fetch(where, { method: 'POST', headers, body: JSON.stringify({ points }) });
  console.log(name, answer.status, answer.status === 204 ? '' : (await answer.json()).code);
}
`,
};

const policy = (remote: string, projects = '') => `
teams: { research: {} }
pools:
  here: { slots: 2, accelerators: none }
  away: { slots: 2 }
projects:
  show:
    team: research
    source: repository
    command: [sh, show.sh, "{a}", "x{b}y", last]
    parameters: { a: { type: text, default: "" }, b: { type: text, default: "" } }
  version: { team: research, source: repository, command: [cat, version.txt] }
  cloned: { team: research, source: ${JSON.stringify(remote)}, ref: main, command: [cat, version.txt] }
  hold:
    team: research
    source: repository
    grace: 1s
    command: [sh, hold.sh]
    parameters: { gate: { type: text, default: /nowhere }, size: { type: integer, default: 1, min: 1, max: 9 } }
  report: { team: research, source: repository, command: [${JSON.stringify(process.execPath)}, report.mjs] }
${projects}people:
  - { slack: T000000001/U000000002, name: A viewer, role: viewer }
`;

/** Everything that a person would have: a workspace, a repository, a configuration, and the service itself on a data folder of its own. */
export async function openHouse(
  environment: Environment = {},
  more: {
    files?: Record<string, string>;
    projects?: string;
    policy?: string;
    prepare?: (folder: string) => void;
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-e2e-'));
  const people = await openPeople();
  const repository = makeRepository(join(folder, 'repository'));
  more.prepare?.(repository.folder);
  const first = repository.commit('The first', { ...files, ...more.files });
  const remote = join(folder, 'remote.git');
  repository.git('clone', '--quiet', '--bare', repository.folder, remote);
  repository.git('remote', 'add', 'origin', remote);
  writeFileSync(join(folder, 'signalbox.yml'), more.policy ?? policy(`file://${remote}`, more.projects));
  const dataDir = join(folder, 'data');
  const settings: Environment = {
    SIGNALBOX_CONFIG: join(folder, 'signalbox.yml'),
    SIGNALBOX_DATA: dataDir,
    SLACK_SIGNING_SECRET: signingSecret,
    SLACK_BOT_TOKEN: botToken,
    SLACK_API_URL: `${people.url}/api/`,
    // What an operator's shell may hold beside.
    SOMEBODYS_PASSWORD: 'the-password-of-somebody',
    ...environment,
  };
  let service = await serve(['--role', 'all'], settings);
  const token = readFileSync(join(dataDir, 'cli.token'), 'utf8').trim();

  async function call(
    path: string,
    { body, headers, as = token }: { body?: unknown; headers?: Record<string, string>; as?: string } = {},
  ): Promise<Response> {
    return await fetch(`${service.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${as}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  async function run(number: number): Promise<RunJson> {
    return (await (await call(`/v1/runs/${number}`)).json()) as RunJson;
  }

  async function list(kind: string, limit: number): Promise<RunJson[]> {
    const answer = await call(`/v1/runs?kind=${kind}&limit=${limit}`);
    return ((await answer.json()) as { runs: RunJson[] }).runs;
  }

  async function newest(): Promise<number> {
    const kinds = await Promise.all(['train', 'lease'].map(kind => list(kind, 1)));
    return Math.max(0, ...kinds.flat().map(run => run.number));
  }

  async function endRuns(): Promise<void> {
    const runs = await Promise.all(['train', 'lease', 'evaluate'].map(kind => list(kind, 100)));
    const live = runs.flat().filter(one => one.endedAt === null);
    await Promise.all(live.map(one => call(`/v1/runs/${one.number}/cancel`, { body: '' })));
    for (const { number } of live)
      await until(`the end of run #${number}`, async () => (await run(number)).endedAt !== null);
  }

  return {
    folder,
    dataDir,
    token,
    settings,
    people,
    repository,
    first,
    service: () => service,
    async restart() {
      service = await serve(['--role', 'all'], settings);
      return service;
    },
    call,
    run,
    newest,
    /** A run by the API; fails with what was refused. */
    async request(wish: Record<string, unknown>): Promise<RunJson> {
      const answer = await call('/v1/runs', { body: wish });
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as RunJson;
    },
    /** A command line by the API. */
    async command(words: string): Promise<{ status: number; body: Record<string, unknown> }> {
      const answer = await call('/v1/commands', { body: { words } });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    reaches: (number: number, ...states: string[]) =>
      until(`run #${number} to be ${states.join(' or ')}`, async () => {
        const found = await run(number);
        return states.includes(found.state) && found;
      }),
    async log(number: number): Promise<string> {
      return await (await call(`/v1/runs/${number}/logs`)).text();
    },
    /** What the database says, past the service. */
    async query<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
      const server = await startEmbeddedPostgres({ dataDir, log: () => {} });
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        return (await client.query<T>(text)).rows;
      } finally {
        await client.end();
        await server.stop();
      }
    },
    /** A file that a run of \`hold\` waits for. */
    gate(name: string) {
      const path = join(folder, `${name}.gate`);
      return { path, open: (code = 0) => writeFileSync(path, String(code)) };
    },
    /** The command line of somebody who sits at this machine. */
    cli: (...args: string[]) => cli(args, { ...settings, SIGNALBOX_URL: service.url }),
    async close() {
      // What runs outlives a service, and would outlive the test.
      await endRuns();
      await service.stop();
      await people.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type House = Awaited<ReturnType<typeof openHouse>>;
