import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderHome } from '../../../src/adapters/slack/home.ts';
import { type ReplyAction, type ReplyBlock, reply } from '../../../src/core/reply.ts';
import { checkView } from '../../fakes/slack/blocks/surfaces.ts';

const again: ReplyAction = { action: 'retry', run: 42, label: 'Run again' };
const render = (...blocks: ReplyBlock[]) => renderHome(reply('Title', blocks), ({ run }) => `signed ${run}`);

test('a Home: in its order, each button below what it belongs to', () => {
  const { type, blocks } = render(
    { kind: 'heading', text: 'Your *runs*' },
    { kind: 'text', text: ['#42'] },
    { kind: 'actions', actions: [again] },
    { kind: 'actions', actions: [] },
    { kind: 'text', text: [''] },
    { kind: 'form', form: 'train', label: 'Train a model' },
    { kind: 'table', columns: [{ title: 'Run' }], rows: [['#42']] },
  );
  assert.equal(type, 'home');
  assert.deepEqual(
    blocks.map(block => block.type),
    ['header', 'rich_text', 'actions', 'actions', 'rich_text'],
  );
  assert.deepEqual(blocks[0], {
    type: 'header',
    text: { type: 'plain_text', text: 'Your *runs*', emoji: false },
  });
  assert.match(JSON.stringify(blocks[2]), /"action_id":"retry:42".*"value":"signed 42"/);
  assert.match(JSON.stringify(blocks[3]), /"action_id":"open:train"/);
  assert.deepEqual(checkView({ type, blocks }, 'home', false), { type, blocks });
});

test('a Home: of too many blocks, those that Slack takes', () => {
  const view = render(...Array.from({ length: 120 }, () => ({ kind: 'text' as const, text: ['x'] })));
  assert.equal(view.blocks.length, 100);
  assert.ok(checkView(view, 'home', false));
});
