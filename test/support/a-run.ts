import { system } from '../../src/core/actor.ts';
import type { Run } from '../../src/core/run.ts';
import { spec } from './run.ts';

/** A run of nobody's that waits. */
export function aRun(changes: Partial<Run> = {}): Run {
  return {
    number: 1,
    spec: spec(),
    state: 'queued',
    priority: 'normal',
    requestedBy: system,
    place: { kind: 'http' },
    pool: 'lab',
    attempt: 1,
    preemptions: 0,
    taken: '',
    preemptedBy: null,
    extraS: 0,
    stopping: null,
    stoppedBy: null,
    waiting: null,
    approval: null,
    exitCode: null,
    failure: null,
    createdAt: new Date(0),
    queuedAt: null,
    startedAt: null,
    endedAt: null,
    ...changes,
  };
}
