import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { codeBlock, codeSpan, escapeMarkdown, link } from '../../../src/adapters/github/markdown.ts';
import { renderComment, renderSummary } from '../../../src/adapters/github/render.ts';
import { type ReplyBlock, reply } from '../../../src/core/reply.ts';

const at = new Date('2025-03-04T05:06:07.890Z');
/** The sign that keeps a mention or a reference from being one. */
const j = '\u2060';

describe('a part of a reply as Markdown', () => {
  const rows: [name: string, block: ReplyBlock, expected: string][] = [
    ['text', { kind: 'text', text: ['a ', { bold: 'b' }, ' ', { code: 'c' }] }, 'a <b>b</b> `c`'],
    ['a command', { kind: 'text', text: [{ command: 'train why 42' }] }, '`/train why 42`'],
    [
      'a link',
      { kind: 'text', text: [{ link: 'https://example.com/a?b=1', text: 'see' }] },
      '[see](<https://example.com/a?b=1>)',
    ],
    ['a link that is none', { kind: 'text', text: [{ link: 'javascript:x()', text: 'see' }] }, 'see'],
    ['a moment', { kind: 'text', text: [{ at }] }, '2025-03-04 05:06 UTC'],
    ['a person', { kind: 'text', text: [{ person: 'github:octocat', name: 'octocat' }] }, '<b>octocat</b>'],
    ['a heading', { kind: 'heading', text: 'Queue' }, '##### Queue'],
    ['small print', { kind: 'context', text: ['fine'] }, '<sub>fine</sub>'],
    ['no small print', { kind: 'context', text: [''] }, ''],
    [
      'fields',
      {
        kind: 'fields',
        rows: [
          { label: 'Code', value: [{ code: 'abc1234' }, ' (main)'] },
          { label: 'On', value: ['1 GPU'] },
        ],
      },
      '- <b>Code:</b> `abc1234` (main)\n- <b>On:</b> 1 GPU',
    ],
    [
      'a table',
      { kind: 'table', columns: [{ title: 'run' }, { title: 'loss', align: 'right' }], rows: [['4', '0.1']] },
      '| run | loss |\n| --- | ---: |\n| 4 | 0.1 |',
    ],
    ['a list', { kind: 'list', items: [['a'], ['b']] }, '- a\n- b'],
    [
      'progress',
      { kind: 'progress', done: 1, total: 4, label: 'epoch 1 of 4' },
      `${'█'.repeat(5)}${'░'.repeat(15)} 25 % · epoch 1 of 4`,
    ],
    ['code', { kind: 'code', text: 'a\nb' }, '```text\na\nb\n```'],
    [
      'much code, folded away',
      { kind: 'code', text: 'x\n'.repeat(13) },
      `<details><summary>13 lines</summary>\n\n\`\`\`text\n${'x\n'.repeat(13)}\`\`\`\n\n</details>`,
    ],
    [
      'what could be a button',
      { kind: 'actions', actions: [{ action: 'cancel', run: 42, label: 'Cancel' }] },
      '<sub>To say here: `/train cancel 42`</sub>',
    ],
    [
      'details, with Markdown inside',
      {
        kind: 'details',
        title: 'To repeat',
        blocks: [
          { kind: 'text', text: [{ code: 'x' }] },
          { kind: 'list', items: [['a']] },
        ],
      },
      '<details><summary>To repeat</summary>\n\n`x`\n\n- a\n\n</details>',
    ],
    ['details of nothing', { kind: 'details', title: 'To repeat', blocks: [] }, ''],
    [
      'details whose title is no Markdown and no HTML',
      {
        kind: 'details',
        title: '</summary> @octocat #1 **a** `b` <b> & www.example.com',
        blocks: [{ kind: 'text', text: ['a'] }],
      },
      `<details><summary>&#60;/summary&#62; @${j}octocat #${j}1 **a** &#96;b&#96; &#60;b&#62; &#38; www${j}.example.com</summary>\n\na\n\n</details>`,
    ],
    ['no buttons', { kind: 'actions', actions: [] }, ''],
    ['a form, which GitHub has not', { kind: 'form', form: 'train', label: 'Ask' }, ''],
  ];
  for (const [name, block, expected] of rows)
    test(name, () => assert.equal(renderSummary({ blocks: [block] }), expected));

  test('its title with a sign of how it went', () => {
    const said = reply('#42 digits failed', [{ kind: 'text', text: ['why'] }], { tone: 'failure' });
    assert.equal(renderComment(said), `#### ❌ \\#${j}42 digits failed\n\nwhy`);
  });

  test('more than GitHub takes is cut between two parts, and said', () => {
    const text = 'x'.repeat(20_000);
    const said = renderSummary({ blocks: Array.from({ length: 5 }, () => ({ kind: 'text', text: [text] })) });
    assert.ok(said.length < 65_536);
    assert.match(said, /_3 more parts are not shown here\._$/);
  });
});

