import { type Actor, system } from '../core/actor.ts';
import { fault, faultLine } from '../core/errors.ts';
import type { DueSchedule, Log, RepositoryStore, RunStore, SourcePort } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { RepositoryRef } from '../core/repository-event.ts';
import type { RepositoryFile, Schedule } from '../core/repository-file.ts';
import { sightBy } from '../core/secret.ts';
import { projectsOf, request, sourceOf } from './repository-changed.ts';
import { type FilePorts, fileAt } from './repository-files.ts';

export interface FollowPorts extends FilePorts {
  repositories: RepositoryStore;
  source: Pick<SourcePort, 'file' | 'resolve'>;
  runs: Pick<RunStore, 'create'>;
  /** The first moment of a schedule after another one. */
  next(schedule: Schedule, after: Date): Date;
  log: Log;
}

/** Without a push, so often. */
const lookEveryMs = 600_000;
/** Whoever has begun with a schedule is left alone so long. */
const holdMs = 60_000;
const byTheClock: Actor = { ...system, name: 'The schedule' };

/**
 * Reads what default branches say now, and starts what is due. Any number of workers may do it: each repository is looked at by one of them,
 * and what is due at a moment carries that moment in its key. What was missed is started once, and then at its next moment.
 */
export async function followFiles(policy: Policy, ports: FollowPorts, now: Date): Promise<void> {
  const { repositories, log } = ports;
  for (const repo of await repositories.looks(lookEveryMs)) {
    try {
      await look(repo, policy, ports, now);
    } catch (err) {
      log.warn({ err, repo: repo.id }, 'a repository could not be looked at');
    }
  }
  for (const due of await repositories.dueSchedules(now, holdMs)) {
    try {
      await start(due, policy, ports, now);
    } catch (err) {
      log.warn({ err, repo: due.repo.id, rule: due.rule }, 'a rule that is due could not be started');
    }
  }
}

async function look(repo: RepositoryRef, policy: Policy, ports: FollowPorts, now: Date): Promise<void> {
  const found = await headOf(repo, policy, ports);
  if (!found) return;
  const schedules = Object.entries(found.file.rules).flatMap(
    ([
      rule,
      {
        on: { schedule },
      },
    ]) => (schedule ? [{ rule, schedule, next: ports.next(schedule, now) }] : []),
  );
  const { projects } = found.file;
  await ports.repositories.filed({ repo: repo.id, sha: found.sha, projects, schedules });
}

async function start(due: DueSchedule, policy: Policy, ports: FollowPorts, now: Date): Promise<void> {
  const { repo, rule: name, at } = due;
  const { repositories, runs, log } = ports;
  // 1. As the default branch has it now.
  const found = await headOf(repo, policy, ports);
  if (!found) return;
  const { sha, file } = found;
  const rule = Object.hasOwn(file.rules, name) ? file.rules[name] : undefined;
  const schedule = rule?.on.schedule;
  if (!rule || !schedule) return await repositories.scheduled(due, null);

  // 2. One run.
  const requested = request(rule, 'HEAD', file, policy);
  if (requested.ok) {
    const source = sourceOf(repo);
    const spec = { ...requested.spec, source, sha, ...sightBy('schedule', rule.project, policy.projects) };
    const key = `github:${repo.id}:schedule:${at.toISOString()}:${name}`;
    const wish = { spec, priority: requested.priority, requestedBy: byTheClock, at: now };
    const { run, created } = await runs.create({ key, ...wish, place: { kind: 'http' } });
    if (created) log.info({ repo: repo.id, sha, rule: name, run: run.number }, 'a schedule started a run');
  } else {
    const said = faultLine(fault(requested.code, requested.details));
    log.warn({ repo: repo.id, sha, rule: name, said }, 'a rule asks for what cannot be');
  }

  // 3. Whatever was missed meanwhile is done with it.
  await repositories.scheduled(due, ports.next(schedule, now));
}

/** What the default branch has now; null where there is nothing to be had of it, which is looked at again. */
async function headOf(
  repo: RepositoryRef,
  policy: Policy,
  ports: FollowPorts,
): Promise<{ sha: string; file: RepositoryFile } | null> {
  const own = await projectsOf(repo, policy, ports.repositories);
  const nothing = { sha: '', file: { projects: {}, models: {}, rules: {} } };
  if (own.length === 0) return nothing;
  const source = sourceOf(repo);
  const resolved = await ports.source.resolve(source, 'HEAD');
  if (!resolved.ok) {
    ports.log.info({ repo: repo.id, code: resolved.code }, 'a default branch could not be read');
    return null;
  }
  const { sha } = resolved;
  const read = await fileAt(source, sha, policy, own, ports);
  if (read?.ok === false) return null;
  return { sha, file: read ? read.value : nothing.file };
}
