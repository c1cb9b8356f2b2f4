import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { trainDesk } from '../../src/app/train-desk.ts';
import { policySchema } from '../../src/core/policy.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { noon } from '../support/live-run.ts';
import { memory, memoryPorts } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

const policy = policySchema.parse({
  teams: { research: {} },
  pools: { local: {} },
  defaultRole: 'trainer',
  projects: {
    digits: {
      team: 'research',
      github: 'octo-org/digits',
      command: ['python3', '{lr}'],
      parameters: { lr: { type: 'number', default: 0.1 } },
    },
  },
});
const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
const width = { type: 'integer', default: 3 } as const;

for (const [name, said, expected] of [
  ['the repository says nothing', [], 'lr'],
  ['the repository has other ones', [{ parameters: { width } }], 'width'],
  ['it is not known now', null, 'lr'],
] as const)
  test(`the parameters of a form: ${name}`, async () => {
    const ports = memoryPorts(memory());
    const repositories = {
      said: async ([source]: readonly { name: string; id: number | null }[]) => {
        if (said === null) throw new Error('the store is away');
        return source ? said.map(digits => ({ source, projects: { digits } })) : [];
      },
    };
    const audit = { append: async () => {} };
    const desk = trainDesk({ ...ports, commands, policy, audit, repositories, log: recordingLog().log });
    const opened = await desk.open({ actor: octocat, place }, 'digits', noon);
    assert.ok(opened.ok);
    const fields = opened.form.fields.map(field => field.name).filter(one => one.startsWith('parameter:'));
    assert.deepEqual(fields, [`parameter:${expected}`]);
    const values = { project: 'digits', [`parameter:${expected}`]: '7' };
    const read = await desk.submit({ actor: octocat, place }, { state: 'digits', values }, noon);
    assert.deepEqual(read.kind === 'accepted' && read.values.parameters, { [expected]: '7' });
  });
