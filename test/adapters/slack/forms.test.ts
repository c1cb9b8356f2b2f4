import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { commands } from '../../../commands/index.ts';
import { slackEdge } from '../../../src/adapters/slack/edge.ts';
import { formShortcuts } from '../../../src/adapters/slack/form-shortcuts.ts';
import { slackForms } from '../../../src/adapters/slack/instant.ts';
import { slackReceiver } from '../../../src/adapters/slack/receive.ts';
import { slackTokens } from '../../../src/adapters/slack/tokens.ts';
import { trainDesk } from '../../../src/app/train-desk.ts';
import { actorKey, type Place } from '../../../src/core/actor.ts';
import { type Fault, SignalboxError } from '../../../src/core/errors.ts';
import { submissionSchema } from '../../../src/core/form.ts';
import { type Policy, policySchema } from '../../../src/core/policy.ts';
import type { NewDelivery } from '../../../src/core/ports.ts';
import { slackSubmission } from '../../../webhooks/slack-submission.ts';
import {
  channel,
  developer,
  type FakeSlack,
  openFake,
  operator,
  stranger,
  team,
  token,
} from '../../fakes/slack/fixture.ts';
import { liveRun } from '../../support/live-run.ts';
import { type Memory, memory, memoryPorts } from '../../support/memory-ports.ts';
import { recordingLog } from './support.ts';

const usual: Policy = policySchema.parse({
  teams: { research: {} },
  pools: { local: {}, lab: {} },
  projects: {
    digits: {
      team: 'research',
      source: '/projects/digits',
      ref: 'main',
      command: ['true'],
      parameters: {
        lr: { type: 'number', default: 0.1, min: 0, max: 10, hint: 'Learning rate' },
        epochs: { type: 'integer', default: 20, min: 1 },
        optimiser: { type: 'choice', default: 'adam', choices: ['adam', 'sgd'] },
        augment: { type: 'boolean', default: false },
        tag: { type: 'text', default: '' },
      },
      timeLimit: '4h',
    },
    tabular: { team: 'research', source: '/projects/tabular', command: ['true'] },
  },
});

let fake: FakeSlack;
const { log } = recordingLog();
let m: Memory;
let policy = usual;
let stored: NewDelivery[] = [];
let told: { place: Place; said: Fault }[] = [];
let refused: string[] = [];
let storing: (delivery: NewDelivery) => Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;
/** What the store of runs does before it answers. */
let delay: () => Promise<void>;
/** By how much the app's clock is ahead of the arrival of what it answers. */
let lateMs = 0;
let close: () => Promise<void>;

function reset() {
  m = memory();
  policy = usual;
  stored = [];
  told = [];
  refused = [];
  delay = async () => {};
  lateMs = 0;
  const known = new Map<string, string>();
  storing = async delivery => {
    const before = known.get(delivery.deliveryId);
    if (before !== undefined) return { outcome: before === delivery.body ? 'duplicate' : 'conflict' };
    known.set(delivery.deliveryId, delivery.body);
    stored.push(delivery);
    return { outcome: 'stored' };
  };
}

/** The desk as it would be made for the policy and the runs of this moment. */
function desk() {
  const ports = memoryPorts(m);
  return trainDesk({
    commands,
    policy,
    plan: ports.plan,
    links: ports.links,
    groups: ports.groups,
    elevations: ports.elevations,
    repositories: { said: async () => [] },
    log,
    runs: {
      get: async number => {
        await delay();
        return await ports.runs.get(number);
      },
      list: async filter => {
        await delay();
        const runs = await ports.runs.list({ ...filter, limit: 100 });
        const fits = (run: (typeof runs)[number]) =>
          (filter.project === undefined || run.spec.project === filter.project) &&
          (filter.requesters === undefined || filter.requesters.includes(actorKey(run.requestedBy)));
        return runs.filter(fits).slice(0, filter.limit);
      },
    },
    audit: {
      append: async entry => {
        refused.push(`${entry.action} ${entry.actor.id}`);
      },
    },
  });
}

