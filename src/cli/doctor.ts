import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { checkRedis } from '../adapters/bullmq/check-redis.ts';
import { createLogger } from '../adapters/logger/logger.ts';
import { type Config, loadConfig, type SlackConfig } from '../config.ts';
import { faultLine, SignalboxError } from '../core/errors.ts';
import type { Policy } from '../core/project.ts';
import { loadPolicy } from '../files/policy-file.ts';
import { readSecretsFile } from '../roles/secrets-file.ts';
import { openStore } from '../roles/store.ts';
import { readOptions } from './options.ts';

interface Finding {
  name: string;
  state: 'ok' | 'off' | 'advice' | 'broken';
  says: string;
}

const run = promisify(execFile);

/** `signalbox doctor`: what works, what is off, what is missing. Exit code 1 when something is broken. */
export async function doctor(args: string[]): Promise<number> {
  const { values } = readOptions('doctor', args, {
    options: { json: { type: 'boolean' } },
    example: 'doctor --json',
  });
  const findings = await examine();
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ ok: findings.every(one => one.state !== 'broken'), findings })}\n`,
    );
  else
    for (const one of findings)
      process.stdout.write(`${one.state.padEnd(7)} ${one.name.padEnd(10)} ${one.says}\n`);
  return findings.some(one => one.state === 'broken') ? 1 : 0;
}

async function examine(): Promise<Finding[]> {
  const findings: Finding[] = [];
  const check = async (name: string, work: () => Promise<Omit<Finding, 'name'>>) => {
    findings.push({ name, ...(await work().catch(broken)) });
  };
  let config: Config | null = null;
  await check('settings', async () => {
    config = loadConfig();
    return { state: 'ok', says: `data in ${config.dataDir}` };
  });
  if (!config) return findings;
  const settings: Config = config;
  let policy: Policy | null = null;
  await check('policy', async () => {
    policy = loadPolicy(settings);
    const counts = [
      `${Object.keys(policy.projects).length} projects`,
      `${Object.keys(policy.pools).length} pools`,
    ];
    return { state: 'ok', says: `${settings.configPath}: ${counts.join(', ')}` };
  });
  await check('postgres', () => postgres(settings));
  await check('redis', () => redis(settings));
  await check('slack', async () =>
    settings.slack
      ? { state: 'ok', says: describeSlack(settings.slack) }
      : {
          state: 'off',
          says: 'neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set, and SLACK_BOT_TOKEN with it',
        },
  );
  await check('git', async () => {
    const { stdout } = await run('git', ['--version']).catch(() => ({ stdout: '' }));
    if (stdout) return { state: 'ok', says: stdout.trim() };
    return {
      state: 'advice',
      says: 'not found: projects are pinned by content, and repositories at a URL cannot be used',
    };
  });
  await check('secrets', async () => secrets(settings, policy));
  await check('gpus', async () => {
    const { stdout } = await run('nvidia-smi', ['-L']).catch(() => ({ stdout: '' }));
    const count = stdout.split('\n').filter(Boolean).length;
    return count > 0
      ? { state: 'ok', says: `${count} found by nvidia-smi` }
      : { state: 'off', says: 'nvidia-smi finds none; this machine offers CPU slots' };
  });
  return findings;
}

/** Whether this machine could run everything: another one may well be where a project runs. */
function secrets({ secretsPath }: Config, policy: Policy | null): Omit<Finding, 'name'> {
  const values = secretsPath === null ? null : readSecretsFile(secretsPath);
  const missing = Object.entries(policy?.projects ?? {}).flatMap(([project, { secrets: named }]) =>
    Object.keys(named)
      .filter(name => !values?.get(project)?.has(name))
      .map(name => `${project}.${name}`),
  );
  const without = missing.length > 0 ? `: no value on this machine for ${missing.join(', ')}` : '';
  if (!values) {
    const says = `SIGNALBOX_SECRETS is not set${without}`;
    return { state: missing.length > 0 ? 'advice' : 'off', says };
  }
  const count = [...values.values()].reduce((sum, of) => sum + of.size, 0);
  return { state: missing.length > 0 ? 'advice' : 'ok', says: `${secretsPath}: ${count} values${without}` };
}

function describeSlack({ appToken, signingSecret, botToken, client, apiUrl }: SlackConfig): string {
  const ways = [appToken && 'Socket Mode', signingSecret && 'HTTP'].filter(Boolean).join(' and ');
  const where = [botToken && 'one workspace', client && 'every one that installs it']
    .filter(Boolean)
    .join(' and ');
  return `configured for ${new URL(apiUrl).host} by ${ways}, for ${where}`;
}

function broken(err: unknown): Omit<Finding, 'name'> {
  if (err instanceof SignalboxError)
    return { state: 'broken', says: `${err.fault.code}: ${faultLine(err.fault)}` };
  return { state: 'broken', says: err instanceof Error ? err.message : String(err) };
}

async function postgres(config: Config): Promise<Omit<Finding, 'name'>> {
  const { database, close } = await openStore(config, createLogger('silent'));
  try {
    const version = await database.pool.query<{ server_version: string }>('show server_version');
    const where = config.databaseUrl ? 'DATABASE_URL' : `embedded in ${config.dataDir}`;
    return { state: 'ok', says: `PostgreSQL ${version.rows[0]?.server_version}, ${where}` };
  } finally {
    await close();
  }
}

async function redis(config: Config): Promise<Omit<Finding, 'name'>> {
  if (!config.redisUrl)
    return {
      state: 'advice',
      says: 'REDIS_URL is not set: the queue lives in PostgreSQL; production wants Redis',
    };
  const { reachable } = await checkRedis(config.redisUrl);
  if (reachable) return { state: 'ok', says: 'answers, and evicts nothing' };
  return {
    state: 'broken',
    says: 'does not answer at REDIS_URL; requests are stored and done by the sweep until it does',
  };
}