describe('text of people stays text', () => {
  const rows: [name: string, text: string, expected: string][] = [
    ['a mention', '@everyone', `@${j}everyone`],
    ['a mention of a team', '@example/team', `@${j}example/team`],
    ['an address of mail', 'a@b.example', `a@${j}b.example`],
    ['a mention that another part ends', 'by @', `by @${j}`],
    ['an issue', 'fixes #12', `fixes \\#${j}12`],
    ['an issue elsewhere', 'a/b#12', `a/b\\#${j}12`],
    ['an issue by its old name', 'GH-12', `GH${j}-12`],
    ['an address', 'https://evil.example', `https:${j}//evil.example`],
    ['an address without a scheme', 'www.evil.example', `www${j}.evil.example`],
    ['a comment of HTML', '<!-- x', '&lt;\\!-- x'],
    ['the end of a fold', '</details>', '&lt;/details&gt;'],
    ['an image', '![x](y)', '\\!\\[x\\](y)'],
    ['code', '`x`', '\\`x\\`'],
    ['a fence', '```\nx', '\\`\\`\\` x'],
    ['a heading', '# x', '\\# x'],
    ['a list', '- x', '\\- x'],
    ['a list with a plus', '+ x', '\\+ x'],
    ['a list with numbers', '1. x', '1\\. x'],
    ['a version, which is no list', 'v1.2', 'v1.2'],
    ['a name with a dash', 'a-b', 'a-b'],
    ['a quote', '> x', '&gt; x'],
    ['bold', '**x** __y__', '\\*\\*x\\*\\* \\_\\_y\\_\\_'],
    ['the cell of a table', 'a | b', 'a &vert; b'],
    ['an entity', '&lt;b&gt;', '&amp;lt;b&amp;gt;'],
    ['a backslash before a sign', '\\*', '\\\\\\*'],
    ['a formula', '$x$', '\\$x\\$'],
    ['several lines', 'a\n\n# b', 'a \\# b'],
    ['a mark that turns the direction', 'a\u202eb', 'a·b'],
    ['a joiner that hides', '@\u2060x', `@${j}·x`],
    ['half a character', 'a\ud800', 'a\ufffd'],
    ['colours of a terminal', '\u001b[31mred\u001b[0m', 'red'],
  ];
  for (const [name, text, expected] of rows) test(name, () => assert.equal(escapeMarkdown(text), expected));
});

test('code shows any text, and ends where it ends', () => {
  assert.equal(codeSpan('a'), '`a`');
  assert.equal(codeSpan('@everyone <b>'), '`@everyone <b>`');
  assert.equal(codeSpan('a`b|c'), '<code>a&#96;b&#124;c</code>');
  assert.equal(codeSpan(''), '');
  assert.equal(codeBlock('a'), '```text\na\n```');
  assert.equal(codeBlock('```\n````\nx'), '`````text\n```\n````\nx\n`````');
});

test('a link leads to the web alone, and cannot be left', () => {
  assert.equal(link('https://a.example/x>)y|`', 'a]b'), '[a\\]b](<https://a.example/x%3E)y%7C%60>)');
  for (const address of ['javascript:alert(1)', 'data:text/html,x', 'x', '//a.example'])
    assert.equal(link(address, 'x'), 'x');
});
