// What a terminal shows of promotions, held to terminal/*.golden.txt. After a wanted change: SIGNALBOX_UPDATE_GOLDEN=1 node --test test/pictures/terminal.test.ts
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promotionTexts } from './promotions.ts';

const folder = join(import.meta.dirname, 'terminal');
const update = process.env.SIGNALBOX_UPDATE_GOLDEN === '1';
const ending = '.golden.txt';
const shown = await promotionTexts();

describe('what a terminal shows', () => {
  for (const [name, said] of Object.entries(shown))
    test(name, async () => {
      const path = join(folder, `${name}${ending}`);
      if (update) {
        await mkdir(folder, { recursive: true });
        await writeFile(path, said);
      }
      assert.equal(said, await readFile(path, 'utf8'));
    });

  test('nothing is held that is no longer shown', async () => {
    const held = (await readdir(folder)).map(file => file.slice(0, -ending.length));
    assert.deepEqual(held.sort(), Object.keys(shown).sort());
  });
});
