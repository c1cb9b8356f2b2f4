import { runAgent } from '../adapters/local/agent.ts';
import type { Config } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { readToken, tokenPath } from './secret-file.ts';
import { secretsIn } from './secrets-file.ts';

/** The agent of this machine for one pool, until `stop`. What it runs goes on and is adopted by the next one. */
export async function runAgentRole(
  config: Config,
  policy: Policy,
  pool: string,
  log: Log,
  stop: AbortSignal,
): Promise<void> {
  const settings = policy.pools[pool];
  if (!settings) throw new SignalboxError('POOL_UNKNOWN', { word: pool, allowed: Object.keys(policy.pools) });
  const token = config.token ?? (await readToken(tokenPath(config.dataDir, `agent-${pool}`)));
  if (!token) throw new SignalboxError('TOKEN_INVALID');
  await runAgent({
    pool,
    url: config.publicUrl ?? `http://${config.host}:${config.port}`,
    token,
    dataDir: config.dataDir,
    slots: settings.slots,
    accelerators: settings.accelerators,
    runAs: settings.runAs,
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
