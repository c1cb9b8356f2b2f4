import { commands } from '../../commands/index.ts';
import { faultReply } from '../../src/app/deliver.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import type { ModelAlias } from '../../src/core/ports.ts';
import { modelSchema } from '../../src/core/promotion/model-keys.ts';
import { later } from '../support/live-run.ts';
import { memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { modelPorts } from '../support/models.ts';
import { octocat } from '../support/run.ts';
import type { Shown } from './replies.ts';

const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
const live = (alias: string, number: number): ModelAlias => ({
  ...{ model: 'digits', alias, number, at: later(0), moved: null },
});
const mlflow = modelSchema.parse({
  ...{ project: 'digits', output: 'model.json', registry: { kind: 'mlflow', name: 'digits' } },
});

async function said(words: string, known: Parameters<typeof modelPorts>[0] = {}): Promise<Shown> {
  const memories = memoryPorts(memory());
  const ports = { ...memories, ...modelPorts(known), audit: { ...memories.audit, append: async () => {} } };
  const intent = { key: 'slack:1', actor: octocat, place, wish: { kind: 'words', words } } as const;
  const result = await dispatch(intent, { commands, policy, ports }, later(60));
  return { reply: result.ok ? result.reply : faultReply(result.fault), now: later(60) };
}

/** What people see of models. */
export async function models(): Promise<Record<string, Shown>> {
  return {
    'model-list': await said('model list', { aliases: [live('production', 6), live('staging', 7)] }),
    'model-list-empty': await said('model list', { models: [], versions: [], policies: new Map() }),
    'model-show': await said('model show digits', {
      aliases: [live('production', 6), live('staging', 7)],
      address: 'https://signalbox.example.com',
    }),
    'model-show-moved': await said('model show digits 7', {
      aliases: [{ ...live('production', 7), moved: { to: '3', at: later(-3_600) } }],
      policies: new Map([['digits', mlflow]]),
      registered: { remote: '9', address: 'https://mlflow.example.com/#/models/digits/versions/9' },
    }),
    'model-unknown': await said('model show digit'),
    'model-version-unknown': await said('model show digits 8'),
  };
}
