import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { commandHeads, commandLines } from '../../src/core/comment-lines.ts';

test('every command begins with one of the words that are looked for', () => {
  assert.deepEqual(commandHeads, [...new Set(commands.map(command => command.path[0]))].toSorted(inOrder));
});
const inOrder = (a: string, b: string) => commandHeads.indexOf(a) - commandHeads.indexOf(b);

describe('the commands in a comment', () => {
  const tick = '`';
  const fence = tick.repeat(3);
  const rows: [name: string, body: string, expected: string[]][] = [
    ['one line', '/train digits -p lr=0.1', ['1 train digits -p lr=0.1']],
    ['several, with words between', '/train digits\n\nand\n/gpu usage', ['1 train digits', '4 gpu usage']],
    ['line ends of Windows', 'hello\r\n/train list\r\n/gpu\r\n', ['2 train list', '3 gpu']],
    ['twice the same', '/train digits\n/train digits', ['1 train digits', '2 train digits']],
    ['space after it', '/train list   ', ['1 train list']],
    ['a tab between', '/train\tlist', ['1 train\tlist']],
    ['the name alone', '/signalbox', ['1 signalbox']],
    ['in a sentence', 'please /train digits', []],
    ['with space before it', ' /train digits', []],
    ['indented code', '    /train digits', []],
    ['indented by a tab', '\t/train digits', []],
    ["somebody else's command", '/lgtm\n/retest\n/trained digits', []],
    ['a path', '/train/digits', []],
    ['another case', '/Train digits', []],
    ['no slash', 'train digits', []],
    ['a full-width slash', '／train digits', []],
    ['a quote', '> /train digits', []],
    ['a quote without space', '>/train digits', []],
    ['an indented quote', '   > /train digits', []],
    ['a quote in a quote', '> > /train digits', []],
    ['the rest of a quoted paragraph', '> as you said\n/train digits', []],
    ['after a quote', '> as you said\n\n/train digits', ['3 train digits']],
    ['after a quote and a rule', '> as you said\n---\n/train digits', ['3 train digits']],
    ['a fence', `${fence}\n/train digits\n${fence}`, []],
    ['a fence with a language', `${fence}sh\n/train digits\n${fence}`, []],
    ['a fence of tildes', '~~~\n/train digits\n~~~', []],
    ['a fence without an end', `${fence}\n/train digits`, []],
    ['after a fence', `${fence}\nx\n${fence}\n/train digits`, ['4 train digits']],
    ['a fence closed by a shorter one', `${fence}${tick}\nx\n${fence}\n/train digits`, []],
    ['a fence closed by a longer one', `${fence}\nx\n${fence}${tick}\n/train digits`, ['4 train digits']],
    ['a fence closed by another sign', `${fence}\nx\n~~~\n/train digits`, []],
    ['a fence closed by one with words', `${fence}\nx\n${fence} x\n/train digits`, []],
    ['code in a line, which is no fence', `${fence}x${fence}\n/train digits`, ['2 train digits']],
    ['a fence after a quote', `> x\n${fence}\n/train digits\n${fence}`, []],
    ['a comment of HTML', '<!--\n/train digits\n-->', []],
    ['a comment of HTML without an end', '<!-- x\n\n/train digits', []],
    ['after a comment of HTML', '<!-- x -->\n/train digits', ['2 train digits']],
    ['a comment of HTML that is empty', '<!-->\n/train digits', ['2 train digits']],
    ['two comments of HTML, the second open', '<!-- a --> <!-- b\n/train digits\n-->', []],
    ['a comment of HTML in a line', 'see <!-- x\n/train digits\n-->', []],
    ['the sign of one that never ends there', 'see <!-- in code\n\n/train digits', ['3 train digits']],
    ['preformatted', '<pre>\n/train digits\n</pre>\n/gpu', ['4 gpu']],
    ['a quote of HTML', '<blockquote>\n\n/train digits\n</blockquote>', []],
    ['code of HTML', 'x <code>\n/train digits\n</code>', []],
    ['another element', '<details>\n\n/train digits\n</details>', ['3 train digits']],
    ['a word that begins like one', '<preview>\n/train digits', ['2 train digits']],
    ['nothing', '', []],
  ];
  for (const [name, body, expected] of rows)
    test(name, () =>
      assert.deepEqual(
        commandLines(body).map(({ line, words }) => `${line} ${words}`),
        expected,
      ),
    );

  test('a long comment of nothing but openings is read in no time', () => {
    const started = performance.now();
    for (const part of ['<!-- ', '<pre>', '> \n', '```\n', '<!-- x\n', 'x <!--\n', 'x <!-- ', '-->x<!--'])
      commandLines(part.repeat(65_536 / part.length));
    assert.ok(performance.now() - started < 2_000);
  });
});
