import { join } from 'node:path';
import { createLogger } from '../adapters/logger/logger.ts';
import { type Config, loadConfig, withoutSecrets } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Log } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { loadPolicy } from '../files/policy-file.ts';
import { keepAgentChild } from '../roles/agent-child.ts';
import { prepareDataFolder } from '../roles/data-folder.ts';
import { livePolicy } from '../roles/live-policy.ts';
import { tokenFile } from '../roles/secret-file.ts';
import { readSecretsFile } from '../roles/secrets-file.ts';
import type { Running } from '../roles/web.ts';
import { readAction, readOptions } from './options.ts';

const roles = ['web', 'worker', 'agent', 'front', 'all'] as const;
type RoleName = (typeof roles)[number];

/** `signalbox serve [--role web|worker|agent|front|all] [--pool name]`: runs until SIGTERM or SIGINT, then ends in order. */
export async function serve(args: string[]): Promise<number> {
  const { values } = readOptions('serve', args, {
    options: { role: { type: 'string', default: 'all' }, pool: { type: 'string' } },
    example: 'serve --role all',
  });
  const role = readAction('--role', values.role, roles, 'serve --role all');
  const config = loadConfig();
  const policy = loadPolicy(config);
  const pool = poolOf(values.pool, policy);
  const log = createLogger(config.logLevel, config.secrets);
  // Beside the service the agent is a process of its own: said here, it is said once.
  if (config.secretsPath !== null && (role === 'agent' || role === 'all'))
    readSecretsFile(config.secretsPath);
  const stop = stopSignal();
  await prepareDataFolder(config.dataDir);
  if (role === 'agent') {
    // Each role loads only its own: an agent is small because it knows no database and no Slack.
    const { runAgentRole } = await import('../roles/agent.ts');
    const live = livePolicy(config, policy, log);
    await runAgentRole(config, live, pool, log, stop).finally(live.close);
    // The channel to the parent would keep this process alive.
    if (process.connected) process.disconnect();
    return 0;
  }
  await serveUntil(stop, role, pool, config, policy, log);
  return 0;
}

async function serveUntil(
  stop: AbortSignal,
  role: RoleName,
  pool: string,
  config: Config,
  policy: Policy,
  log: Log,
): Promise<void> {
  const { openBase, replan } = await import('../roles/base.ts');
  const live = livePolicy(config, policy, log);
  const base = await openBase(config, live.current, log);
  const running: Running[] = [{ close: async () => live.close() }, base];
  live.onChange(() => void replan(base));
  try {
    const { tokens, clock } = base;
    await tokenFile(
      config.dataDir,
      { name: 'cli', scopes: ['runs:read', 'runs:write', 'admin'] },
      tokens,
      clock(),
    );
    if (role === 'front' || role === 'all') {
      const { startFronts } = await import('../roles/front.ts');
      running.push(await startFronts({ ...base, pool, host: config.frontHost }));
    }
    if (role === 'worker' || role === 'all')
      running.push((await import('../roles/worker.ts')).startWorker(base));
    if (role === 'web' || role === 'all') {
      const web = await (await import('../roles/web.ts')).startWeb(base);
      running.push(web);
      if (role === 'all') {
        live.onChange(({ pools }) => {
          if (Object.keys(pools)[0] !== pool && Object.keys(policy.pools)[0] === pool)
            log.warn({ pool }, 'the agent of this machine stays with its pool until it is started again');
        });
        const token = await tokenFile(
          config.dataDir,
          { name: `agent-${pool}`, scopes: ['agent'], pool },
          tokens,
          clock(),
        );
        const entry = join(import.meta.dirname, '../main.ts');
        running.push(
          keepAgentChild(
            entry,
            pool,
            { ...withoutSecrets(config.environment), SIGNALBOX_URL: web.url, SIGNALBOX_TOKEN: token },
            log,
          ),
        );
      }
    }
    log.info({ role }, 'ready');
    await aborted(stop);
    log.info({}, 'stopping');
  } finally {
    // The last one started is the first one ended; the database goes last.
    for (const part of running.reverse()) await part.close();
  }
}

function poolOf(name: string | undefined, policy: Policy): string {
  const pools = Object.keys(policy.pools);
  const pool = name ?? pools[0];
  if (pool && pools.includes(pool)) return pool;
  throw new SignalboxError('POOL_UNKNOWN', {
    word: name,
    allowed: pools,
    nearest: nearest(name ?? '', pools),
    example: `serve --role agent --pool ${pools[0]}`,
  });
}

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // The child of another role ends with its parent.
  process.on('disconnect', stop);
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
