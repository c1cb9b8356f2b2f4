import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { type Picture, pictures } from './pictures.ts';
import { shoot, withPage } from './shoot.ts';
import type { Look } from './slack.ts';

/**
 * Draws what people see in Slack, as PNG. `draw.ts --to <folder> [--only name,name]`: every reply and modal, on a phone and on a desktop, light and
 * dark. `draw.ts --readme`: the picture in the README. Needs Chromium (at /usr/bin/chromium, or where CHROMIUM says), and for Slack's
 * look the fonts Lato and Noto Color Emoji (in Debian fonts-lato and fonts-noto-color-emoji).
 */
const { values: options } = parseArgs({
  options: { to: { type: 'string' }, only: { type: 'string' }, readme: { type: 'boolean', default: false } },
});
const phone = 375;
const readmePicture = join(import.meta.dirname, '../../docs/pictures/run-message.png');
const all = await pictures();

async function draw(page: Page, name: string, path: string, look: (picture: Picture) => Look) {
  const one = all[name];
  if (!one) throw new Error(`There is no picture ${name}. There are ${Object.keys(all).join(', ')}.`);
  const shown = look(one);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await shoot(page, one.page(shown), shown.width));
}

await withPage(async page => {
  if (options.readme)
    await draw(page, 'running', readmePicture, ({ desktop }) => ({
      width: desktop,
      theme: 'light',
      channel: 'training',
    }));
  if (!options.to) return;
  for (const name of options.only?.split(',') ?? Object.keys(all))
    for (const theme of ['light', 'dark'] as const) {
      const path = (size: string) => join(options.to ?? '', `${name}-${size}-${theme}.png`);
      await draw(page, name, path('phone'), () => ({ width: phone, theme }));
      await draw(page, name, path('desktop'), ({ desktop }) => ({ width: desktop, theme }));
    }
});
