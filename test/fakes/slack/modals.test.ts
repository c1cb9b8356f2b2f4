import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  ask,
  developer,
  type FakeSlack,
  modal,
  openApp,
  openFake,
  operator,
  section,
  team,
  words,
} from './fixture.ts';

let fake: FakeSlack;
let app: Awaited<ReturnType<typeof openApp>>;
beforeEach(async () => {
  fake = await openFake();
  app = await openApp();
  fake.sendTo(app.url);
});
afterEach(async () => {
  await app.close();
  await fake.close();
});

const trigger = (user = developer) => fake.issueTrigger(team, user);
const open = (view = modal()) => ask(fake, 'views.open', { trigger_id: trigger(), view });
const push = () => ask(fake, 'views.push', { trigger_id: trigger(), view: modal() });
const shown = () => fake.modals({ user: developer });
const viewOf = (said: object) => (said as { view: { id: string; hash: string } }).view;

describe('views', () => {
  test('up to three lie upon each other', async () => {
    assert.equal((await push()).error, 'not_found');
    await open();
    assert.deepEqual(
      [(await push()).ok, (await push()).ok, (await push()).error],
      [true, true, 'push_limit_reached'],
    );
    const [root, second, third] = shown();
    assert.deepEqual([second?.root, third?.previous, second?.previous], [root?.id, second?.id, root?.id]);
  });

  test('a view is updated by its id and hash, or by its external id', async () => {
    const { id, hash } = viewOf(await open(modal({ external_id: 'mine' })));
    const update = (more: object) =>
      ask(fake, 'views.update', { view: modal({ external_id: 'mine' }), ...more });
    assert.equal((await update({ view_id: id, hash: 'x' })).error, 'hash_conflict');
    assert.equal((await update({ view_id: id, hash })).ok, true);
    assert.equal((await update({ view_id: id, hash })).error, 'hash_conflict');
    assert.equal((await update({ external_id: 'mine' })).ok, true);
    assert.equal((await update({ view_id: 'V1' })).error, 'not_found');
    const other = { trigger_id: trigger(operator), view: modal({ external_id: 'mine' }) };
    assert.equal((await ask(fake, 'views.open', other)).error, 'duplicate_external_id');
  });

  test('a Home is published for one person, and again over the old one', async () => {
    const publish = (text: string, hash = '') =>
      ask(fake, 'views.publish', {
        user_id: developer,
        view: { type: 'home', blocks: [section(text)] },
        hash,
      });
    const first = viewOf(await publish('one'));
    const second = viewOf(await publish('two', first.hash));
    assert.equal(first.id, second.id);
    assert.equal((await publish('three', first.hash)).error, 'hash_conflict');
    assert.match(JSON.stringify(fake.home({ user: developer })?.given), /two/);
    assert.equal(fake.home({ user: operator }), null);
    const modalAsHome = await ask(fake, 'views.publish', { user_id: developer, view: modal() });
    assert.equal(modalAsHome.error, 'invalid_arguments');
  });
});

