import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slackMessenger } from '../../../src/adapters/slack/messenger.ts';
import { patiently } from '../../../src/adapters/slack/patiently.ts';
import { ratesOf, type SlackCall } from '../../../src/adapters/slack/rates.ts';
import { MessengerError, type RateBudget } from '../../../src/core/ports.ts';
import { reply } from '../../../src/core/reply.ts';
import { ask, channel, developer, openFake, team, token } from '../../fakes/slack/fixture.ts';
import { recordingLog } from './support.ts';

const rows: [name: string, call: SlackCall, rates: [key: string, everyMs: number, burst: number][]][] = [
  [
    'a post: one a second in its channel, and those of the workspace',
    { method: 'chat.postMessage', team: 'T1', channel: 'C1' },
    [
      ['slack T1 post C1', 1_000, 1],
      ['slack T1 chat.postMessage', 207, 10],
    ],
  ],
  [
    'an edit: whatever its channel',
    { method: 'chat.update', team: 'T1', channel: 'C1' },
    [['slack T1 chat.update', 1_333, 5]],
  ],
  [
    'an edit that can wait: the same, and it leaves some',
    { method: 'chat.update', team: 'T1', patient: true },
    [['slack T1 chat.update', 1_333, 2]],
  ],
  [
    'what one person sees',
    { method: 'chat.postEphemeral', team: 'T2', channel: 'C1' },
    [['slack T2 chat.postEphemeral', 667, 10]],
  ],
  [
    'reading a channel',
    { method: 'conversations.history', team: 'T1' },
    [['slack T1 conversations.history', 1_333, 5]],
  ],
];
for (const [name, call, rates] of rows)
  test(`slack rates: ${name}`, () => {
    assert.deepEqual(
      ratesOf(call).map(({ key, everyMs, burst }) => [key, Math.round(everyMs), burst]),
      rates,
    );
  });

const busy = new MessengerError('It waits.', 'retry', 1, { busy: true });
const broken = new MessengerError('It is broken.', 'retry', 1);
const patience: [name: string, fails: Error[], calls: number, ends: Error | null][] = [
  ['at once', [], 1, null],
  ['after some waiting', [busy, busy], 3, null],
  ['not where it is broken', [broken], 1, broken],
  ['not where it breaks meanwhile', [busy, broken], 2, broken],
  ['not for ever', Array.from({ length: 20 }, () => busy), 10, busy],
];
for (const [name, fails, calls, ends] of patience)
  test(`slack rates: waited for ${name}`, async () => {
    let called = 0;
    const result = patiently(async () => {
      const error = fails[called++];
      if (error) throw error;
      return 'done';
    });
    if (ends) await assert.rejects(result, error => error === ends);
    else assert.equal(await result, 'done');
    assert.equal(called, calls);
  });

/** Grants what it is told to, one after another, and keeps who asked. */
function budgetOf(...waits: number[]) {
  const asked: string[][] = [];
  const held: [key: string, ms: number][] = [];
  const budget: RateBudget = {
    async reserve(rates) {
      asked.push(rates.map(({ key }) => key));
      return { waitMs: waits.shift() ?? 0 };
    },
    async hold(key, ms) {
      held.push([key, ms]);
    },
  };
  return { budget, asked, held };
}

test('slack rates: nothing is called before its turn, a 429 is told to all, and pages wait for one another', async t => {
  const fake = await openFake();
  t.after(() => fake.close());
  const { budget, asked, held } = budgetOf(700);
  const { send, find } = slackMessenger({
    tokens: { tokenFor: async () => token, failed: async () => {} },
    apiUrl: fake.apiUrl,
    signer: { sign: async words => words },
    budget,
    log: recordingLog().log,
  });
  const place = { kind: 'slack', team, channel, user: developer } as const;
  const message = {
    place,
    content: reply('Run #1', [], { audience: 'place' }),
    nonce: 'nonce-1',
    remote: null,
    thread: null,
  };
  const isBusy = (afterMs: number) => (error: unknown) =>
    error instanceof MessengerError && error.busy && error.outcome === 'retry' && error.afterMs === afterMs;

  await assert.rejects(send(message), isBusy(700));
  assert.equal(fake.calls.length, 0);
  assert.deepEqual(asked, [[`slack ${team} post ${channel}`, `slack ${team} chat.postMessage`]]);

  fake.faults.next('chat.postMessage', 'rate-limited');
  await assert.rejects(send(message), isBusy(1_000));
  assert.deepEqual(held, [[`slack ${team} post ${channel}`, 1_000]]);

  const { remote } = await send(message);
  for (let at = 0; at < 205; at++) await ask(fake, 'chat.postMessage', { channel, text: `later ${at}` });
  const later = slackMessenger({
    tokens: { tokenFor: async () => token, failed: async () => {} },
    apiUrl: fake.apiUrl,
    signer: { sign: async words => words },
    budget: budgetOf(0, 5, 5, 0).budget,
    log: recordingLog().log,
  });
  assert.deepEqual(await later.find(place, 'nonce-1', new Date(0)), remote);
  assert.equal(fake.count('conversations.history'), 2);
  assert.deepEqual(await find(place, 'nonce-1', new Date(0)), remote);
});
