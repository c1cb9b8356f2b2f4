import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { tokenRefusals } from '../../src/app/token-refusals.ts';
import { countRefusals } from '../../src/app/webhook-refusals.ts';
import { type Actor, system, tokenActor } from '../../src/core/actor.ts';
import { defineCommand } from '../../src/core/command.ts';
import { SignalboxError } from '../../src/core/errors.ts';
import type { Intent } from '../../src/core/intent.ts';
import type { AuditEntry, Token } from '../../src/core/ports.ts';
import { webhookRefusals } from '../../src/core/webhook.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const people = [{ slack: 'T1/U2', name: 'hubot', role: 'viewer' as const, teams: [] }];

const broken = (code: 'IDEMPOTENCY_CONFLICT' | 'STORE_UNAVAILABLE') =>
  defineCommand({
    ...{ path: ['broken'], summary: 'It breaks.', access: 'none', arguments: [], flags: [], needs: [] },
    examples: ['broken'],
    run: async () => {
      throw new SignalboxError(code);
    },
  });

async function said(actor: Actor, wish: Intent['wish'], extra = broken('IDEMPOTENCY_CONFLICT')) {
  const entries: AuditEntry[] = [];
  const ports = memoryPorts(memory({ runs: [liveRun()] }));
  const audit = { ...ports.audit, append: async (entry: AuditEntry) => void entries.push(entry) };
  const deps = { commands: [...commands, extra], policy: { ...policy, people }, ports: { ...ports, audit } };
  const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
  const answer = await dispatch({ key: 'k', actor, place, wish }, deps, noon).catch((err: unknown) => err);
  return { answer, entries };
}

describe('refused deliveries', () => {
  const set = (append: (entry: AuditEntry) => Promise<void>) =>
    countRefusals({ sources: ['slack'], audit: { append }, log, clock: () => noon });

  test('are one row however many they are, with what was wrong; none where there were none', async () => {
    const entries: AuditEntry[] = [];
    const refusals = set(async entry => void entries.push(entry));
    await refusals.flush();
    assert.equal(entries.length, 0);
    for (let n = 0; n < 500; n += 1) refusals.refused('slack', 'signature-wrong');
    refusals.refused('slack', 'no-timestamp');
    await refusals.flush();
    await refusals.flush();
    const reason = '501 refused: signature-wrong 500, no-timestamp 1';
    const by = { 'signature-wrong': 500, 'no-timestamp': 1 };
    const entry = { actor: system, action: 'webhook.refused', subject: 'webhook:slack', outcome: 'refused' };
    assert.deepEqual(entries, [{ ...entry, details: { count: 501, reason, by } }]);
    refusals.refused('slack', 'unreadable');
    await refusals.flush();
    assert.equal(entries[1]?.details.count, 1);
    const counts = refusals.counts();
    assert.equal(counts.length, webhookRefusals.length);
    assert.equal(counts.find(({ why }) => why === 'signature-wrong')?.count, 500);
    assert.equal(counts.find(({ why }) => why === 'timestamp-off')?.count, 0);
  });

  test('wait for a log that is away, with those that come meanwhile', async () => {
    const entries: unknown[] = [];
    let isAway = true;
    const refusals = set(async entry => {
      if (isAway) throw new Error('away');
      entries.push(entry.details.count);
    });
    refusals.refused('slack', 'timestamp-off');
    const flushed = refusals.flush();
    refusals.refused('slack', 'timestamp-off');
    await flushed;
    isAway = false;
    await refusals.flush();
    assert.deepEqual(entries, [2]);
  });
});

