import type { Actor } from '../core/actor.ts';
import type { AgentSyncRequest, AgentSyncResponse } from '../core/agent-protocol.ts';
import type { AgentStore, Assignment, Log, RecordStore, RunStore, TokenStore } from '../core/ports.ts';
import type { Exit, RunChange } from '../core/run.ts';

export interface WatchPorts {
  agents: AgentStore;
  /** Changes wake planning and the run's messages. */
  runs: Pick<RunStore, 'change' | 'get'>;
  records: Pick<RecordStore, 'hasOutputs'>;
  tokens: Pick<TokenStore, 'forAttempt'>;
  /** What the commands of these get into their environments, in the same order; whoever follows them knows of them from now on. */
  environments(assignments: readonly Assignment[]): Promise<(Record<string, string> | undefined)[]>;
  log: Log;
}

/**
 * An agent tells all that it knows and hears all that belongs on its pool. Level-triggered: told twice, or after a restart of either
 * side, the result is the same.
 */
export async function syncAgent(
  pool: string,
  request: AgentSyncRequest,
  ports: WatchPorts,
  now: Date,
): Promise<AgentSyncResponse> {
  const agent: Actor = { kind: 'system', id: `agent/${pool}`, name: `the agent of ${pool}` };

  // 1. The machine lives, and has these accelerators.
  await ports.agents.seen(pool, request.accelerators, now);

  // 2. What happened to its attempts. An attempt of another time, or one that has already ended here, answers `stale` or `ended`.
  const settled: AgentSyncResponse['settled'] = [];
  for (const report of request.reports) {
    const said = changeOf(report, now);
    if (!said) continue;
    const change = said.type === 'exited' ? await withItsOutputs(report.run, said, ports) : said;
    const result = await ports.runs.change(report.run, change, now, agent);
    if (result.ok)
      ports.log.info({ run: report.run, attempt: report.attempt, state: result.run.state }, 'run changed');
    if (report.state === 'exited' || report.state === 'lost')
      settled.push({ run: report.run, attempt: report.attempt });
  }

  // 3. What it wants to begin. Attempts that were taken back meanwhile are no longer its own.
  await ports.agents.take(pool, request.takes ?? null);

  // 4. What belongs there now.
  const assignments = await ports.agents.assignments(pool);
  const environments = await ports.environments(assignments);
  const withTokens = assignments.map(async (one, at) => ({
    ...one,
    token: await ports.tokens.forAttempt(one.run, one.attempt),
    environment: environments[at],
  }));
  return { assignments: await Promise.all(withTokens), settled };
}

function changeOf(report: AgentSyncRequest['reports'][number], now: Date): RunChange | null {
  const { attempt } = report;
  switch (report.state) {
    case 'starting':
      return null;
    case 'running':
      return { type: 'running', attempt, at: earlier(report.startedAt ?? now, now) };
    case 'exited':
      return report.exit
        ? { type: 'exited', attempt, exit: { ...report.exit, at: earlier(report.exit.at, now) } }
        : null;
    case 'lost':
      return { type: 'lost', attempt, reason: report.reason ?? 'The machine lost it.' };
  }
}

/** An agent from before outputs were kept says that all went well, and has kept none: whoever counts on them must know. */
async function withItsOutputs(
  number: number,
  change: Extract<RunChange, { type: 'exited' }>,
  { runs, records }: Pick<WatchPorts, 'runs' | 'records'>,
): Promise<RunChange> {
  const { exit, attempt } = change;
  if (exit.code !== 0 || exit.failure || exit.stopped) return change;
  const outputs = (await runs.get(number))?.spec.outputs ?? [];
  if (outputs.length === 0 || (await records.hasOutputs(number, attempt))) return change;
  const message = `The command ended with exit code 0, but the agent of its machine is too old to keep its outputs (${outputs.join(', ')}).`;
  return { ...change, exit: { ...exit, failure: { class: 'output-missing', message } } satisfies Exit };
}

/** A machine whose clock is ahead has not held anything longer than until now, when somebody else may be given it. */
function earlier(at: Date, now: Date): Date {
  return at < now ? at : now;
}
