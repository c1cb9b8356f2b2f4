import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { readSlackBody } from '../../../src/adapters/slack/body.ts';
import { slackForms } from '../../../src/adapters/slack/instant.ts';
import type { Form, FormDesk } from '../../../src/core/form.ts';
import { recordingLog } from './support.ts';
import { openWorkspace } from './workspace.ts';

const team = 'T000000001';
const user = 'U000000001';
const workspace = await openWorkspace();
after(() => workspace.close());
beforeEach(() => workspace.reset());

function form(project: string): Form {
  const fields = ['one', 'two'].map(value => ({ value, label: value }));
  return {
    id: 'train',
    title: 'Train a model',
    submit: 'Train',
    state: project,
    fields: [
      { name: 'project', label: 'Project', kind: 'choice', choices: fields, value: project, refreshes: true },
      { name: 'note', label: 'Note', kind: 'text', optional: true },
    ],
  };
}

const desk: FormDesk = {
  example: 'train one',
  open: async () => ({ ok: true, form: form('one') }),
  choose: async (_, { values }) => form(values.project ?? ''),
  suggest: async () => [],
  submit: async () => ({ kind: 'wrong', errors: {} }),
};

const { log } = recordingLog();
const instant = slackForms({
  desks: { train: desk },
  tokens: { tokenFor: async () => 'xoxb-bot', failed: async () => {}, forget: () => {} },
  apiUrl: `${workspace.url}/api/`,
  ingest: async () => ({ outcome: 'stored' }),
  refused: () => {},
  tell: async () => {},
  log,
  clock: () => new Date(),
});

async function receive(fields: Record<string, string>) {
  const body = readSlackBody(new URLSearchParams(fields).toString());
  assert.ok(body.type === 'delivery');
  return await instant(body, new Date());
}

async function trigger(): Promise<string> {
  const { trigger_id } = await workspace.ask('views.generateTriggerId', { user_id: user });
  assert.ok(typeof trigger_id === 'string');
  return trigger_id;
}

const command = (trigger_id: string) =>
  receive({
    command: '/train',
    text: '',
    team_id: team,
    channel_id: 'C000000001',
    user_id: user,
    trigger_id,
  });

/** The view as the workspace gave it back when it was opened. */
async function opened() {
  const call = workspace.calls.find(({ path }) => path.endsWith('/views.open'));
  const view: unknown = JSON.parse(new URLSearchParams(call?.body).get('view') ?? 'null');
  assert.ok(typeof view === 'object' && view !== null && 'private_metadata' in view);
  return view;
}

describe('forms in the emulated workspace', () => {
  test('a form opens with its trigger', async () => {
    assert.deepEqual(await command(await trigger()), {});
    assert.equal(workspace.calls.filter(({ path }) => path.endsWith('/views.open')).length, 1);
  });

  test('a trigger that was used already opened its form, and nothing is said', async () => {
    const id = await trigger();
    await command(id);
    assert.deepEqual(await command(id), {});
  });

  test('a trigger that is none is said to have been too late', async () => {
    const said = await command('1.2.none');
    assert.match(String(said?.answer?.text), /three seconds.*type it instead: \/train one/);
  });

  test('what is chosen updates the view, and a view that is gone is let be', async () => {
    await command(await trigger());
    const view = { ...(await opened()), id: 'V000000000', hash: '1.a', callback_id: 'train' };
    const state = { values: { project: { project: { selected_option: { value: 'two' } } } } };
    const payload = {
      type: 'block_actions',
      team: { id: team },
      user: { id: user, team_id: team },
      view: { ...view, state },
    };
    assert.deepEqual(await receive({ payload: JSON.stringify(payload) }), {});
    const call = workspace.calls.find(({ path }) => path.endsWith('/views.update'));
    const sent = new URLSearchParams(call?.body);
    assert.equal(sent.get('hash'), '1.a');
    assert.match(sent.get('view') ?? '', /"state\\":\\"two\\"/);
  });
});
