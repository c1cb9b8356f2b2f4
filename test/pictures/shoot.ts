import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

/** Pixels of the picture for each pixel of the page, as on a phone's screen. */
const scale = 2;

/** Debian's Chromium, or the one that CHROMIUM names. */
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Opens Chromium with a fresh profile and no wish to talk to anybody, hands it a page, and closes it. */
export async function withPage<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'signalbox-pictures-'));
  try {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: chromiumPath,
      headless: true,
      chromiumSandbox: false,
      deviceScaleFactor: scale,
      offline: true,
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    try {
      return await work(await context.newPage());
    } finally {
      await context.close();
    }
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

/** A page as PNG, as high as it is. */
export async function shoot(page: Page, html: string, width: number): Promise<Buffer> {
  await page.setViewportSize({ width, height: 100 });
  await page.setContent(html);
  return await page.screenshot({ fullPage: true });
}
