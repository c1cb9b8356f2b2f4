import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Place } from '../../src/core/actor.ts';
import { agentSyncResponse } from '../../src/core/agent-protocol.ts';
import { policySchema } from '../../src/core/policy.ts';
import type { RunSpec } from '../../src/core/run.ts';
import { mayNameSecret, sightOf } from '../../src/core/secret.ts';
import { spec } from '../support/run.ts';

describe('the name of a secret', () => {
  const good = [
    'WANDB_API_KEY',
    'HF_TOKEN',
    '_x',
    'aws_secret',
    'PATHS',
    'MY_PATH',
    'HOMEPAGE',
    'TOKEN_OF_LD_X',
    'ENVY',
  ];
  const bad = [
    '',
    '1X',
    'A-B',
    'A B',
    'A=B',
    'ä',
    `A${'B'.repeat(100)}`,
    'SIGNALBOX_TOKEN',
    'signalbox_x',
    'PATH',
    'Path',
    'HOME',
  ];
  const meant = [
    'LD_PRELOAD',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'PYTHONPATH',
    'PYTHONSTARTUP',
    'BASH_ENV',
    'CUDA_VISIBLE_DEVICES',
    'RANK',
    '__proto__x\n',
  ];
  for (const name of good) test(`${name} may be one`, () => assert.ok(mayNameSecret(name)));
  for (const name of [...bad, ...meant])
    test(`${JSON.stringify(name)} may not`, () => assert.ok(!mayNameSecret(name)));
});

describe('what a run may see', () => {
  const { projects } = policySchema.parse({
    teams: { research: {} },
    projects: {
      digits: {
        team: 'research',
        source: '.',
        command: ['true'],
        secrets: {
          ALL: {},
          MERGED: { triggers: ['merge'] },
          PULL: { triggers: ['pull-request'] },
          API: { triggers: ['api'] },
        },
      },
      other: { team: 'research', source: '.', command: ['true'], secrets: { OTHER: {} } },
      plain: { team: 'research', source: '.', command: ['true'] },
    },
  });
  const slack: Place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' };
  const rows: [name: string, spec: Partial<RunSpec>, place: Place, trigger: string, seen: string[]][] = [
    ['asked for in Slack', {}, slack, 'command', ['ALL']],
    ['asked for over HTTP', {}, { kind: 'http' }, 'api', ['ALL', 'API']],
    ['asked for on the queue', {}, { kind: 'queue' }, 'api', ['ALL', 'API']],
    ['of another project', { project: 'other' }, slack, 'command', ['OTHER']],
    ['of a project without', { project: 'plain' }, slack, 'command', []],
    ['of no project', { project: 'constructor' }, slack, 'command', []],
    ['that repeats one over HTTP', { trigger: 'api', secrets: ['API'] }, slack, 'command', ['ALL']],
    ['that repeats one of a merge', { trigger: 'merge', secrets: ['MERGED'] }, slack, 'command', ['ALL']],
    ['that repeats one of a pull request', { trigger: 'pull-request' }, slack, 'pull-request', ['PULL']],
    ['that repeats a secret which is gone', { secrets: ['GONE'] }, slack, 'command', ['ALL']],
  ];
  for (const [name, changes, place, trigger, seen] of rows)
    test(`one ${name}`, () =>
      assert.deepEqual(sightOf(spec(changes), place, projects), { trigger, secrets: seen }));
});

test('a service of before, and one that knows more triggers, are understood', () => {
  const { trigger: _, secrets: __, ...old } = spec();
  const rest = { run: 1, attempt: 1, node: 'n', kind: 'cpu', indices: [], stop: null, token: 't' };
  const read = (spec: unknown) =>
    agentSyncResponse.parse({ assignments: [{ ...rest, spec }], settled: [] }).assignments[0]?.spec;
  assert.deepEqual(read(old), spec());
  assert.deepEqual(read({ ...spec({ secrets: ['A_KEY'] }), trigger: 'moon' }), spec({ secrets: ['A_KEY'] }));
});
