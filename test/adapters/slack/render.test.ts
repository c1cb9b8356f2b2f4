import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderSlack, type SlackBlock } from '../../../src/adapters/slack/render.ts';
import { type ReplyAction, type ReplyBlock, reply, tones } from '../../../src/core/reply.ts';

const at = new Date('2025-03-04T05:06:07.890Z');

/** What a block shows, without its frame. */
function inside(block: SlackBlock | undefined): unknown {
  return block?.type === 'rich_text' ? block.elements : block;
}

function render(...blocks: ReplyBlock[]): SlackBlock[] {
  return renderSlack(reply('Title', blocks)).blocks.slice(1);
}

const text = (words: string, style?: object) => ({ type: 'text', text: words, ...(style ? { style } : {}) });
const section = (...elements: object[]) => ({ type: 'rich_text_section', elements });

const rows: [name: string, block: ReplyBlock, shows: object[]][] = [
  [
    'text',
    { kind: 'text', text: ['a ', { bold: 'b' }, { code: 'c' }] },
    [section(text('a '), text('b', { bold: true }), text('c', { code: true }))],
  ],
  [
    'a link',
    { kind: 'text', text: [{ link: 'https://example.com/a?b=1&c=2', text: 'see' }] },
    [section({ type: 'link', url: 'https://example.com/a?b=1&c=2', text: 'see' })],
  ],
  [
    'a link that is none',
    { kind: 'text', text: [{ link: 'javascript:alert(1)', text: 'see' }] },
    [section(text('see (javascript:alert(1))'))],
  ],
  [
    'a moment',
    { kind: 'text', text: [{ at }] },
    [
      section({
        type: 'date',
        timestamp: 1_741_064_767,
        format: '{date_short_pretty} {time}',
        fallback: '2025-03-04 05:06 UTC',
      }),
    ],
  ],
  ...['U123', 'T1/U123', 'slack:T1/U123'].map((person): [string, ReplyBlock, object[]] => [
    `the person ${person}`,
    { kind: 'text', text: [{ person, name: 'developer' }] },
    [section({ type: 'user', user_id: 'U123' })],
  ]),
  ...['token:ci', 'run:7', 'slack:T1/C1', 'U1> <!channel', ''].map(
    (person): [string, ReplyBlock, object[]] => [
      `nobody whom Slack knows (${person})`,
      { kind: 'text', text: [{ person, name: 'ci' }] },
      [section(text('ci'))],
    ],
  ),
  [
    'fields',
    {
      kind: 'fields',
      rows: [
        { label: 'Ref', value: [{ code: 'main' }] },
        { label: 'By', value: ['ci'] },
      ],
    },
    [
      section(
        text('Ref: ', { bold: true }),
        text('main', { code: true }),
        text('\nBy: ', { bold: true }),
        text('ci'),
      ),
    ],
  ],
  [
    'a list',
    { kind: 'list', items: [['a'], ['b', { bold: 'c' }], []] },
    [
      {
        type: 'rich_text_list',
        style: 'bullet',
        elements: [section(text('a')), section(text('b'), text('c', { bold: true }))],
      },
    ],
  ],
  [
    'code',
    { kind: 'code', text: 'a\n  b\n' },
    [{ type: 'rich_text_preformatted', elements: [text('a\n  b')] }],
  ],
  [
    'colours and bars of a terminal',
    { kind: 'code', text: '\u001b[31mred\u001b[0m\r\n10%\r20%\r\n\u001b]0;title\u0007end\u0000' },
    [{ type: 'rich_text_preformatted', elements: [text('red\n20%\nend·')] }],
  ],
  [
    'a command',
    { kind: 'text', text: ['Try ', { command: 'train list' }] },
    [section(text('Try '), text('/train list', { code: true }))],
  ],
  [
    'context',
    { kind: 'context', text: ['a ', { code: 'b' }] },
    [section(text('a ', { italic: true }), text('b', { italic: true, code: true }))],
  ],
  ['half a character', { kind: 'text', text: ['a\ud83d'] }, [section(text('a\ufffd'))]],
  ['text that turns around', { kind: 'text', text: ['a\u202eb'] }, [section(text('a·b'))]],
];

