import type { Run, RunSpec } from '../../src/core/run.ts';
import { octocat, spec } from './run.ts';

export const noon = new Date('2026-01-01T12:00:00Z');

/** A moment some seconds after noon. */
export function later(seconds: number): Date {
  return new Date(noon.getTime() + seconds * 1000);
}

/** Run 42 of `digits`, queued at noon unless said otherwise. */
export function liveRun(changes: Partial<Run> = {}, specChanges: Partial<RunSpec> = {}): Run {
  return {
    number: 42,
    spec: spec(specChanges),
    state: 'queued',
    priority: 'normal',
    requestedBy: octocat,
    place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' },
    pool: specChanges.pool ?? 'local',
    attempt: 0,
    preemptions: 0,
    taken: null,
    preemptedBy: null,
    extraS: 0,
    stopping: null,
    stoppedBy: null,
    waiting: null,
    approval: null,
    exitCode: null,
    failure: null,
    createdAt: noon,
    queuedAt: noon,
    startedAt: null,
    endedAt: null,
    ...changes,
  };
}