before(async () => {
  reset();
  fake = await openFake();
  const clock = () => new Date(Date.now() + lateMs);
  const ingest = (delivery: NewDelivery) => storing(delivery);
  const tokens = slackTokens({
    botToken: token,
    installations: null,
    apiUrl: fake.apiUrl,
    log,
    clock: () => new Date(),
  });
  const train = {
    example: 'train digits -p lr=0.1',
    open: (...given: Parameters<ReturnType<typeof desk>['open']>) => desk().open(...given),
    choose: (...given: Parameters<ReturnType<typeof desk>['choose']>) => desk().choose(...given),
    suggest: (...given: Parameters<ReturnType<typeof desk>['suggest']>) => desk().suggest(...given),
    submit: (...given: Parameters<ReturnType<typeof desk>['submit']>) => desk().submit(...given),
  };
  const instant = slackForms({
    desks: { train },
    tokens,
    apiUrl: fake.apiUrl,
    ingest,
    refused: (actor, code) => void refused.push(`${code} ${actor.id}`),
    tell: async (place, said) => void told.push({ place, said }),
    log,
    clock,
  });
  const edge = slackEdge({
    refusals: { refused() {} },
    signingSecret: fake.world.app.signingSecret,
    receive: slackReceiver({ ingest, instant, log }),
    log,
  });
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const {
      status,
      headers,
      body: said,
    } = await edge.handle({ headers: request.headers, body, receivedAt: new Date() });
    response.writeHead(status, headers).end(said);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  fake.sendTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`);
  close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    await fake.close();
  };
});
after(() => close());
afterEach(reset);

const me = { user: developer };
const train = (text = '', user = developer) => fake.slash({ user, channel, command: '/train', text });

interface Input {
  block_id: string;
  label: { text: string };
  hint?: { text: string };
  element: Record<string, unknown> & { action_id: string; type: string };
}

/** The person's modal on top, by its fields. */
function shown(user = developer) {
  const view = fake.modals({ user }).at(-1);
  assert.ok(view, 'no modal is open');
  const blocks = (view.given.blocks as (Input & { type: string })[]).filter(block => block.type === 'input');
  const inputs = new Map(blocks.map(block => [block.element.action_id, block]));
  const field = (name: string) => {
    const input = inputs.get(name);
    assert.ok(input, `no field ${name}`);
    return input;
  };
  return {
    view,
    fields: [...inputs.keys()],
    field,
    initial: (name: string) => {
      const { initial_value: text, initial_option: option } = field(name).element;
      return text ?? (option as { value: string } | undefined)?.value;
    },
    /** Filled in by the fields' names, as the fake wants it. */
    filled: (values: Record<string, unknown>) => {
      const filled: Record<string, Record<string, unknown>> = {};
      for (const [name, value] of Object.entries(values)) filled[field(name).block_id] = { [name]: value };
      return filled;
    },
  };
}

const submit = (values: Record<string, unknown> = {}, user = developer) =>
  fake.submit({ user, filled: shown(user).filled(values) });

/** Errors by field, however the blocks are called. */
function errorsAt(errors: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(errors).map(([block, said]) => [block.replace(/^\d+:/, ''), said]),
  );
}

async function choose(
  project: string,
  filled: Record<string, unknown> = {},
  alter = (payload: Record<string, unknown>) => payload,
) {
  const { view, filled: fill } = shown();
  return fake.click({
    ...me,
    in: { view: view.id },
    actionId: 'project',
    choice: project,
    filled: { ...fill(filled), ...fill({ project }) },
    alter,
  });
}

const lastRun = () =>
  liveRun(
    { requestedBy: { kind: 'slack', id: `${team}/${developer}`, name: 'developer' }, priority: 'low' },
    { parameters: { lr: 0.5 }, ref: 'wide', timeLimitS: 3_600 },
  );

describe('/train without words', () => {
  test('opens the form for the last run, answers nothing and stores nothing', async () => {
    m.runs = [lastRun()];
    const { shown: answer } = await train();
    assert.equal(answer, 'nothing');
    assert.equal(stored.length, 0);
    const { initial, view, field } = shown();
    assert.equal(view.given.callback_id, 'train');
    assert.equal(initial('project'), 'digits');
    assert.equal(initial('ref'), 'wide');
    assert.equal(initial('parameter:lr'), '0.5');
    assert.equal(initial('parameter:epochs'), '20');
    assert.equal(initial('parameter:optimiser'), 'adam');
    assert.equal(initial('parameter:augment'), 'false');
    assert.equal(initial('priority'), 'low');
    assert.equal(initial('time'), '1h');
    assert.match(field('parameter:lr').hint?.text ?? '', /Learning rate\. A number from 0 to 10\./);
  });

  test('asks for the project first where nothing is known of the person', async () => {
    await train();
    assert.deepEqual(shown().fields, ['project']);
    await choose('digits');
    assert.ok(shown().fields.includes('parameter:lr'));
    assert.equal(shown().initial('project'), 'digits');
  });

  test('with blanks only is the same, with words it is for the worker', async () => {
    await train('   ');
    assert.equal(stored.length, 0);
    await train('digits');
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['command'],
    );
  });

  test('a command without a form is for the worker', async () => {
    await fake.slash({ ...me, channel, command: '/signalbox', text: '' });
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['command'],
    );
  });

  test('a repeat of the same request opens nothing more and says nothing', async () => {
    const { delivery } = await train();
    const ack = await fake.replay(delivery);
    assert.equal(ack.status, 200);
    assert.equal(ack.body, undefined);
  });

  test('without a right to train says so, writes it down and opens nothing', async () => {
    policy = { ...usual, defaultRole: 'viewer' };
    const before = fake.count('views.open');
    const { shown: answer, delivery } = await train();
    assert.equal(answer, 'answer');
    assert.match(JSON.stringify(delivery.ack.body), /You may not use \/train\. It needs the role trainer/);
    assert.equal(fake.count('views.open'), before);
    assert.deepEqual(refused, [`command.refused ${team}/${developer}`]);
    assert.equal(stored.length, 0);
  });

  test('in another workspace than the bot is in is refused', async () => {
    const { delivery } = await fake.slash({
      ...me,
      channel,
      command: '/train',
      alter: fields => ({ ...fields, team_id: 'T000000077' }),
    });
    assert.match(JSON.stringify(delivery.ack.body), /ephemeral/);
    assert.deepEqual(refused, [`WORKSPACE_UNKNOWN T000000077/${developer}`]);
    assert.equal(stored.length, 0);
  });

  test('with no project configured says so', async () => {
    policy = { ...usual, projects: {} };
    const { delivery } = await train();
    assert.match(JSON.stringify(delivery.ack.body), /No project is configured/);
  });

  test('opens from the policy alone where the store does not answer in time', async () => {
    delay = () => new Promise(() => {});
    m.runs = [lastRun()];
    const { delivery } = await train();
    assert.equal(delivery.ack.problem, null);
    assert.deepEqual(shown().fields, ['project']);
  });

  test('that comes too late for its trigger says how to type it', async () => {
    lateMs = 2_600;
    const { shown: answer, delivery } = await train();
    assert.equal(answer, 'answer');
    assert.match(
      JSON.stringify(delivery.ack.body),
      /cannot be opened.*three seconds.*type it instead: \/train digits -p lr=0\.1/,
    );
  });

  const faults = ['rate-limited', 'server-error', 'cut'] as const;
  for (const fault of faults)
    test(`says how to type it where Slack answers: ${fault}`, async () => {
      fake.faults.next('views.open', fault);
      const { delivery } = await train();
      assert.match(JSON.stringify(delivery.ack.body), /type it instead: \/train/);
      assert.equal(stored.length, 0);
    });
});

describe('a Slack that says nothing', () => {
  test('is not waited for longer than the person waits', async () => {
    fake.faults.next('views.open', 'silent');
    const { shown: answer, delivery } = await train();
    assert.equal(answer, 'answer', `${delivery.ack.problem}`);
    assert.match(JSON.stringify(delivery.ack.body), /type it instead: \/train/);
  });
});

describe('shortcuts', () => {
  test('are two, each with its own name', () => {
    assert.deepEqual(
      formShortcuts.map(({ type, callback_id }) => [type, callback_id]),
      [
        ['global', 'train'],
        ['message', 'train_from_message'],
      ],
    );
  });

  test('the global one opens the form, and asks where the run is shown', async () => {
    m.runs = [lastRun()];
    await fake.shortcut({ ...me, callbackId: 'train' });
    assert.equal(shown().initial('project'), 'digits');
    assert.ok(shown().fields.includes('place'));
    const { outcome } = await submit({ place: 'C000000002' });
    assert.equal(outcome, 'closed');
    assert.equal(submissionSchema.parse(JSON.parse(stored[0]?.body ?? '')).place.kind, 'slack');
    assert.match(stored[0]?.body ?? '', /"channel":"C000000002"/);
  });

  test('without a place the run is shown to the person alone', async () => {
    m.runs = [lastRun()];
    await fake.shortcut({ ...me, callbackId: 'train' });
    await submit();
    const { place } = submissionSchema.parse(JSON.parse(stored[0]?.body ?? ''));
    assert.deepEqual(place, { kind: 'slack', team, channel: developer, user: developer });
  });

  test('of another name are for the worker', async () => {
    await fake.shortcut({ ...me, callbackId: 'else' });
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['interaction'],
    );
  });

  const messages: [name: string, text: string, initial: Record<string, string>][] = [
    [
      'a command',
      'try `/train digits -p lr=2 --ref a&amp;b` now',
      { project: 'digits', 'parameter:lr': '2', ref: 'a&b' },
    ],
    ['a run', 'look at #42, it is good', { project: 'digits', 'parameter:lr': '0.5', ref: 'wide' }],
    ['a project in prose', 'let us train tabular', { project: 'tabular' }],
    ['a link that shows a command', '<https://a.example|train digits -p lr=3>', { 'parameter:lr': '3' }],
  ];
  for (const [name, text, initial] of messages)
    test(`"Train from this" fills in ${name}`, async () => {
      m.runs = [{ ...lastRun(), requestedBy: { kind: 'slack', id: 'T1/U9', name: 'else' } }];
      const { ts } = fake.say({ ...me, channel, text });
      await fake.messageShortcut({ ...me, callbackId: 'train_from_message', channel, ts });
      for (const [field, value] of Object.entries(initial))
        assert.equal(shown().initial(field), value, field);
    });

  test('who may not train is told it where they are', async () => {
    policy = { ...usual, defaultRole: 'viewer' };
    const { ts } = fake.say({ ...me, channel, text: 'train digits' });
    const { responseUrl } = await fake.messageShortcut({
      ...me,
      callbackId: 'train_from_message',
      channel,
      ts,
    });
    assert.equal(told[0]?.said.code, 'ACCESS_DENIED');
    assert.deepEqual(told[0]?.place, { kind: 'slack', team, channel, user: developer, responseUrl });
  });

  test('a guest of another workspace is refused, and no form opens', async () => {
    const { ts } = fake.say({ ...me, channel, text: 'train digits' });
    const before = fake.count('views.open');
    await fake.messageShortcut({ user: stranger, callbackId: 'train_from_message', channel, ts });
    assert.equal(fake.count('views.open'), before);
    assert.equal(told[0]?.said.code, 'SENDER_FOREIGN');
    assert.deepEqual(refused, [`SENDER_FOREIGN ${team}/${stranger}`]);
    assert.equal(stored.length, 0);
  });
});

describe('while it is filled in', () => {
  test('another project brings its own fields, and keeps what has nothing to do with it', async () => {
    m.runs = [lastRun()];
    await train();
    const before = shown();
    await choose('tabular', { note: 'wider net', priority: 'high' });
    const now = shown();
    assert.equal(now.view.id, before.view.id);
    assert.ok(!now.fields.includes('parameter:lr'));
    assert.equal(now.initial('note'), 'wider net');
    assert.equal(now.initial('priority'), 'high');
    assert.equal(now.initial('ref'), 'HEAD');
    assert.notEqual(now.field('ref').block_id, before.field('ref').block_id);
    assert.equal(now.field('project').block_id, before.field('project').block_id);
  });

  test('a guest of another workspace changes nothing in it, and it is written down', async () => {
    await train();
    const before = fake.count('views.update');
    const user = { id: stranger, team_id: 'T000000002', name: 'stranger' };
    await choose('tabular', {}, payload => ({ ...payload, user }));
    assert.equal(fake.count('views.update'), before);
    assert.deepEqual(refused, [`SENDER_FOREIGN ${team}/${stranger}`]);
  });

  test('a project whose fields did not come is asked for them when it is sent', async () => {
    m.runs = [lastRun()];
    await train();
    fake.faults.next('views.update', 'server-error');
    const { delivery } = await choose('tabular');
    assert.equal(delivery.ack.status, 200);
    const { outcome } = await submit({ project: 'tabular' });
    assert.equal(outcome, 'updated');
    assert.equal(stored.length, 0);
    assert.ok(!shown().fields.includes('parameter:lr'));
    assert.equal((await submit()).outcome, 'closed');
    assert.match(stored[0]?.body ?? '', /"project":"tabular"/);
  });

  test('refs of earlier runs are suggested, and what is typed', async () => {
    const other = liveRun({ number: 43 }, { ref: 'narrow' });
    m.runs = [lastRun(), other, liveRun({ number: 44 }, { project: 'tabular', ref: 'elsewhere' })];
    await train();
    const suggest = async (query: string) =>
      (await fake.suggest({ ...me, actionId: 'ref', query })).options.map(({ value }) => value);
    assert.deepEqual(await suggest(''), ['main', 'narrow', 'wide']);
    assert.deepEqual(await suggest('NAR'), ['NAR', 'narrow']);
    assert.deepEqual(await suggest('narrow'), ['narrow']);
    assert.deepEqual(await suggest('v1.2'), ['v1.2']);
  });

  test('a long list of projects is searched', async () => {
    const one = usual.projects.tabular;
    assert.ok(one);
    const names = Array.from({ length: 150 }, (_, i) => `project-${i}`);
    policy = { ...usual, projects: Object.fromEntries(names.map(name => [name, one])) };
    await train();
    assert.equal(shown().field('project').element.type, 'external_select');
    const { options, refused: why } = await fake.suggest({ ...me, actionId: 'project', query: '14' });
    assert.equal(why, null);
    assert.deepEqual(
      options.map(({ value }) => value),
      ['project-14', ...names.slice(140), 'project-114'].sort((a, b) => names.indexOf(a) - names.indexOf(b)),
    );
    assert.equal((await fake.suggest({ ...me, actionId: 'project', query: '' })).options.length, 100);
  });

  test('nothing is suggested where the store is away, and nothing breaks', async () => {
    m.runs = [lastRun()];
    await train();
    delay = () => Promise.reject(new Error('away'));
    const { options, refused: why } = await fake.suggest({ ...me, actionId: 'ref', query: 'x' });
    assert.equal(why, null);
    assert.deepEqual(
      options.map(({ value }) => value),
      ['x'],
    );
  });

  test('whatever a project is like, Slack takes its form', async () => {
    const long = 'x'.repeat(300);
    policy = policySchema.parse({
      teams: { research: {} },
      projects: {
        odd: {
          team: 'research',
          source: '.',
          command: ['true'],
          ref: 'r'.repeat(200),
          parameters: {
            tiny: { type: 'number', default: 1e-7, hint: long.repeat(9) },
            huge: { type: 'integer', default: 9_007_199_254_740_991 },
            long: { type: 'choice', default: long, choices: [long, 'b'] },
            empty: { type: 'choice', default: '', choices: ['', 'b'] },
            many: { type: 'choice', default: 'c5', choices: Array.from({ length: 120 }, (_, i) => `c${i}`) },
            text: { type: 'text', default: ':smile: <!channel> *bold*' },
            ...Object.fromEntries(
              Array.from({ length: 90 }, (_, i) => [`p${i}`, { type: 'boolean', default: true }]),
            ),
          },
        },
      },
    });
    const { shown: answer, delivery } = await train();
    assert.equal(answer, 'nothing', JSON.stringify(delivery.ack.body));
    assert.equal(shown().initial('parameter:tiny'), '1e-7');
    assert.equal(shown().field('parameter:many').element.type, 'external_select');
    assert.equal(shown().field('parameter:long').element.type, 'plain_text_input');
    assert.equal((await submit()).outcome, 'closed');
    const { values } = submissionSchema.parse(JSON.parse(stored[0]?.body ?? ''));
    assert.equal(Object.keys(values.parameters ?? {}).length, 79);
  });
});

describe('when it is sent', () => {
  test('it is stored before it closes, and calls the command', async () => {
    m.runs = [lastRun()];
    const { responseUrl } = await train();
    const { view } = shown();
    const { outcome } = await submit({
      'parameter:lr': '3e-4',
      'parameter:optimiser': 'sgd',
      'parameter:augment': 'true',
      note: 'wider net',
    });
    assert.equal(outcome, 'closed');
    assert.equal(stored.length, 1);
    const [delivery] = stored;
    assert.ok(delivery);
    assert.equal(delivery.kind, 'submission');
    assert.equal(delivery.deliveryId, `view:${view.id}:${view.hash}`);
    const translated = slackSubmission.translate(JSON.parse(delivery.body), delivery.deliveryId);
    assert.ok(translated.kind === 'intent');
    assert.deepEqual(translated.intent, {
      key: `slack:view:${view.id}:${view.hash}`,
      actor: { kind: 'slack', id: `${team}/${developer}`, name: 'developer' },
      place: { kind: 'slack', team, channel, user: developer, responseUrl },
      wish: {
        kind: 'call',
        path: ['train'],
        values: {
          project: 'digits',
          ref: 'wide',
          gpus: 0,
          pool: 'local',
          time: 3_600,
          priority: 'low',
          note: 'wider net',
          parameters: { lr: '3e-4', epochs: '20', optimiser: 'sgd', augment: 'true' },
        },
      },
    });
  });

  test('what is wrong is said at its fields, and what was filled in stays', async () => {
    m.runs = [lastRun()];
    await train();
    const { outcome, errors } = await submit({ 'parameter:lr': '11', 'parameter:epochs': '0', time: '5h' });
    assert.equal(outcome, 'errors');
    const said = errorsAt(errors);
    assert.deepEqual(Object.keys(said).sort(), ['parameter:epochs', 'parameter:lr', 'time']);
    assert.equal(
      said['parameter:lr'],
      '11 is not a value for the parameter lr. It takes a number from 0 to 10.',
    );
    assert.equal(stored.length, 0);
    assert.equal((await submit({ 'parameter:lr': '1' })).outcome, 'closed');
  });

  test('more accelerators than there are is said at once', async () => {
    const one = {
      node: 'a',
      index: 0,
      kind: 'gpu' as const,
      model: 'NVIDIA H200',
      resource: 'nvidia.com/gpu',
      device: null,
      memoryMb: 1,
      healthy: true,
    };
    m.runs = [lastRun()];
    m.pools = [{ name: 'local', seenAt: new Date(), reachable: true, accelerators: [one] }];
    await train();
    assert.match(shown().field('gpus').hint?.text ?? '', /Free now: 1 of 1 in local\./);
    const { errors } = await submit({ gpus: '2' });
    assert.match(errorsAt(errors).gpus ?? '', /more than any machine of the pool local has \(1\)/);
  });

  test('with the store away it stays open and says so; sent again, it is taken', async () => {
    m.runs = [lastRun()];
    await train();
    const usualStoring = storing;
    storing = async () => {
      throw new SignalboxError('STORE_UNAVAILABLE');
    };
    const { outcome, errors } = await submit({ note: 'kept' });
    assert.equal(outcome, 'errors');
    assert.match(errors.project ?? '', /cannot store your request.*Nothing was done/);
    storing = usualStoring;
    assert.equal((await submit({ note: 'kept' })).outcome, 'closed');
    assert.match(stored[0]?.body ?? '', /kept/);
  });

  test('twice, it counts once; twice with other values, the second is refused', async () => {
    m.runs = [lastRun()];
    await train();
    const usualStoring = storing;
    // It is stored, and the answer gets lost: Slack keeps the modal open and lets the person try again.
    storing = async delivery => {
      await usualStoring(delivery);
      throw new Error('lost');
    };
    assert.equal((await submit()).outcome, 'errors');
    storing = usualStoring;
    const { outcome, errors } = await submit({ 'parameter:lr': '1' });
    assert.equal(outcome, 'errors');
    assert.match(errors.project ?? '', /sent before, with other values/);
    assert.equal((await submit()).outcome, 'closed');
    assert.equal(stored.length, 1);
  });

  test('a replay of the same bytes counts once', async () => {
    m.runs = [lastRun()];
    await train();
    const { delivery } = await submit();
    assert.equal((await fake.replay(delivery)).status, 200);
    assert.equal(stored.length, 1);
  });

  test('who may no longer train is refused, and it is written down', async () => {
    m.runs = [lastRun()];
    await train();
    policy = {
      ...usual,
      people: [{ slack: `${team}/${developer}`, name: 'developer', role: 'viewer', teams: [] }],
    };
    const { errors } = await submit();
    assert.match(errors.project ?? '', /You may not use \/train/);
    assert.deepEqual(refused, [`command.refused ${team}/${developer}`]);
    assert.equal(stored.length, 0);
  });

  const guarded: [name: string, role: 'trainer' | 'operator', breakglass: boolean, said: RegExp | null][] = [
    [
      'a trainer',
      'trainer',
      false,
      /^Work in production needs the role operator, and yours is trainer\. Ask /,
    ],
    ['a trainer in an emergency', 'trainer', true, null],
    ['an operator', 'operator', false, null],
  ];
  for (const [name, role, breakglass, said] of guarded)
    test(`a project in an environment for operators, as ${name}`, async () => {
      m.runs = [lastRun()];
      const me = { kind: 'slack', id: `${team}/${developer}`, name: 'developer' } as const;
      const [openedAt, until] = [new Date(0), new Date(Date.now() + 3_600_000)];
      const elevation = { id: 1, actor: me, why: 'x', openedAt, until, endedAt: null, review: null };
      if (breakglass) m.elevations = [elevation];
      const { digits } = usual.projects;
      assert.ok(digits);
      policy = {
        ...usual,
        environments: { production: { needs: 'operator' } },
        projects: { ...usual.projects, digits: { ...digits, runsIn: 'production' } },
        people: [{ slack: me.id, name: 'developer', role, teams: [] }],
      };
      await train();
      const { errors } = await submit();
      if (said) assert.match(errors.project ?? '', said);
      assert.equal(stored.length, said ? 0 : 1);
      assert.deepEqual(refused, said ? [`command.refused ${team}/${developer}`] : []);
    });

  test('a project that is gone is said at its field', async () => {
    m.runs = [lastRun()];
    await train();
    policy = { ...usual, projects: { tabular: usual.projects.tabular as Policy['projects'][string] } };
    const { errors } = await submit();
    assert.match(errors.project ?? '', /There is no project digits/);
  });

  test('two people fill in forms of their own', async () => {
    m.runs = [lastRun()];
    await train();
    await train('', operator);
    assert.deepEqual(shown(operator).fields, ['project']);
    assert.equal(shown().initial('project'), 'digits');
    await submit();
    await turn();
    assert.match(stored[0]?.body ?? '', new RegExp(`${team}/${developer}`));
  });
});
