import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { replies } from './replies.ts';
import { shoot, withPage } from './shoot.ts';
import { drawn, type Frame, slackHtml } from './slack.ts';

/**
 * Draws what people see in Slack, as PNG. `draw.ts --to <folder> [--only name,name]`: every reply, on a phone and on a desktop, light and
 * dark. `draw.ts --readme`: the picture in the README. Needs Chromium (at /usr/bin/chromium, or where CHROMIUM says), and for Slack's
 * look the fonts Lato and Noto Color Emoji (in Debian fonts-lato and fonts-noto-color-emoji).
 */
const { values: options } = parseArgs({
  options: { to: { type: 'string' }, only: { type: 'string' }, readme: { type: 'boolean', default: false } },
});
const widths = { phone: 375, desktop: 760 };
const readmePicture = join(import.meta.dirname, '../../docs/pictures/run-message.png');
const shown = await replies();

async function draw(
  page: Page,
  name: string,
  path: string,
  look: Pick<Frame, 'width' | 'theme' | 'channel'>,
) {
  const one = shown[name];
  if (!one) throw new Error(`There is no reply ${name}. There are ${Object.keys(shown).join(', ')}.`);
  const hidden = one.reply.audience === 'sender';
  const html = slackHtml(drawn(one), { ...look, now: one.now, hidden, isHome: one.isHome ?? false });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await shoot(page, html, look.width));
}

await withPage(async page => {
  if (options.readme)
    await draw(page, 'running', readmePicture, {
      width: widths.desktop,
      theme: 'light',
      channel: 'training',
    });
  if (!options.to) return;
  for (const name of options.only?.split(',') ?? Object.keys(shown))
    for (const theme of ['light', 'dark'] as const)
      for (const [size, width] of Object.entries(widths))
        await draw(page, name, join(options.to, `${name}-${size}-${theme}.png`), { width, theme });
});
