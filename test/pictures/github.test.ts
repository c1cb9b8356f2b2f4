// What a pull request shows of its runs, held to github/*.golden.md. After a wanted change: SIGNALBOX_UPDATE_GOLDEN=1 node --test test/pictures/github.test.ts
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { renderComment, renderSummary } from '../../src/adapters/github/render.ts';
import { hostile, hostileNames, manyMetrics, markdown } from './github.ts';
import { promotionComments } from './promotions.ts';

const folder = join(import.meta.dirname, 'github');
const shown = { ...markdown, ...(await promotionComments()) };
const update = process.env.SIGNALBOX_UPDATE_GOLDEN === '1';
const ending = '.golden.md';
/** What GitHub takes in a comment; a summary is one character less. */
const mostCharacters = 65_535;

describe('what a pull request shows', () => {
  for (const [name, said] of Object.entries(shown))
    test(name, async () => {
      const path = join(folder, `${name}${ending}`);
      if (update) {
        await mkdir(folder, { recursive: true });
        await writeFile(path, `${said}\n`);
      }
      assert.equal(`${said}\n`, await readFile(path, 'utf8'));
    });

  test('nothing is held that is no longer shown', async () => {
    const held = (await readdir(folder)).map(file => file.slice(0, -ending.length));
    assert.deepEqual(held.sort(), Object.keys(shown).sort());
  });

  for (const [name, metric] of Object.entries(hostileNames))
    test(`a metric with ${name} in its name breaks no table, no chart and no details`, () => {
      const said = renderComment(hostile(metric));
      const rows = said.split('\n').filter(line => line.startsWith('|'));
      assert.ok(rows.length >= 3);
      for (const row of rows) assert.equal(row.replace(/\\\|/g, '').split('|').length, 6 + 2, row);
      // As many blocks as there are without it, and nothing in them that would end one.
      assert.equal(said.match(/^```/gm)?.length, 2 * 2);
      assert.equal(said.match(/<details>/g)?.length, 2);
      assert.equal(said.match(/<\/details>/g)?.length, 2);
      for (const [, source = ''] of said.matchAll(/^```mermaid\n([\s\S]*?)\n```$/gm)) {
        const lines = source.split('\n');
        assert.deepEqual(
          lines.map(line => line.trim().split(/[ :]/)[0]),
          ['%%{init', 'xychart-beta', 'title', 'x-axis', 'y-axis', 'line', 'line'],
        );
        for (const line of lines.slice(2)) assert.match(line, grammar);
      }
      // In a block of code GitHub looks for nothing.
      const read = said.replace(/^```mermaid\n[\s\S]*?\n```$/gm, '');
      assert.doesNotMatch(read, /@octocat|#\d|GH-\d|<img|<script|(?<!\\)\]\(javascript/);
    });

  test('a thousand metrics with long names fit, and what does not is said', () => {
    const said = manyMetrics();
    for (const text of [renderComment(said), renderSummary(said)])
      assert.ok(text.length <= mostCharacters, String(text.length));
    const blocks = Array.from({ length: 40 }, () => said.blocks).flat();
    const cut = renderSummary({ blocks });
    assert.ok(cut.length <= mostCharacters, String(cut.length));
    assert.match(cut, /_\d+ more parts are not shown here\._$/);
    assert.equal(cut.match(/<details>/g)?.length, cut.match(/<\/details>/g)?.length);
  });
});

/** A line of Mermaid's XY chart as its grammar has it: a title, an axis with its range, or a line with its numbers. */
const number = String.raw`[+-]?\d+(?:\.\d+)?`;
const text = String.raw`"[^"\n]*"`;
const grammar = new RegExp(
  `^  (?:title ${text}|[xy]-axis ${text} ${number} --> ${number}|line ${text} \\[${number}(?:, ${number})*\\])$`,
);
