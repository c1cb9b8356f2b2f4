import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuietHours } from '../../../src/core/promotion/model-keys.ts';
import { quietUntil } from '../../../src/core/promotion/quiet.ts';

const all: QuietHours['days'] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const berlin: QuietHours = { days: ['fri'], from: '16:00', to: '24:00', zone: 'Europe/Berlin' };
const rows: [name: string, quiet: QuietHours[], at: string, until: string | null][] = [
  ['a minute before', [berlin], '2026-01-09T14:59:59Z', null],
  ['from then on', [berlin], '2026-01-09T15:00:00Z', '2026-01-09T23:00:00.000Z'],
  ['in summer an hour earlier', [berlin], '2026-07-10T14:00:00Z', '2026-07-10T22:00:00.000Z'],
  ['another day', [berlin], '2026-01-08T16:00:00Z', null],
  [
    'past midnight, as two',
    [berlin, { days: ['sat'], from: '00:00', to: '06:00', zone: 'Europe/Berlin' }],
    '2026-01-09T20:00:00Z',
    '2026-01-10T05:00:00.000Z',
  ],
  ['always', [{ days: all, from: '00:00', to: '24:00', zone: 'UTC' }], '2026-01-09T20:00:00Z', 'never'],
];
for (const [name, quiet, at, until] of rows)
  test(name, () => {
    const found = quietUntil(quiet, new Date(at));
    assert.equal(found instanceof Date ? found.toISOString() : found, until);
  });