describe('every refused command is written down once, under what it was about', () => {
  const rows: [name: string, actor: Actor, words: string, code: string, subject: string][] = [
    ['nobody understands it', octocat, 'tran digits', 'COMMAND_UNKNOWN', 'slack:T1/U1'],
    ['nothing', octocat, '', 'COMMAND_EMPTY', 'slack:T1/U1'],
    ['a flag that is none', octocat, 'train cancel 42 --now', 'FLAG_UNKNOWN', 'slack:T1/U1'],
    ['not allowed by role', hubot, 'train digits', 'ACCESS_DENIED', 'slack:T1/U2'],
    ['not allowed by role, about a run', hubot, 'train cancel 42', 'ACCESS_DENIED', 'run:42'],
    ["another's run", { ...hubot, id: 'T1/U3' }, 'train cancel #42', 'ACCESS_DENIED', 'run:42'],
    ['no such run', octocat, 'train status 43', 'RUN_NOT_FOUND', 'run:43'],
    ['the audit log itself', octocat, 'signalbox audit #42', 'ACCESS_DENIED', 'slack:T1/U1'],
    ['refused from within', octocat, 'broken', 'IDEMPOTENCY_CONFLICT', 'slack:T1/U1'],
  ];
  for (const [name, actor, words, code, subject] of rows)
    test(name, async () => {
      const { answer, entries } = await said(actor, { kind: 'words', words });
      assert.equal((answer as { ok: boolean }).ok, false);
      const details = { code, words, place: 'slack' };
      assert.deepEqual(entries, [{ actor, action: 'command.refused', subject, outcome: 'refused', details }]);
    });

  test('as a call with values', async () => {
    const wish = { kind: 'call', path: ['train', 'cancel'], values: { run: 42 } } as const;
    const { entries } = await said(hubot, wish);
    assert.deepEqual(
      entries.map(({ subject, details }) => [subject, details.words]),
      [['run:42', 'train cancel']],
    );
  });

  test('in words that the database takes, however they are cut', async () => {
    const { entries } = await said(octocat, { kind: 'words', words: `${'x'.repeat(499)}\u{1f600}\u0000` });
    const words = String(entries[0]?.details.words);
    assert.equal(words.length, 500);
    assert.ok(words.isWellFormed());
  });

  const silent: [name: string, actor: Actor, words: string][] = [
    ['what is done', octocat, 'train status 42'],
    ['help', hubot, 'train cancel --help'],
  ];
  for (const [name, actor, words] of silent)
    test(`nothing of ${name}`, async () => {
      const { answer, entries } = await said(actor, { kind: 'words', words });
      assert.deepEqual([(answer as { ok: boolean }).ok, entries], [true, []]);
    });

  test('nothing of what is not the asker’s fault, which is tried again', async () => {
    const { answer, entries } = await said(
      octocat,
      { kind: 'words', words: 'broken' },
      broken('STORE_UNAVAILABLE'),
    );
    assert.ok(answer instanceof SignalboxError);
    assert.deepEqual(entries, []);
  });
});

describe('refused tokens', () => {
  const ci: Token = {
    id: 't1',
    name: 'ci',
    scopes: [],
    pool: null,
    createdAt: noon,
    lastUsedAt: null,
    revokedAt: noon,
  };

  function set(append?: () => Promise<void>) {
    const entries: string[] = [];
    const warnings: string[] = [];
    let now = noon;
    const refusals = tokenRefusals({
      audit: {
        append:
          append ??
          (async ({ action, subject, details }) => void entries.push(`${action} ${subject} ${details.code}`)),
      },
      tokens: { findRevoked: async secret => (secret === 'revoked' ? ci : null) },
      log: { ...log, warn: (_, message) => void warnings.push(message) },
      clock: () => now,
    });
    const settled = () => new Promise(resolve => setImmediate(resolve));
    return { refusals, entries, warnings, settled, at: (seconds: number) => (now = later(seconds)) };
  }

  test('one that is revoked is named, one that never was is not', async () => {
    const { refusals, entries, settled } = set();
    refusals.unknown('unknown', 'http');
    refusals.unknown('revoked', 'http');
    await settled();
    assert.deepEqual(entries, ['token.refused token:t1 TOKEN_INVALID']);
  });

  test('of a machine that asks again and again, once a minute', async () => {
    const { refusals, entries, settled, at } = set();
    const rows: [seconds: number, written: number][] = [
      [0, 1],
      [1, 1],
      [59.9, 1],
      [60, 2],
      [61, 2],
    ];
    for (const [seconds, written] of rows) {
      at(seconds);
      refusals.beyond(tokenActor(ci), `agent of ${seconds}`, 'http');
      await settled();
      assert.equal(entries.length, written, `after ${seconds} s`);
    }
    refusals.beyond({ ...tokenActor(ci), id: 't2' }, 'admin', 'http');
    refusals.unknown('revoked', 'queue');
    await settled();
    assert.deepEqual(entries.slice(2), [
      'token.refused token:t2 TOKEN_SCOPE',
      'token.refused token:t1 TOKEN_INVALID',
    ]);
  });

  test('a log that is away harms nobody', async () => {
    const { refusals, warnings, settled } = set(async () => {
      throw new Error('away');
    });
    refusals.beyond(tokenActor(ci), 'admin', 'http');
    refusals.unknown('revoked', 'http');
    await settled();
    assert.deepEqual(warnings, Array(2).fill('a refused token was not written down'));
  });
});