for (const [name, block, shows] of rows) {
  test(`render: ${name}`, () => assert.deepEqual(inside(render(block)[0]), shows));
}

const bars: [name: string, done: number, total: number, bar: string, percent: string][] = [
  ['none', 0, 10, '□□□□□□□□□□', '0 %'],
  ['half', 5, 10, '■■■■■□□□□□', '50 %'],
  ['nearly all', 999, 1000, '■■■■■■■■■□', '99 %'],
  ['all', 10, 10, '■■■■■■■■■■', '100 %'],
  ['more than all', 20, 10, '■■■■■■■■■■', '100 %'],
  ['less than none', -1, 10, '□□□□□□□□□□', '0 %'],
  ['of nothing', 0, 0, '□□□□□□□□□□', '0 %'],
  ['not a number', Number.NaN, 10, '□□□□□□□□□□', '0 %'],
];

for (const [name, done, total, bar, percent] of bars) {
  test(`render: progress, ${name}`, () => {
    const [block] = render({ kind: 'progress', done, total, label: 'epoch 1' });
    assert.deepEqual(inside(block), [section(text(`${bar} ${percent}`), text(' · epoch 1'))]);
  });
}

for (const [name, block] of [
  ['text', { kind: 'text', text: [] }],
  ['text of nothing', { kind: 'text', text: ['', { bold: '' }] }],
  ['fields', { kind: 'fields', rows: [] }],
  ['list', { kind: 'list', items: [[], ['']] }],
  ['code', { kind: 'code', text: '\n\n' }],
  ['table', { kind: 'table', columns: [], rows: [] }],
] satisfies [string, ReplyBlock][]) {
  test(`render: an empty ${name} is left out, for Slack refuses it`, () =>
    assert.deepEqual(render(block), []));
}

const table: ReplyBlock = {
  kind: 'table',
  columns: [{ title: 'Run', align: 'right' }, { title: 'Project' }],
  rows: [
    ['#1', 'digits'],
    ['#10', '*bold* <!here>\nnext'],
    ['', ''],
  ],
};

test('render: the first table is one, the next are text in columns', () => {
  const [first, second] = render(table, table);
  const raw = (words: string) => ({ type: 'raw_text', text: words });
  const heading = (title: string) => ({
    type: 'rich_text',
    elements: [section(text(title, { bold: true }))],
  });
  assert.deepEqual(first, {
    type: 'table',
    column_settings: [{ align: 'right' }, { align: 'left' }],
    rows: [
      [heading('Run'), heading('Project')],
      [raw('#1'), raw('digits')],
      [raw('#10'), raw('*bold* <!here> next')],
      [raw('–'), raw('–')],
    ],
  });
  const lines = ['Run  Project', ' #1  digits', '#10  *bold* <!here> next'];
  assert.deepEqual(inside(second), [{ type: 'rich_text_preformatted', elements: [text(lines.join('\n'))] }]);
});

test('render: a table keeps within 100 rows and says what is missing', () => {
  const rows = (count: number) => Array.from({ length: count }, (_, index) => [String(index)]);
  for (const [count, shown, last] of [
    [99, 100, '98'],
    [100, 100, 'and 2 more'],
    [150, 100, 'and 52 more'],
  ] as const) {
    const [block] = render({ kind: 'table', columns: [{ title: '#' }], rows: rows(count) });
    assert.equal(block?.type === 'table' && block.rows.length, shown);
    assert.deepEqual(block?.type === 'table' && block.rows.at(-1), [{ type: 'raw_text', text: last }]);
  }
});

for (const tone of tones) {
  test(`render: ${tone} has its own sign`, () => {
    const { text: line, blocks } = renderSlack(reply('Title', [], { tone }));
    assert.match(line, /^\p{Emoji}\ufe0f? Title$/u);
    assert.equal(JSON.stringify(blocks).match(/"type":"emoji"/g)?.length, 1);
  });
}

const hostile = [
  '<!channel>',
  '<@U1>',
  '<https://evil.example|x>',
  '&lt;!here&gt;',
  '*bold*',
  '_it_',
  '~no~',
  '`code`',
  '```\nfence',
  ':tada:',
  '> quote',
  '@channel',
  '"}]}',
];

