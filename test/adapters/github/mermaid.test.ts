import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mermaidChart, mermaidText } from '../../../src/adapters/github/mermaid.ts';
import { renderComment } from '../../../src/adapters/github/render.ts';
import { reply } from '../../../src/core/reply.ts';
import { baseline, charts, points, run, usual } from '../../support/charts.ts';

/*
 * What Mermaid reads, line by line, from its grammar (packages/mermaid/src/diagrams/xychart/parser/xychart.jison): strings end at the next
 * double quote, numbers have no exponent, a list has at least one.
 */
const text = '"[^"`\\n;{}<>\\\\$&|]+"';
const number = '[+-]?(?:\\d+(?:\\.\\d+)?|\\.\\d+)';
const numbers = `\\[${number}(?:, ${number})*\\]`;
const grammar = new RegExp(
  [
    '^%%\\{init: \\{"themeVariables": \\{"xyChart": \\{"plotColorPalette": "#[0-9A-F]{6}(?:, #[0-9A-F]{6})*"\\}\\}\\}\\}%%',
    'xychart-beta',
    `  title ${text}`,
    `  x-axis ${text} ${number} --> ${number}`,
    `  y-axis ${text} ${number} --> ${number}`,
    `(?:  line ${text} ${numbers}\\n?)+$`,
  ].join('\\n'),
  'u',
);

/** How Mermaid walks an axis of numbers: every point must come out. */
function walked(source: string): number {
  const [, from, to] = (/x-axis "[^"]*" (\S+) --> (\S+)/.exec(source) ?? []).map(Number);
  const amount = lists(source)[0]?.length ?? 0;
  let steps = 0;
  for (let x = from ?? 0; x <= (to ?? 0); x += ((to ?? 0) - (from ?? 0)) / (amount - 1)) steps++;
  return steps;
}

function lists(source: string): number[][] {
  return [...source.matchAll(/ line "[^"]*" \[([^\]]*)\]/g)].map(([, list]) =>
    (list ?? '').split(', ').map(Number),
  );
}

/** Those that Mermaid cannot draw, and why. */
const undrawn: Record<string, string> = {
  'one-point': 'a line of one point is none',
  none: 'nothing is there',
  'as-large-as-numbers-get': 'hundreds of noughts',
  'as-small-as-numbers-get': 'hundreds of noughts',
};

describe('charts in Mermaid', () => {
  for (const [name, chart] of Object.entries(charts))
    test(name, () => {
      const drawn = mermaidChart(chart);
      assert.equal(drawn === null, name in undrawn, undrawn[name]);
      if (!drawn) return;
      assert.match(drawn.source, grammar);
      const [first, ...rest] = lists(drawn.source);
      assert.ok(first && first.length >= 2 && first.length <= 60);
      for (const list of rest) assert.equal(list.length, first.length);
      assert.equal(walked(drawn.source), first.length);
    });

  test('the run is drawn last, in front of its baseline, from its first to its last point', () => {
    const { source = '', words = [] } = mermaidChart(usual) ?? {};
    assert.match(source, /line "#38 \(main\)" .*\n {2}line "#42" \[0\.55, .*, 0\.91297\]$/);
    assert.match(
      words[0] ?? '',
      /^Blue, ending highest: #42, last 0\.913 at step 59, best 0\.9\d+ at step \d+$/,
    );
    assert.match(words[1] ?? '', /^Grey, ending lowest: #38 \(main\), /);
  });

  test('an extreme between two of its points is not lost', () => {
    const series = [run(points(1_000, i => (i === 777 ? 9 : Math.sin(i / 90))))];
    const drawn = mermaidChart({ ...usual, series });
    assert.ok(
      lists(drawn?.source ?? '')
        .flat()
        .includes(9),
    );
  });

  test('a baseline that ends early is drawn level, and that is said', () => {
    const series = [run(points(40, i => i)), baseline(points(20, i => i))];
    const { source = '', words = [] } = mermaidChart({ ...usual, series }) ?? {};
    assert.equal(lists(source)[0]?.at(-1), 19);
    assert.match(words[1] ?? '', /drawn level where it has no points/);
  });

  const names: [said: string, shows: string][] = [
    ['val_auc (%)', 'val_auc (%)'],
    ['a"b', 'a·b'],
    ['"`md`"', '··md··'],
    ['```\n@octocat', '··· @octocat'],
    ['%%{init: {}}%%', '%·init: ···%'],
    ['#quot;<b>&amp;', '#quot··b··amp·'],
    ['$$x^2$$', '··x·2··'],
    ['\u202eabc', '·abc'],
    ['loss 📉', 'loss 📉'],
    ['', '–'],
  ];
  for (const [said, shows] of names)
    test(`the name ${JSON.stringify(said)}`, () => assert.equal(mermaidText(said), shows));

  test('in a comment: a picture in both themes where Mermaid cannot, words in any case', () => {
    const pictures = { light: 'https://example.com/charts/a.png', dark: 'https://example.com/charts/"b.png' };
    const shown = (chart: object) => renderComment(reply('Title', [{ kind: 'chart', ...usual, ...chart }]));
    assert.match(shown({ pictures }), /```mermaid\n[^`]*\n```\n\n- Blue/);
    const one = charts['one-point'] ?? usual;
    const lines = shown({ ...one, pictures });
    assert.match(
      lines,
      /<picture><source [^>]*srcset="https:\/\/example\.com\/charts\/%22b\.png"><img src="https:/,
    );
    assert.match(lines, /only 0\.5 at step 100/);
    assert.match(shown(one), /<b>val\\_auc of/);
    assert.doesNotMatch(shown({ ...one, pictures: { light: 'javascript:1', dark: 'x' } }), /<img/);
    assert.equal(shown(charts.none ?? usual), renderComment(reply('Title', [])));
  });
});
