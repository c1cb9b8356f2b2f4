import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkBucket } from '../adapters/artifacts/s3.ts';
import { checkRedis } from '../adapters/bullmq/check-redis.ts';
import { readAmd } from '../adapters/local/amd.ts';
import { mergeGpus } from '../adapters/local/merge-gpus.ts';
import { readNvidia } from '../adapters/local/nvidia.ts';
import { createLogger } from '../adapters/logger/logger.ts';
import type { Database } from '../adapters/postgres/database.ts';
import { groupStore } from '../adapters/postgres/groups.ts';
import { planStore } from '../adapters/postgres/plan.ts';
import { type Config, loadConfig, type SlackConfig } from '../config.ts';
import { hasRank } from '../core/access.ts';
import { faultLine, SignalboxError } from '../core/errors.ts';
import { groupsIn, groupTrouble } from '../core/groups.ts';
import type { Policy } from '../core/policy.ts';
import { stockAdvice } from '../core/stock-advice.ts';
import { loadPolicy } from '../files/policy-file.ts';
import { mlflowClientOf } from '../roles/mlflow.ts';
import { readSecretsFile } from '../roles/secrets-file.ts';
import { providerOf } from '../roles/step-up.ts';
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
  let pools: Omit<Finding, 'name'> = { state: 'off', says: 'nothing is known of them without PostgreSQL' };
  await check('postgres', async () => {
    const { database, close } = await openStore(settings, createLogger('silent'));
    try {
      const found = await postgres(settings, database);
      if (policy) pools = await poolsOf(policy, database);
      return found;
    } finally {
      await close();
    }
  });
  await check('pools', async () => pools);
  await check('redis', () => redis(settings));
  await check('slack', async () =>
    settings.slack
      ? { state: 'ok', says: describeSlack(settings.slack) }
      : {
          state: 'off',
          says: 'neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set, and SLACK_BOT_TOKEN with it',
        },
  );
  await check('github', async () => github(settings));
  await check('artifacts', () => artifacts(settings));
  await check('mlflow', () => mlflow(settings));
  await check('oidc', () => oidc(settings, policy));
  await check('groups', () => groups(settings, policy));
  await check('git', async () => {
    const { stdout } = await run('git', ['--version']).catch(() => ({ stdout: '' }));
    if (stdout) return { state: 'ok', says: stdout.trim() };
    return {
      state: 'advice',
      says: 'not found: projects are pinned by content, and repositories at a URL cannot be used',
    };
  });
  await check('secrets', async () => secrets(settings, policy));
  await check('gpus', gpus);
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