for (const word of hostile) {
  test(`render: ${JSON.stringify(word)} comes out as it is, wherever it stands`, () => {
    const { text: line, blocks } = renderSlack(
      reply(word, [
        {
          kind: 'text',
          text: [word, { bold: word }, { code: word }, { command: word }, { person: word, name: word }],
        },
        { kind: 'fields', rows: [{ label: word, value: [word] }] },
        { kind: 'list', items: [[word]] },
        { kind: 'progress', done: 1, total: 2, label: word },
        { kind: 'context', text: [word] },
        { kind: 'code', text: word },
        { kind: 'table', columns: [{ title: word }], rows: [[word]] },
      ]),
    );
    assert.doesNotMatch(line, /[<>]|&(?!amp;|lt;|gt;)/);
    const seen = typesIn(blocks);
    // Only these show text as it is; of what Slack reads (`mrkdwn`, `plain_text`) there is nothing.
    const literal = ['raw_text', 'text', 'table', 'emoji', /^rich_text/];
    for (const type of seen)
      assert.ok(
        literal.some(known => (typeof known === 'string' ? known === type : known.test(type))),
        type,
      );
    const flat = word.replace('\n', ' ');
    const shown = textsIn(blocks).filter(line => line.includes(word) || line.includes(flat));
    assert.equal(shown.length, 14);
  });
}

function typesIn(value: unknown): string[] {
  return collect(value, 'type');
}

function textsIn(value: unknown): string[] {
  return collect(value, 'text');
}

function collect(value: unknown, key: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === key && typeof inner === 'string' ? [inner] : collect(inner, key),
  );
}

const long = 'line of a log 😀\n'.repeat(2000);

test('render: of long code the end is kept, from the start of a line, and it is said', () => {
  const [block] = render({ kind: 'code', text: `${long}the reason` });
  const [said, kept] = textsIn(block);
  assert.match(said ?? '', /^The last \d+ of 34010 characters:$/);
  assert.match(kept ?? '', /^line of a log 😀\n(?:.|\n)*the reason$/u);
  assert.ok((kept ?? '').length <= 2900);
});

test('render: one endless line is cut between characters', () => {
  const [block] = render({ kind: 'code', text: '😀'.repeat(5000) });
  assert.ok(textsIn(block).every(line => line.isWellFormed()));
});

test('render: a long title is cut between characters', () => {
  const { text: line, blocks } = renderSlack(reply(`x${'😀'.repeat(200)}`));
  assert.ok(line.isWellFormed() && line.endsWith('…') && line.length <= 160);
  assert.ok(JSON.stringify(blocks).length < 500);
});

const big: [name: string, blocks: ReplyBlock[]][] = [
  ['many blocks', Array.from({ length: 200 }, (_, i): ReplyBlock => ({ kind: 'text', text: [`${i}`] }))],
  ['long blocks', Array.from({ length: 20 }, (): ReplyBlock => ({ kind: 'code', text: long }))],
  ['long words', [{ kind: 'text', text: Array.from({ length: 3 }, () => '字'.repeat(5000)) }]],
  ['long lists', [{ kind: 'list', items: Array.from({ length: 500 }, (_, i) => [`item ${i}`]) }]],
  [
    'wide tables',
    [{ kind: 'table', columns: Array.from({ length: 40 }, () => ({ title: 'x' })), rows: [[]] }],
  ],
];

for (const [name, blocks] of big) {
  test(`render: ${name} stay within what Slack takes`, () => {
    const made = renderSlack(reply('Title', blocks)).blocks;
    assert.ok(made.length <= 50);
    assert.ok(Buffer.byteLength(JSON.stringify(made)) <= 11_000);
    assert.ok(textsIn(made).every(line => line.length > 0 && line.length <= 3000));
    for (const block of made)
      if (block.type === 'table') assert.ok(block.rows.every(row => row.length <= 20));
  });
}

test('render: what does not fit is counted', () => {
  const parts = Array.from({ length: 200 }, (): ReplyBlock => ({ kind: 'text', text: ['x'] }));
  assert.deepEqual(textsIn(renderSlack(reply('Title', parts)).blocks.at(-1)), [
    '152 more parts are not shown here.',
  ]);
});

