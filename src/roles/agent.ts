import { runAgent } from '../adapters/local/agent.ts';
import type { Config } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import type { PoolSettings } from '../core/pool.ts';
import type { Log } from '../core/ports.ts';
import type { LivePolicy } from './live-policy.ts';
import { readToken, tokenPath } from './secret-file.ts';
import { secretsIn } from './secrets-file.ts';

/** The agent of this machine for one pool, until `stop`. What it runs goes on and is adopted by the next one. */
export async function runAgentRole(
  config: Config,
  policy: Pick<LivePolicy, 'current' | 'onChange'>,
  pool: string,
  log: Log,
  stop: AbortSignal,
): Promise<void> {
  const { pools } = policy.current();
  const first = pools[pool];
  if (!first) throw new SignalboxError('POOL_UNKNOWN', { word: pool, allowed: Object.keys(pools) });
  const { runAs } = first;
  let settings = first;
  policy.onChange(now => {
    settings = settingsNow(now.pools[pool], { settings, runAs, pool, log });
  });
  const token = config.token ?? (await readToken(tokenPath(config.dataDir, `agent-${pool}`)));
  if (!token) throw new SignalboxError('TOKEN_INVALID');
  await runAgent({
    pool,
    url: config.publicUrl ?? `http://${config.host}:${config.port}`,
    token,
    dataDir: config.dataDir,
    offers: () => settings,
    runAs,
    // Where this machine keeps its interpreters; nothing else of the agent's environment reaches a command.
    path: config.environment.PATH,
    // The logger goes by this very list.
    secrets:
      config.secretsPath === null
        ? undefined
        : secretsIn(config.secretsPath, forms => config.secrets.push(...forms)),
    log,
    signal: stop,
  });
}

/** A pool that is gone from the file is served on as it was, so that its runs end; Signalbox starts nothing there. */
function settingsNow(
  next: PoolSettings | undefined,
  {
    settings,
    runAs,
    pool,
    log,
  }: { settings: PoolSettings; runAs: string | undefined; pool: string; log: Log },
): PoolSettings {
  if (!next) log.warn({ pool }, 'the pool of this agent is gone from signalbox.yml; its runs go on');
  else if (next.runAs !== runAs)
    log.warn({ pool }, 'runAs of a pool is read only when its agent starts, so what it said before holds');
  return next ?? settings;
}