/** What the agent of a pool would report of this machine. */
async function gpus(): Promise<Omit<Finding, 'name'>> {
  const [nvidia, amd] = await Promise.all([
    readNvidia('nvidia-smi'),
    readAmd({ amdSmi: 'amd-smi', rocmSmi: 'rocm-smi' }),
  ]);
  const found = mergeGpus([], { ...nvidia, amd });
  const counts = [...new Set(found.map(gpu => gpu.resource))].map(
    resource => `${found.filter(gpu => gpu.resource === resource).length} ${resource}`,
  );
  const broken = found.filter(gpu => !gpu.healthy).length;
  if (broken > 0) return { state: 'advice', says: `${counts.join(', ')}; ${broken} not healthy` };
  if (found.length > 0) return { state: 'ok', says: counts.join(', ') };
  return {
    state: 'off',
    says: 'nvidia-smi, amd-smi and rocm-smi find none; this machine offers CPU slots',
  };
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

async function postgres(config: Config, { pool }: Database): Promise<Omit<Finding, 'name'>> {
  const version = await pool.query<{ server_version: string }>('show server_version');
  const where = config.databaseUrl ? 'DATABASE_URL' : `embedded in ${config.dataDir}`;
  return { state: 'ok', says: `PostgreSQL ${version.rows[0]?.server_version}, ${where}` };
}

/** Whether what machines have reported is what the file counts on. */
async function poolsOf(policy: Policy, { db }: Database): Promise<Omit<Finding, 'name'>> {
  const { pools } = await planStore(db, Object.keys(policy.pools)).snapshot(new Date());
  const advice = stockAdvice(policy, pools);
  if (advice.length > 0) return { state: 'advice', says: advice.join('; ') };
  const silent = pools.filter(pool => pool.seenAt === null).map(pool => pool.name);
  const says =
    silent.length > 0 ? `no agent has been seen for ${silent.join(', ')}` : 'as signalbox.yml says';
  return { state: silent.length > 0 ? 'off' : 'ok', says };
}

function github({ github: { app, oauth, apiUrl, webhookSecrets } }: Config): Omit<Finding, 'name'> {
  if (!app && !oauth)
    return { state: 'off', says: 'neither GITHUB_APP_ID nor GITHUB_CLIENT_ID is set, and their secrets' };
  const hears = webhookSecrets.length > 0 && 'hears of deliveries';
  const parts = [app && 'reads teams', hears, oauth && 'links accounts'].filter(Boolean).join(' and ');
  return { state: 'ok', says: `${parts}, by ${new URL(apiUrl).host}` };
}

/** Where the outputs of runs are kept. */
async function artifacts({ artifacts: { s3, mostBytes }, dataDir }: Config): Promise<Omit<Finding, 'name'>> {
  const most = `at most ${mostBytes / 1_000_000} MB of each run`;
  if (!s3)
    return { state: 'ok', says: `in ${join(dataDir, 'artifacts')}, ${most}; ARTIFACTS_URL is not set` };
  await checkBucket(s3);
  const where = s3.endpoint === null ? s3.region : new URL(s3.endpoint).host;
  return {
    state: 'ok',
    says: `in s3://${[s3.bucket, s3.prefix].filter(Boolean).join('/')} at ${where}, ${most}`,
  };
}

async function mlflow({ mlflow: settings }: Config): Promise<Omit<Finding, 'name'>> {
  if (!settings) return { state: 'off', says: 'MLFLOW_TRACKING_URI is not set' };
  const { trackingUri, credentials } = settings;
  const ways = credentials === null ? 'without credentials' : 'token' in credentials ? 'by token' : 'by user';
  try {
    await mlflowClientOf(settings).check();
    return { state: 'ok', says: `${new URL(trackingUri).host} answers, asked ${ways}` };
  } catch (err) {
    const reason = err instanceof Error ? err.message : String(err);
    const says = `${new URL(trackingUri).host}, asked ${ways}: ${reason}; runs go on, and what they log is read when it answers`;
    return { state: 'broken', says };
  }
}

/** Who vouches for a second factor, and where one is wanted by signalbox.yml. */
async function oidc({ oidc: settings }: Config, policy: Policy | null): Promise<Omit<Finding, 'name'>> {
  const wanted = Object.entries(policy?.models ?? {}).flatMap(([model, { environments }]) =>
    Object.entries(environments).flatMap(([name, { stepUp }]) => (stepUp ? [`${model} in ${name}`] : [])),
  );
  if (!settings) {
    if (wanted.length === 0) return { state: 'off', says: 'OIDC_ISSUER is not set' };
    const says = `OIDC_ISSUER is not set, and nobody can approve ${wanted.join(', ')} without it (\`stepUp: true\`)`;
    return { state: 'broken', says };
  }
  const { host } = new URL(settings.issuer);
  await providerOf(settings, () => new Date()).check();
  const how = settings.acr.length > 0 ? `acr ${settings.acr.join(' or ')}` : 'mfa in amr';
  const unnamed = (policy?.people ?? []).filter(
    one => hasRank(one.role, 'trainer') && one.oidc === undefined && one.email === undefined,
  );
  const without = unnamed.map(({ name }) => name).join(', ');
  if (wanted.length > 0 && unnamed.length > 0)
    return {
      state: 'advice',
      says: `${host} answers; without \`oidc\` or \`email\` in signalbox.yml these cannot approve ${wanted.join(', ')}: ${without}`,
    };
  return { state: 'ok', says: `${host} answers; a second factor is ${how}` };
}

/** Whether those count who are in the groups that signalbox.yml names. */
async function groups(config: Config, policy: Policy | null): Promise<Omit<Finding, 'name'>> {
  const named = policy ? groupsIn(policy) : [];
  if (named.length === 0) return { state: 'off', says: 'signalbox.yml names none' };
  const { database, close } = await openStore(config, createLogger('silent'));
  try {
    const states = await groupStore(database.db).states(named);
    const troubles = states.flatMap(state => groupTrouble(state, new Date()) ?? []);
    if (troubles.length > 0) return { state: 'advice', says: troubles.join('; ') };
    const members = states.reduce((sum, state) => sum + state.members, 0);
    return { state: 'ok', says: `${named.length} read, with ${members} members` };
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