const cancel: ReplyAction = {
  action: 'cancel',
  run: 42,
  label: 'Cancel :tada:',
  confirm: { title: 'Cancel?', text: 'It stops.', yes: 'Yes', no: 'No' },
};
const logs: ReplyAction = { action: 'logs', run: 42, label: 'Logs' };
const buttonValue = ({ action, run }: ReplyAction) => `signed ${action} ${run}`;
const literal = (words: string) => ({ type: 'plain_text', text: words, emoji: false });

test('render: buttons carry what they were given and ask before they count', () => {
  const { blocks } = renderSlack(reply('Title', [{ kind: 'actions', actions: [logs, cancel] }]), {
    buttonValue,
  });
  assert.deepEqual(blocks.slice(1), [
    {
      type: 'actions',
      elements: [
        { type: 'button', action_id: 'logs:42', text: literal('Logs'), value: 'signed logs 42' },
        {
          type: 'button',
          action_id: 'cancel:42',
          text: literal('Cancel :tada:'),
          value: 'signed cancel 42',
          confirm: {
            title: literal('Cancel?'),
            text: literal('It stops.'),
            confirm: literal('Yes'),
            deny: literal('No'),
            style: 'danger',
          },
        },
      ],
    },
  ]);
});

const without: [name: string, actions: ReplyAction[], around: Parameters<typeof renderSlack>[1]][] = [
  ['nobody can sign them', [logs], {}],
  ['there are none', [], { buttonValue }],
];
for (const [name, actions, around] of without)
  test(`render: no buttons where ${name}`, () => {
    assert.equal(renderSlack(reply('Title', [{ kind: 'actions', actions }]), around).blocks.length, 1);
  });

test('render: buttons stay last and whole, whatever is left out before them', () => {
  const parts = Array.from({ length: 200 }, (): ReplyBlock => ({ kind: 'code', text: long }));
  const actions: ReplyBlock = { kind: 'actions', actions: [logs, cancel] };
  for (const blocks of [
    [actions, ...parts],
    [...parts, actions],
    [...parts.slice(0, 60), actions],
  ]) {
    const made = renderSlack(reply('Title', blocks), { buttonValue }).blocks;
    assert.ok(made.length <= 50);
    assert.ok(Buffer.byteLength(JSON.stringify(made)) <= 11_000);
    assert.deepEqual(made.map(block => block.type).indexOf('actions'), made.length - 1);
    assert.match(textsIn(made.at(-2)).join(''), /parts are not shown here/);
  }
});

test('render: labels and questions keep within what Slack takes', () => {
  const words = '😀'.repeat(400);
  const confirm = { title: words, text: words, yes: words, no: words };
  const many = Array.from({ length: 30 }, (_, run): ReplyAction => ({ ...logs, run, label: words, confirm }));
  const block = renderSlack(reply('Title', [{ kind: 'actions', actions: many }]), { buttonValue }).blocks.at(
    -1,
  );
  assert.ok(block?.type === 'actions');
  assert.equal(block.elements.length, 25);
  const [first] = block.elements;
  assert.ok(first?.type === 'button' && first.confirm);
  const { title, text: asked, confirm: yes, deny } = first.confirm;
  const lengths = [first.text, title, asked, yes, deny].map(one => one?.text.length ?? 0);
  assert.ok(
    lengths.every((length, i) => length <= ([75, 100, 300, 30, 30][i] ?? 0)),
    String(lengths),
  );
});

const asked: [name: string, askedIn: string, shows: object[]][] = [
  ['a channel', 'C1', [{ type: 'channel', channel_id: 'C1' }]],
  ['a private channel of old', 'G1', [{ type: 'channel', channel_id: 'G1' }]],
  ['a direct message, which has no name', 'D1', [text('a conversation of yours', { italic: true })]],
];
for (const [name, askedIn, shows] of asked)
  test(`render: asked in ${name}, and shown to one person instead`, () => {
    const { blocks } = renderSlack(reply('Title', []), { askedIn });
    assert.deepEqual(inside(blocks[1]), [
      section(
        text('You asked for it in ', { italic: true }),
        ...shows,
        text(', where Signalbox cannot post.', { italic: true }),
      ),
    ]);
  });
