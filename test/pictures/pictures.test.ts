// What people see in Slack, held to golden/*.golden.html. After a wanted change: SIGNALBOX_UPDATE_GOLDEN=1 node --test test/pictures/pictures.test.ts
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { pictures } from './pictures.ts';
import { chromiumPath, shoot, withPage } from './shoot.ts';

const folder = join(import.meta.dirname, 'golden');
const update = process.env.SIGNALBOX_UPDATE_GOLDEN === '1';
const ending = '.golden.html';
const shown = await pictures();

describe('what people see', () => {
  for (const [name, one] of Object.entries(shown))
    test(name, async () => {
      const lines = `${one.html.replace(/(?<=>)(?=<(?:div|p|ul|li|code|tr|td)\b)/g, '\n')}\n`;
      const path = join(folder, `${name}${ending}`);
      if (update) {
        await mkdir(folder, { recursive: true });
        await writeFile(path, lines);
      }
      assert.equal(lines, await readFile(path, 'utf8'));
    });

  test('nothing is held that is no longer shown', async () => {
    const held = (await readdir(folder)).map(file => file.slice(0, -ending.length));
    assert.deepEqual(held.sort(), Object.keys(shown).sort());
  });

  const skip = existsSync(chromiumPath) ? false : `there is no Chromium at ${chromiumPath}`;
  test('a phone shows all of it: only tables are scrolled sideways', { skip }, async () => {
    const width = 375;
    await withPage(async page => {
      for (const [name, one] of Object.entries(shown)) {
        const png = await shoot(page, one.page({ width, theme: 'dark' }), width);
        assert.equal(png.readUInt32BE(16), 2 * width, name);
        assert.deepEqual(await tooWide(page), [], name);
      }
    });
  });
});

/** The words of blocks that stand out of the message or the modal. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate<
    string[]
  >(`[...document.querySelectorAll('.slack_blocks_to_jsx--block_wrapper, .modal *')]
    .filter(block => !block.querySelector('table') && block.scrollWidth > block.clientWidth)
    .map(block => block.textContent)`);
}