describe('submissions', () => {
  const filled = { project: { name: 'digits' } };
  const errors = (given: object) => ({ body: { response_action: 'errors', errors: given } });
  const answers: [name: string, answer: object, outcome: string, open: number, refused: RegExp | null][] = [
    ['nothing', {}, 'closed', 1, null],
    ['clear', { body: { response_action: 'clear' } }, 'closed', 0, null],
    ['errors', errors({ project: 'No such project.' }), 'errors', 2, null],
    ['errors at no field', errors({ elsewhere: 'No.' }), 'failed', 2, /no input elsewhere/],
    ['no errors', errors({}), 'failed', 2, /without any/],
    [
      'update',
      { body: { response_action: 'update', view: modal({ title: words('Next') }) } },
      'updated',
      2,
      null,
    ],
    [
      'a bad update',
      { body: { response_action: 'update', view: modal({ title: words('') }) } },
      'failed',
      2,
      /invalid_arg/,
    ],
    ['push', { body: { response_action: 'push', view: modal() } }, 'pushed', 3, null],
    ['an unknown action', { body: { response_action: 'explode' } }, 'failed', 2, /explode/],
    ['an error', { status: 500 }, 'failed', 2, /http_error/],
  ];
  for (const [name, answer, outcome, left, refused] of answers)
    test(`answered with ${name} -> ${outcome}, ${left} open`, async () => {
      await open();
      await push();
      app.answer(answer);
      const result = await fake.submit({ user: developer, filled });
      assert.deepEqual([result.outcome, shown().length], [outcome, left]);
      if (refused) assert.match(result.refused ?? '', refused);
      else assert.equal(result.refused, null);
    });

  test('what was filled in comes with its type, also what was chosen at first and what is empty', async () => {
    const options = ['low', 'high'].map(value => ({ text: words(value), value }));
    const input = (id: string, element: object, more = {}) => ({
      ...{ type: 'input', block_id: id, label: words(id), element: { action_id: 'a', ...element } },
      ...more,
    });
    await open(
      modal({
        blocks: [
          input('name', { type: 'plain_text_input' }),
          input('priority', { type: 'static_select', options, initial_option: options[0] }),
          input('gpus', { type: 'number_input', is_decimal_allowed: false, max_value: '8' }),
          input('project', { type: 'external_select' }),
          input('note', { type: 'plain_text_input' }, { optional: true }),
        ],
      }),
    );
    const send = (more: object) =>
      fake.submit({
        user: developer,
        filled: { name: { a: 'x' }, gpus: { a: '8' }, project: { a: 'digits' }, ...more },
      });
    await assert.rejects(send({ name: { a: null } }), /name is empty/);
    await assert.rejects(send({ gpus: { a: '9' } }), /takes no 9/);
    await assert.rejects(send({ priority: { a: 'middle' } }), /no option middle/);
    await assert.rejects(send({ other: { a: 'x' } }), /no field other/);
    assert.equal(app.requests.length, 0);
    await send({});
    const { view, type } = app.payload() as { type: string; view: { state: { values: object } } };
    assert.equal(type, 'view_submission');
    assert.deepEqual(view.state.values, {
      name: { a: { type: 'plain_text_input', value: 'x' } },
      priority: { a: { type: 'static_select', selected_option: options[0] } },
      gpus: { a: { type: 'number_input', value: '8' } },
      project: {
        a: { type: 'external_select', selected_option: { text: words('digits'), value: 'digits' } },
      },
      note: { a: { type: 'plain_text_input', value: null } },
    });
  });

  test('closing is told only where the view wants it', async () => {
    await open();
    assert.equal(await fake.dismiss({ user: developer }), null);
    await open(modal({ notify_on_close: true, clear_on_close: true }));
    await push();
    await fake.dismiss({ user: developer });
    assert.deepEqual([app.requests.length, shown().length], [0, 1]);
    await fake.dismiss({ user: developer });
    const { type, is_cleared } = app.payload();
    assert.deepEqual([type, is_cleared, shown().length], ['view_closed', true, 0]);
  });
});

describe('suggestions', () => {
  const element = { type: 'external_select', action_id: 'menu', min_query_length: 1 };
  const view = modal({ blocks: [{ type: 'input', block_id: 'p', label: words('Project'), element }] });
  const option = (value: string) => ({ text: words('o'), value });
  const many = (count: number) => Array.from({ length: count }, (_, at) => option(`${at}`));
  const rows: [name: string, body: unknown, found: number, refused: RegExp | null][] = [
    ['options', { options: [option('a')] }, 1, null],
    ['100 options', { options: many(100) }, 100, null],
    ['101 options', { options: many(101) }, 0, /no more than 100 items/],
    ['groups', { option_groups: [{ label: words('g'), options: many(2) }] }, 2, null],
    ['nothing found', { options: [] }, 0, null],
    ['nothing', undefined, 0, /must provide an object/],
    ['a long value', { options: [option('x'.repeat(151))] }, 0, /less than 151/],
  ];
  for (const [name, body, found, refused] of rows)
    test(`${name} -> ${found} offered`, async () => {
      await open(view);
      app.answer({ body });
      const result = await fake.suggest({ user: developer, actionId: 'menu', query: 'd' });
      assert.equal(result.options.length, found);
      if (refused) assert.match(result.refused ?? '', refused);
      else assert.equal(result.refused, null);
      assert.deepEqual([app.payload().type, app.payload().value], ['block_suggestion', 'd']);
    });

  test('Slack asks only after enough letters, and only for menus that want it', async () => {
    await open(view);
    await assert.rejects(fake.suggest({ user: developer, actionId: 'menu', query: '' }), /more letters/);
    await assert.rejects(fake.suggest({ user: developer, actionId: 'name', query: 'd' }), /no external menu/);
  });
});
