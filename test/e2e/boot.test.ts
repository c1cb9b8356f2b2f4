import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noRedis, startRedis } from '../support/redis.ts';
import { cli, type Environment, serve } from './process.ts';

const folder = mkdtempSync(join(tmpdir(), 'signalbox-boot-'));
const taken = createServer();
let port = '';
before(async () => {
  mkdirSync(join(folder, 'a-folder'));
  writeFileSync(join(folder, 'a-file'), '');
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  port = String((taken.address() as AddressInfo).port);
});
after(() => {
  taken.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Row {
  name: string;
  args?: string[];
  environment?: () => Environment;
  /** signalbox.yml */
  policy?: string;
  says: RegExp;
}

const rows: Row[] = [
  {
    name: 'an unknown key',
    policy: 'teams: { research: {} }\nprojects:\n  a:\n    team: research\n    sorce: .\n    command: [a]\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:5:5: sorce is not valid\. There is no such key here\. Allowed: team, source, .*Did you mean source\?$/,
  },
  {
    name: 'a key that is there twice',
    policy: 'teams: {}\nteams: {}\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:2:1: .*unique/,
  },
  {
    name: 'a value out of range',
    policy: 'pools: { a: { slots: 0 } }\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:1:15: pools\.a\.slots is not valid\. .*>=1/,
  },
  {
    name: 'a value that is none of those allowed',
    policy: 'pools: { a: { accelerators: autp } }\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:1:15: .*Allowed: auto, none\./,
  },
  {
    name: 'a team that is none',
    policy: 'teams: { research: {} }\nprojects: { a: { team: reserach, source: ., command: [a] } }\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:2:18: reserach is not valid\. There is no such team\. Allowed: research\. Did you mean research\?$/,
  },
  {
    name: 'a list for a file',
    policy: '- a\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:1:1: the file is not valid\./,
  },
  {
    name: 'no YAML',
    policy: '": [\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:\d+:\d+: the file is not valid\./,
  },
  {
    name: 'no pools',
    policy: 'pools: {}\n',
    says: /^CONFIG_INVALID: \S*signalbox\.yml:1:1: pools .*at least one pool/,
  },
  {
    name: 'a configuration that does not exist',
    environment: () => ({ SIGNALBOX_CONFIG: join(folder, 'none.yml') }),
    says: /^CONFIG_UNREADABLE: \S*none\.yml cannot be read\. ENOENT.*Check the path in SIGNALBOX_CONFIG\.$/,
  },
  {
    name: 'a configuration that is a folder',
    environment: () => ({ SIGNALBOX_CONFIG: join(folder, 'a-folder') }),
    says: /^CONFIG_UNREADABLE: \S*a-folder cannot be read\./,
  },
  {
    name: 'half of Slack',
    environment: () => ({ SLACK_BOT_TOKEN: 'xoxb-secret' }),
    says: /^ENV_HALF: Slack is configured by half: SLACK_SIGNING_SECRET is missing\. SLACK_BOT_TOKEN is set\./,
  },
  {
    name: 'an empty secret',
    environment: () => ({ SLACK_SIGNING_SECRET: '', SLACK_BOT_TOKEN: 'xoxb-secret' }),
    says: /^ENV_INVALID: The environment variable SLACK_SIGNING_SECRET is not valid\. It is empty\./,
  },
  ...['65536', '-1', '', '1e3'].map(
    (PORT): Row => ({
      name: `the port "${PORT}"`,
      environment: () => ({ PORT }),
      says: /^ENV_INVALID: The environment variable PORT is not valid\. It must be a whole number from 0 to 65535\./,
    }),
  ),
  {
    name: 'a log level that is none',
    environment: () => ({ LOG_LEVEL: 'loud' }),
    says: /^ENV_INVALID: .*LOG_LEVEL.*trace, debug, info, warn, error or silent\./,
  },
  {
    name: 'a database that is no PostgreSQL',
    environment: () => ({ DATABASE_URL: 'mysql://u:hunter2@127.0.0.1/x' }),
    says: /^ENV_INVALID: .*DATABASE_URL.*must begin with postgres:\/\/\./,
  },
  {
    name: 'a database where nothing listens',
    environment: () => ({ DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x' }),
    says: /^POSTGRES_UNREACHABLE: The database cannot be reached\. .*ECONNREFUSED.* Check DATABASE_URL\.$/,
  },
  {
    name: 'a Redis that is none',
    environment: () => ({ REDIS_URL: 'localhost:6379' }),
    says: /^ENV_INVALID: .*REDIS_URL.*must begin with redis:\/\/ or rediss:\/\/\./,
  },
  {
    name: 'a data folder that is a file',
    environment: () => ({ SIGNALBOX_DATA: join(folder, 'a-file') }),
    says: /^DATA_UNUSABLE: The data folder \S*a-file cannot be used\. It is a file\. Set SIGNALBOX_DATA/,
  },
  {
    name: 'a port that is taken',
    environment: () => ({ PORT: port }),
    says: /^ADDRESS_UNAVAILABLE: Signalbox cannot listen on 127\.0\.0\.1:\d+\. Another process listens there\. Set PORT/,
  },
  {
    name: 'an unknown role',
    args: ['--role', 'wrker'],
    says: /^VALUE_INVALID: wrker is not a value for --role\. It takes web, worker, agent, front, all\. Did you mean worker\? Try signalbox serve --role all\.$/,
  },
  {
    name: 'a role without a name',
    args: ['--role'],
    says: /^FLAG_VALUE_MISSING: The flag --role has no value\./,
  },
  {
    name: 'an unknown flag',
    args: ['--rolle', 'all'],
    says: /^FLAG_UNKNOWN: serve has no flag --rolle\. Its flags are --role, --pool\. Did you mean --role\?/,
  },
  { name: 'a word', args: ['web'], says: /^ARGUMENT_UNEXPECTED: serve does not understand web\./ },
  {
    name: 'an unknown pool',
    args: ['--role', 'agent', '--pool', 'lcoal'],
    says: /^POOL_UNKNOWN: There is no pool lcoal\. The pools are local\. Did you mean local\?/,
  },
  {
    name: 'a secrets file that is not there',
    environment: () => ({ SIGNALBOX_SECRETS: join(folder, 'no-such-file') }),
    says: /^SECRETS_UNFIT: The secrets file \S*no-such-file is not used\. It cannot be opened \(ENOENT\)\. Make it/,
  },
  {
    name: 'a secrets file that others may read',
    args: ['--role', 'agent'],
    environment: () => {
      const file = join(folder, 'open-secrets.yml');
      writeFileSync(file, 'digits: { HF_TOKEN: hunter2hunter2 }', { mode: 0o644 });
      return { SIGNALBOX_SECRETS: file };
    },
    says: /^SECRETS_UNFIT: .*open-secrets\.yml is not used\. Its mode is 0644, which is more than 0600\./,
  },
  {
    name: 'an agent without a token',
    args: ['--role', 'agent'],
    says: /^TOKEN_INVALID: The token is not valid\. .*SIGNALBOX_TOKEN/,
  },
];

async function boot({ name, args = [], environment, policy }: Omit<Row, 'says'>) {
  const place = join(folder, name.replaceAll(/\W/g, '-'));
  mkdirSync(place, { recursive: true });
  if (policy !== undefined) writeFileSync(join(place, 'signalbox.yml'), policy);
  const settings = { SIGNALBOX_DATA: join(place, 'data'), PORT: '0', LOG_LEVEL: 'warn', ...environment?.() };
  return await cli(['serve', ...args], settings, place);
}

describe('a boot is refused with code 1, in one line and without a stack', { concurrency: 2 }, () => {
  for (const { says, ...row } of rows)
    test(row.name, async () => {
      const { code, stdout, stderr } = await boot(row);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr.trim(), says);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.doesNotMatch(stderr, /xoxb|hunter2| at \S+:\d/);
    });

  test('a Redis that may throw work away', { skip: noRedis }, async t => {
    const redis = await startRedis(['maxmemory 64mb', 'maxmemory-policy allkeys-lru']);
    t.after(redis.close);
    const { code, stderr } = await boot({ name: 'evicting', environment: () => ({ REDIS_URL: redis.url }) });
    assert.equal(code, 1);
    assert.match(stderr, /^REDIS_EVICTS: .*allkeys-lru.*`maxmemory-policy noeviction`\.\n$/);
  });
});

describe('without a service', { concurrency: 2 }, () => {
  const place = join(folder, 'alone');
  before(() => mkdirSync(place));

  test('help and version ask for nothing', async () => {
    const said = await Promise.all(
      [['--version'], ['--help'], [], ['serve', '--help']].map(args => cli(args, {}, place)),
    );
    assert.deepEqual(
      said.map(({ code, stderr }) => [code, stderr]),
      Array(4).fill([0, '']),
    );
    assert.match(said[0]?.stdout ?? '', /^\d+\.\d+\.\d+\n$/);
    for (const { stdout } of said.slice(1)) assert.match(stdout, /signalbox serve \[--role/);
  });

  test('a command says that nothing answers, and where', async () => {
    const { code, stderr } = await cli(['list'], { SIGNALBOX_URL: 'http://127.0.0.1:9' }, place);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^SERVICE_UNREACHABLE: Signalbox does not answer at http:\/\/127\.0\.0\.1:9\. [^\n]*SIGNALBOX_URL\.\n$/,
    );
  });

  test('doctor says what is broken, with code 1, and goes on', async () => {
    const environment = {
      SIGNALBOX_CONFIG: join(folder, 'none.yml'),
      DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x',
    };
    const { code, stdout, stderr } = await cli(['doctor', '--json'], environment, place);
    assert.deepEqual([code, stderr], [1, '']);
    const { ok, findings } = JSON.parse(stdout) as {
      ok: boolean;
      findings: { name: string; state: string }[];
    };
    const states = Object.fromEntries(findings.map(({ name, state }) => [name, state]));
    assert.deepEqual(
      [ok, states.policy, states.postgres, states.settings],
      [false, 'broken', 'broken', 'ok'],
    );
    assert.doesNotMatch(stdout, /hunter2/);
  });

  test('migrate, token, audit verify and doctor work on a fresh folder, and leave nothing running', async () => {
    const environment = { SIGNALBOX_DATA: join(place, 'data') };
    for (const args of [
      ['migrate'],
      ['token', 'create', '--name', 'ci', '--scope', 'runs:read'],
      ['audit', 'verify'],
      ['audit', 'export'],
    ]) {
      const { code, stderr } = await cli(args, environment, place);
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    }
    const { stdout } = await cli(['token', 'list'], environment, place);
    assert.match(stdout, /ci +runs:read/);
  });

  test('what is not from Slack is counted, and is one row of the audit log', async () => {
    const slack = { SLACK_SIGNING_SECRET: 'x'.repeat(32), SLACK_BOT_TOKEN: 'xoxb-1' };
    const environment = { ...slack, PORT: '0', SIGNALBOX_DATA: join(place, 'refused') };
    const served = await serve(['--role', 'web'], environment);
    for (let n = 0; n < 3; n += 1) {
      const { status } = await fetch(`${served.url}/slack/events`, { method: 'POST', body: 'a=b' });
      assert.equal(status, 401);
    }
    const metrics = await (await fetch(`${served.url}/metrics`)).text();
    assert.match(metrics, /^signalbox_webhooks_refused_total\{source="slack",why="no-timestamp"\} 3$/m);
    assert.equal(await served.stop(), 0);
    const { stdout } = await cli(['audit', 'export'], environment, place);
    const rows = stdout.split('\n').filter(line => line.includes('"webhook.refused"'));
    assert.deepEqual(
      rows.map(line => JSON.parse(line).details.count),
      [3],
    );
  });

  test('an exported audit log is checked beside its database, by itself where there is none, and named where it was changed', async () => {
    const environment = { SIGNALBOX_DATA: join(place, 'kept') };
    await cli(['token', 'create', '--name', 'ci', '--scope', 'runs:read'], environment, place);
    const { stdout } = await cli(['audit', 'export', '--since', '1h'], environment, place);
    const [whole, changed] = [join(place, 'audit.jsonl'), join(place, 'changed.jsonl')];
    writeFileSync(whole, stdout);
    writeFileSync(changed, stdout.replace('"outcome":"done"', '"outcome":"refused"'));
    const rows: [name: string, file: string, data: string, code: number, says: RegExp][] = [
      ['its own database', whole, 'kept', 0, /is whole: 1 rows, .* The database holds the same\.$/m],
      ['no database', whole, 'nowhere', 0, /is whole: .* there is none here\.$/m],
      ['another database', whole, 'data', 1, /the database does not hold the same/],
      ['changed', changed, 'nowhere', 1, /The audit log is broken at row 1: it was changed/],
    ];
    for (const [name, file, data, code, says] of rows) {
      const settings = { SIGNALBOX_DATA: join(place, data) };
      const said = await cli(['audit', 'verify', '--file', file], settings, place);
      assert.equal(said.code, code, name);
      assert.match(said.stdout, says, name);
    }
    const { code, stderr } = await cli(
      ['audit', 'verify', '--file', join(place, 'gone')],
      environment,
      place,
    );
    assert.equal(code, 1);
    assert.match(stderr, /^VALUE_INVALID: .*gone is not a value for --file/);
  });
});
