import type { Actor } from '../../src/core/actor.ts';
import type { NewRun } from '../../src/core/ports.ts';
import type { RunSpec } from '../../src/core/run.ts';

export const octocat: Actor = { kind: 'slack', id: 'T1/U1', name: 'octocat' };

export function spec(changes: Partial<RunSpec> = {}): RunSpec {
  return {
    project: 'digits',
    team: 'research',
    source: '/projects/digits',
    ref: 'main',
    sha: 'a'.repeat(40),
    command: ['python3', 'train.py'],
    shell: false,
    environment: {},
    parameters: { lr: 0.1 },
    gpus: 0,
    gpuModel: null,
    pool: 'local',
    timeLimitS: 3_600,
    graceS: 10,
    maxAttempts: 3,
    note: '',
    primaryMetric: null,
    retryOf: null,
    trigger: 'command',
    secrets: [],
    ...changes,
  };
}

export function wish(key: string, changes: Partial<NewRun> = {}, specChanges: Partial<RunSpec> = {}): NewRun {
  return {
    key,
    spec: spec(specChanges),
    priority: 'normal',
    requestedBy: octocat,
    place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' },
    at: new Date('2026-01-01T00:00:00Z'),
    ...changes,
  };
}
