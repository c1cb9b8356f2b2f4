import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cronNext, cronProblem } from '../../src/files/cron.ts';

describe('the next moment of a schedule', () => {
  const rows: [name: string, cron: string, timeZone: string, after: string, expected: string][] = [
    ['later that day', '0 3 * * *', 'UTC', '2026-01-01T02:59:59Z', '2026-01-01T03:00:00Z'],
    ['at that moment, the next', '0 3 * * *', 'UTC', '2026-01-01T03:00:00Z', '2026-01-02T03:00:00Z'],
    ['in its own zone', '0 3 * * *', 'Asia/Tokyo', '2026-01-01T00:00:00Z', '2026-01-01T18:00:00Z'],
    [
      'in a zone with half hours',
      '0 3 * * *',
      'Asia/Kolkata',
      '2026-01-01T00:00:00Z',
      '2026-01-01T21:30:00Z',
    ],
    ['on weekdays', '0 3 * * mon-fri', 'UTC', '2026-01-02T04:00:00Z', '2026-01-05T03:00:00Z'],
    ['in a leap year', '0 3 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T03:00:00Z'],
    [
      'in the hour that is left out',
      '30 2 * * *',
      'Europe/Paris',
      '2026-03-29T00:00:00Z',
      '2026-03-29T01:30:00Z',
    ],
    [
      'in the hour that comes twice, first',
      '30 2 * * *',
      'Europe/Paris',
      '2026-10-24T12:00:00Z',
      '2026-10-25T00:30:00Z',
    ],
    ['and not again', '30 2 * * *', 'Europe/Paris', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
  ];
  for (const [name, cron, timeZone, after, expected] of rows)
    test(name, () => {
      assert.equal(cronProblem({ cron, timeZone }), null);
      const next = cronNext({ cron, timeZone }, new Date(after));
      assert.equal(next.toISOString(), new Date(expected).toISOString());
    });
});
