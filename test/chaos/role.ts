import { flushCompileCache } from 'node:module';
import { instrumentAs } from './steps.ts';
import { watchFetch, watchSystemCalls } from './system-calls.ts';
import { watched, watchedCall } from './watched.ts';

/**
 * One role of Signalbox as `serve` starts it, with a step before and after each call over a port: `role.ts <role> <folder of the box>`; `agent:lab`
 * is that of pool lab.
 */
const [role = '', folder = ''] = process.argv.slice(2);
instrumentAs(role, folder);
watchSystemCalls(role, folder);
// A test that was killed leaves nothing behind.
process.once('disconnect', () => process.exit(1));

const { createLogger } = await import('../../src/adapters/logger/logger.ts');
const { loadConfig } = await import('../../src/config.ts');
const { loadPolicy } = await import('../../src/files/policy-file.ts');
const config = loadConfig();
const policy = loadPolicy(config);
const log = createLogger(config.logLevel, config.secrets);

const [part = '', pool = 'local'] = role.split(':');
if (part === 'agent') {
  watchFetch();
  const { runAgentRole } = await import('../../src/roles/agent.ts');
  void runAgentRole(
    config,
    { current: () => policy, onChange: () => {} },
    pool,
    log,
    new AbortController().signal,
  );
} else {
  const { openAdapters, baseOn } = await import('../../src/roles/base.ts');
  const adapters = await openAdapters(config, () => policy, log);
  const { slack, github, openIngest } = adapters;
  const base = baseOn(
    {
      ...adapters,
      wakeups: watched('wakeups', adapters.wakeups),
      runs: watched('runs', adapters.runs),
      logs: watched('logs', adapters.logs),
      plan: watched('plan', adapters.plan),
      agents: watched('agents', adapters.agents),
      deliveries: watched('deliveries', adapters.deliveries),
      surfaces: watched('surfaces', adapters.surfaces),
      audit: watched('audit', adapters.audit),
      links: watched('links', adapters.links),
      groups: watched('groups', adapters.groups),
      tokens: watched('tokens', adapters.tokens),
      source: watched('source', adapters.source),
      promotions: watched('promotions', adapters.promotions, ['create', 'change', 'remark']),
      serving: watched('serving', adapters.serving, ['apply', 'heard', 'count']),
      registry: watched('registry', adapters.registry, ['aligned']),
      github: {
        ...github,
        deployments: github.deployments && watched('deployments', github.deployments),
      },
      slack: { ...watched('slack', slack), messenger: watched('messenger', slack.messenger) },
      openIngest: () => watched('ingest', openIngest()),
    },
    config,
    () => policy,
    log,
  );
  const whole = { ...base, dispatch: watchedCall('dispatch', base.dispatch) };
  if (role === 'front')
    await (await import('../../src/roles/front.ts')).startFronts({ ...whole, pool, host: config.frontHost });
  else if (role === 'web') await (await import('../../src/roles/web.ts')).startWeb(whole);
  else (await import('../../src/roles/worker.ts')).startWorker(whole);
}
// It is written at the end of a process, to which none of these comes.
flushCompileCache();
