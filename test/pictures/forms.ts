import assert from 'node:assert/strict';
import type { ModalView } from '@slack/types';
import { z } from 'zod';
import { commands } from '../../commands/index.ts';
import { readForm, renderChoices, renderErrors, renderForm } from '../../src/adapters/slack/form.ts';
import { trainDesk } from '../../src/app/train-desk.ts';
import type { Form } from '../../src/core/form.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import type { Run } from '../../src/core/run.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { later, liveRun } from '../support/live-run.ts';
import { memory, memoryPorts } from '../support/memory-ports.ts';
import { snapshotOf } from '../support/plan.ts';
import { octocat } from '../support/run.ts';
import type { ShownModal } from './modal.ts';
import { holdings } from './pools.ts';

const usual = policySchema.parse({
  teams: { research: {}, vision: {} },
  pools: { local: {}, lab: {}, attic: {} },
  projects: {
    digits: {
      team: 'research',
      source: '/projects/digits',
      ref: 'main',
      command: ['true'],
      timeLimit: '10m',
      parameters: {
        lr: { type: 'number', default: 0.1, min: 0, hint: 'Learning rate of the first epoch' },
        epochs: { type: 'integer', default: 25, min: 1, max: 1000, hint: 'Passes over the data' },
        hidden: {
          type: 'integer',
          default: 32,
          min: 0,
          max: 512,
          hint: 'Hidden units; 0 for softmax regression',
        },
        seed: { type: 'integer', default: 0, hint: 'Decides every random number' },
      },
    },
    segmenter: {
      team: 'vision',
      source: '/projects/segmenter',
      ref: 'main',
      command: ['true'],
      pool: 'lab',
      gpus: 1,
      timeLimit: '1d',
      parameters: {
        encoder: { type: 'choice', default: 'resnet50', choices: ['resnet50', 'convnext_base', 'vit_large'] },
        lr: { type: 'number', default: 0.0003, min: 0, max: 1, hint: 'Learning rate after the warm-up' },
        batch: { type: 'integer', default: 16, min: 1, hint: 'Images for each GPU' },
        amp: { type: 'boolean', default: true, hint: 'Mixed precision' },
        start_from: { type: 'text', default: '', hint: 'Name of a checkpoint' },
      },
    },
  },
});

const lastRun = liveRun(
  { number: 41, priority: 'high' },
  {
    project: 'segmenter',
    ref: 'wide-decoder',
    pool: 'lab',
    gpus: 2,
    gpuModel: 'A100-SXM4-80GB',
    timeLimitS: 43_200,
    parameters: { encoder: 'vit_large', lr: 0.0001, batch: 8, amp: true, start_from: 'coco-2' },
  },
);

const now = later(60);
const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
const asker = { actor: octocat, place };
const inChannel = { channel: 'C1', responseUrl: null, turn: 0 };

/** The desk where these runs were. */
function desk(runs: Run[], policy: Policy = usual) {
  const ports = memoryPorts(memory({ runs }));
  const snapshot = async () => snapshotOf({ ...holdings, queued: [] });
  return trainDesk({
    commands,
    policy,
    runs: ports.runs,
    plan: { snapshot },
    links: ports.links,
    groups: ports.groups,
    elevations: ports.elevations,
    repositories: { said: async () => [] },
    audit: { append: async () => undefined },
    log: recordingLog().log,
  });
}

async function opened(of: ReturnType<typeof desk>, text = ''): Promise<Form> {
  const answer = await of.open(asker, text, now);
  assert.ok(answer.ok);
  return answer.form;
}

const inputSchema = z.object({
  block_id: z.string(),
  element: z.object({
    action_id: z.string(),
    initial_value: z.string().optional(),
    initial_option: z.object({ value: z.string() }).optional(),
  }),
});

/** What Slack says when a form is sent with other values than it came with. */
async function refused(of: ReturnType<typeof desk>, view: ModalView, changed: Record<string, string>) {
  const inputs = view.blocks.flatMap(block => inputSchema.safeParse(block).data ?? []);
  const values = inputs.map(({ block_id, element: { action_id, initial_value, initial_option } }) => {
    const value = changed[action_id] ?? initial_value ?? initial_option?.value;
    return [block_id, { [action_id]: { value } }] as const;
  });
  const form = readForm({ ...view, id: 'V1', hash: '1', state: { values: Object.fromEntries(values) } });
  assert.ok(form);
  const answer = await of.submit(asker, form, now);
  assert.ok(answer.kind === 'wrong', `a form that is ${answer.kind}`);
  const typed = Object.entries(changed).map(([field, value]) => [form.blocks.get(field) ?? field, value]);
  return { filled: Object.fromEntries(typed), errors: renderErrors(answer.errors, form.blocks).errors };
}

/** A policy with more projects than a menu shows. */
function crowded(): Policy {
  const { digits } = usual.projects;
  assert.ok(digits);
  const names = Array.from({ length: 150 }, (_, i) => `segmenter-${i + 1}`);
  return { ...usual, projects: Object.fromEntries(names.map(name => [name, digits])) };
}

/** Every modal by its name. */
export async function forms(): Promise<Record<string, ShownModal>> {
  const fresh = desk([]);
  const again = renderForm(await opened(desk([lastRun])), inChannel);
  const chosen = await fresh.choose(asker, { state: '', values: { project: 'segmenter' } }, now);
  const first = renderForm(await opened(fresh), inChannel);
  const digits = renderForm(await opened(fresh, 'train digits'), { ...inChannel, channel: null });
  const many = desk([], crowded());
  const { options } = renderChoices(await many.suggest('project', '14', { state: '', values: {} }));
  const wrong = {
    'parameter:lr': '3',
    'parameter:batch': '0',
    gpus: '10',
    gpu: '*',
    time: '3 days',
  };
  return {
    'modal-train': { view: renderForm(chosen, { ...inChannel, turn: 1 }) },
    'modal-train-first': { view: first, open: 'project' },
    'modal-train-many': {
      view: renderForm(await opened(many), inChannel),
      open: 'project',
      filled: { project: '14' },
      found: options.slice(0, 5),
    },
    'modal-train-prefilled': { view: again },
    'modal-train-pools': { view: again, open: '0:pool' },
    'modal-train-models': { view: again, open: '0:gpu' },
    'modal-train-errors': { view: again, ...(await refused(desk([lastRun]), again, wrong)) },
    'modal-elsewhere': { view: digits },
  };
}
