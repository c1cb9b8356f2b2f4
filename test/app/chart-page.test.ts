import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chartPage } from '../../src/app/chart-page.ts';
import { chartLinkText, linkEnd } from '../../src/core/chart-link.ts';
import type { PicturePort } from '../../src/core/ports.ts';
import type { Run } from '../../src/core/run.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { usual } from '../support/charts.ts';
import { liveRun, noon } from '../support/live-run.ts';

/** Signs as the real one does as far as the page is concerned: what was signed is read, all else is not. */
const signed = (text: string) => `${Buffer.from(text).toString('base64url')}.mac`;
const signer = {
  read: async (value: string) =>
    value.endsWith('.mac') ? Buffer.from(value.slice(0, -4), 'base64url').toString() : null,
};
const link = { run: 42, metric: 'val_auc', theme: 'dark' as const, until: linkEnd(noon) };
const token = signed(chartLinkText(link));

function opened(run: Partial<Run> = {}, answer: Uint8Array | null = new Uint8Array([1, 2])) {
  const drawn: string[] = [];
  let now = noon;
  const pictures: PicturePort = {
    draw: async (_chart, { format, theme }) => {
      drawn.push(`${format} ${theme}`);
      return answer;
    },
  };
  const page = chartPage({
    signer,
    runs: { get: async number => (number === 42 ? liveRun({ number, ...run }) : null) },
    charts: { of: async (_, metric) => (metric === 'val_auc' ? usual : null) },
    pictures,
    clock: () => now,
    log: recordingLog().log,
  });
  const ask = (file: string) =>
    page.handle({ params: { '*': file }, query: new URLSearchParams(), cookie: '' });
  return { ask, drawn, pass: (ms: number) => (now = new Date(now.getTime() + ms)) };
}

describe('a picture at its signed address', () => {
  test('as PNG and SVG, in the theme that was signed, to be kept for a while', async () => {
    const { ask, drawn } = opened({ state: 'succeeded' });
    const png = await ask(`${token}.png`);
    assert.deepEqual(
      [png.status, png.headers?.['content-type'], png.body],
      [200, 'image/png', new Uint8Array([1, 2])],
    );
    assert.equal(png.headers?.['cache-control'], 'public, max-age=3600');
    const svg = await ask(`${token}.svg`);
    assert.match(svg.headers?.['content-security-policy'] ?? '', /default-src 'none'.*sandbox/);
    assert.deepEqual(drawn, ['png dark', 'svg dark']);
  });

  test('of a run that goes on it is drawn again after ten seconds, once for all who ask at once', async () => {
    const { ask, drawn, pass } = opened({ state: 'running' });
    const answers = await Promise.all([1, 2, 3].map(() => ask(`${token}.png`)));
    assert.equal(answers[0]?.headers?.['cache-control'], 'public, max-age=10');
    assert.equal(drawn.length, 1);
    pass(10_001);
    await ask(`${token}.png`);
    assert.equal(drawn.length, 2);
  });

  const rows: [name: string, file: string][] = [
    ['made up', `${Buffer.from(chartLinkText(link)).toString('base64url')}.forged.png`],
    ['no signature', 'a.png'],
    ['another kind of picture', `${token}.gif`],
    ['signed for something else', `${signed('T1|C1|cancel|42')}.png`],
    ['ended', `${signed(chartLinkText({ ...link, until: noon }))}.png`],
    ['a run that is gone', `${signed(chartLinkText({ ...link, run: 43 }))}.png`],
    ['a metric without a curve', `${signed(chartLinkText({ ...link, metric: 'loss' }))}.png`],
    ['a path', '../../etc/passwd.png'],
    ['nothing', ''],
  ];
  test('whatever is wrong with an address is answered alike', async () => {
    const { ask, drawn } = opened();
    const answers = new Set<string>();
    for (const [name, file] of rows) {
      const answer = await ask(file);
      assert.equal(answer.status, 404, name);
      answers.add(JSON.stringify(answer));
    }
    assert.equal(answers.size, 1);
    assert.deepEqual(drawn, []);
  });

  test('too many at once: later, and not kept', async () => {
    const { ask, drawn } = opened({}, null);
    for (let i = 0; i < 2; i++) {
      const { status, headers } = await ask(`${token}.png`);
      assert.deepEqual([status, headers?.['retry-after']], [503, '2']);
    }
    assert.equal(drawn.length, 2);
  });
});
