import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import {
  appendAudit,
  auditLog,
  auditRows,
  compareEnd,
  hashBefore,
} from '../../../src/adapters/postgres/audit.ts';
import { exportedLine, verifyFile } from '../../../src/adapters/postgres/audit-file.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { forgetOld } from '../../../src/adapters/postgres/retention.ts';
import { tokenStore } from '../../../src/adapters/postgres/tokens.ts';
import { type Actor, system } from '../../../src/core/actor.ts';
import type { AuditBreak, AuditEntry, AuditFilter } from '../../../src/core/ports.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { octocat } from '../../support/run.ts';

const now = new Date('2026-01-01T00:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);

const entry = (n: number): AuditEntry => ({
  actor: octocat,
  action: 'test',
  subject: `n:${n}`,
  outcome: 'done',
  details: { n, z: [1, { b: 1, a: 2 }], none: null },
});

/** What somebody does first who has every right over the database. */
const disarm =
  'alter table audit disable trigger all; alter table audit_head disable trigger all; grant all on audit, audit_head to current_user';

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`audit log on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(kind);
    });
    after(() => server?.stop());

    async function withLog(work: (database: Database) => Promise<void>): Promise<void> {
      const url = await server.database();
      const database = openDatabase(url, { onError: () => {} });
      try {
        await migrate(database.pool);
        await work(database);
      } finally {
        await database.close();
      }
    }

    describe('verify names what was done, as whoever has every right could', () => {
      /** The hash of a row with this number after this one, as somebody would make it who knows how. */
      const forged = (seq: number, more: Partial<AuditEntry> = {}, n = seq) => {
        const { actor, action, subject, outcome, details } = { ...entry(n), ...more };
        return { seq, at: later(n), actor, action, subject, outcome, details };
      };
      const insert = (seq: number, hash: string) => {
        const { at, actor, action, subject, outcome, details } = forged(seq, { action: 'forged' });
        return `insert into audit values (${seq}, '${at.toISOString()}', '${JSON.stringify(actor)}', '${action}', '${subject}',
          '${outcome}', '${JSON.stringify(details)}', ${hash})`;
      };
      /** Rows from `first` on get the number after theirs. */
      const makeRoom = (first: number) =>
        `update audit set seq = -seq where seq >= ${first}; update audit set seq = 1 - seq where seq < 0`;
      const closeGap = (first: number) =>
        `update audit set seq = -seq where seq > ${first}; update audit set seq = -seq - 1 where seq < 0`;
      const swap = (one: number, other: number) =>
        `update audit set seq = case seq when ${one} then -${other} else -${one} end where seq in (${one}, ${other});
         update audit set seq = -seq where seq < 0`;
      const head = (seq: number, hash = `(select hash from audit where seq = ${seq})`) =>
        `update audit_head set seq = ${seq}, hash = ${hash}`;
      const nonsense = `sha256('nonsense')`;

      const tampering: [name: string, sql: string, broken: Partial<AuditBreak> | null][] = [
        ['left alone', 'select 1', null],
        ['written as it was', "update audit set action = 'test' where seq = 4", null],
        ...(
          [
            ['its details', `details = '{"n": 99}'`],
            ['its actor', `actor = actor || '{"name": "hubot"}'`],
            ['its action', `action = 'tests'`],
            ['its subject', `subject = 'n:5'`],
            ['its outcome', `outcome = 'refused'`],
            ['its time', `at = at + interval '1 millisecond'`],
            ['its time by the least that there is', `at = at + interval '1 microsecond'`],
            ['its hash', `hash = ${nonsense}`],
          ] as const
        ).map(([name, set]): [string, string, Partial<AuditBreak>] => [
          `one changed: ${name}`,
          `update audit set ${set} where seq = 4`,
          { seq: 4, kind: 'changed' },
        ]),
        [
          'the first changed',
          `update audit set subject = '' where seq = 1`,
          { seq: 1, why: 'it was changed' },
        ],
        ['the last changed', `update audit set subject = '' where seq = 6`, { seq: 6, kind: 'changed' }],
        [
          'two changed: the first of them is named',
          `update audit set subject = '' where seq in (3, 5)`,
          { seq: 3, kind: 'changed' },
        ],
        ['one removed', 'delete from audit where seq = 3', { seq: 3, kind: 'missing', why: 'it is missing' }],
        ['the first removed', 'delete from audit where seq = 1', { seq: 1, kind: 'missing' }],
        [
          'several removed',
          'delete from audit where seq in (3, 4)',
          { seq: 3, kind: 'missing', why: 'it is missing, with all up to row 4' },
        ],
        ['the last removed', 'delete from audit where seq = 6', { seq: 6, kind: 'missing' }],
        [
          'the last two removed',
          'delete from audit where seq > 4',
          { seq: 5, why: 'it is missing, with all up to row 6' },
        ],
        ['all removed', 'truncate audit', { seq: 1, kind: 'missing' }],
        [
          'one removed, the others numbered anew',
          `delete from audit where seq = 3; ${closeGap(3)}`,
          { seq: 3, kind: 'missing' },
        ],
        [
          'one removed near the end, the others numbered anew',
          `delete from audit where seq = 5; ${closeGap(5)}`,
          { seq: 5, kind: 'missing' },
        ],
        ['two swapped', swap(2, 5), { seq: 2, kind: 'moved', why: 'what stands there was row 5' }],
        ['two neighbours swapped', swap(2, 3), { seq: 2, kind: 'moved', why: 'what stands there was row 3' }],
        ['the last two swapped', swap(5, 6), { seq: 5, kind: 'moved', why: 'what stands there was row 6' }],
        [
          'the first and the last swapped',
          swap(1, 6),
          { seq: 1, kind: 'moved', why: 'what stands there was row 6' },
        ],
        ['one put in', `${makeRoom(3)}; ${insert(3, nonsense)}`, { seq: 3, kind: 'inserted' }],
        ['one put in first', `${makeRoom(1)}; ${insert(1, nonsense)}`, { seq: 1, kind: 'inserted' }],
        ['one put in before the first', insert(0, nonsense), { seq: 0, kind: 'inserted' }],
        ['one put in at the end', insert(7, nonsense), { seq: 7, kind: 'head' }],
        ['the head set back', head(4), { seq: 5, kind: 'head' }],
        ['the head set back, with another hash', head(4, nonsense), { seq: 6, kind: 'head' }],
        ['the head set forth', head(6).replace('seq = 6,', 'seq = 8,'), { seq: 6, kind: 'head' }],
        ['the hash of the head changed', head(6, nonsense), { seq: 6, kind: 'head' }],
        ['the head removed', 'delete from audit_head', { seq: 6, kind: 'head' }],
        [
          'the last removed and the head set back: the rest is whole',
          `delete from audit where seq = 6; ${head(5)}`,
          null,
        ],
      ];
      for (const [name, sql, expected] of tampering)
        test(name, async () => {
          await withLog(async ({ pool, db }) => {
            const log = auditLog(db);
            for (const n of [1, 2, 3, 4, 5, 6]) await log.append(entry(n), later(n));
            await pool.query(`${disarm}; ${sql}`);
            const { broken, rows } = await log.verify();
            assert.equal(broken === null, expected === null, broken?.why);
            if (!broken) return;
            assert.deepEqual({ ...broken, ...expected }, broken);
            assert.ok(rows <= broken.seq, `${rows} rows are whole`);
          });
        });

      test('one put in by somebody who knows how: named by the row that it pushed on', async () => {
        await withLog(async ({ pool, db }) => {
          const log = auditLog(db);
          for (const n of [1, 2, 3, 4, 5, 6]) await log.append(entry(n), later(n));
          const known = await pool.query<{ hash: Buffer }>('select hash from audit where seq = 2');
          const row = forged(3, { action: 'forged' });
          const hash = hashAfter(known.rows[0]?.hash ?? Buffer.alloc(0), row);
          await pool.query(`${disarm}; ${makeRoom(3)}; ${insert(3, `'\\x${hash.toString('hex')}'`)}`);
          const { broken } = await log.verify();
          assert.deepEqual([broken?.seq, broken?.kind], [3, 'inserted']);
        });
      });

      test('a log of several pages is whole, and broken in the second of them', async () => {
        await withLog(async ({ pool, db }) => {
          const log = auditLog(db);
          await db.transaction().execute(async tx => {
            for (let n = 1; n <= 2_050; n++) await appendAudit(tx, entry(n), later(n));
          });
          assert.deepEqual(await log.verify(), { rows: 2_050, broken: null });
          await pool.query(`${disarm}; ${swap(1_500, 2_001)}`);
          const { broken } = await log.verify();
          assert.deepEqual([broken?.seq, broken?.kind], [1_500, 'moved']);
        });
      });
    });

    describe('rows are only ever added', () => {
      const changes: [name: string, sql: string][] = [
        ['a row is changed', "update audit set action = 'x'"],
        ['a row is removed', 'delete from audit'],
        ['all are removed', 'truncate audit'],
        ['the head is removed', 'delete from audit_head'],
        ['all heads are removed', 'truncate audit_head'],
        ['the head is set back', 'update audit_head set seq = 0'],
        ['the head is set two forth', 'update audit_head set seq = seq + 2'],
        ['the head is another', 'update audit_head set hash = hash'],
      ];

      test('by whoever has every right, unless they switch that off', async () => {
        await withLog(async ({ pool, db }) => {
          await auditLog(db).append(entry(1), now);
          for (const [name, sql] of changes)
            await assert.rejects(
              pool.query(sql),
              /the audit log is append-only: \w+ of audit\w* is refused/,
              name,
            );
          await auditLog(db).append(entry(2), now);
          assert.deepEqual(await auditLog(db).verify(), { rows: 2, broken: null });
        });
      });

      test('by the one who owns the tables, who lacks the right besides', async () => {
        const url = await server.database();
        const owner = `owner_${kind.replace(/\W/g, '')}`;
        const admin = new pg.Client({ connectionString: url });
        await admin.connect();
        await admin.query(`create role ${owner} login password 'p'; grant all on schema public to ${owner}`);
        const asOwner = `${url}${url.includes('?') ? '&' : '?'}options=-c%20role%3D${owner}`;
        const plain = openDatabase(asOwner, { onError: () => {} });
        try {
          await migrate(plain.pool);
          const { rows } = await plain.pool.query(
            "select tableowner from pg_tables where tablename = 'audit'",
          );
          assert.equal(rows[0]?.tableowner, owner);
          const log = auditLog(plain.db);
          await Promise.all([1, 2, 3].map(n => log.append(entry(n), now)));
          for (const [name, sql] of changes)
            await assert.rejects(plain.pool.query(sql), /permission denied|append-only/, name);
          for (const sql of [
            "update audit set action = 'x'",
            'delete from audit',
            'truncate audit',
            'delete from audit_head',
          ])
            await assert.rejects(plain.pool.query(sql), /permission denied/, sql);
          assert.equal((await log.list({ limit: 10 })).length, 3);
          await forgetOld(plain.db);
          assert.deepEqual(await log.verify(), { rows: 3, broken: null });
        } finally {
          await plain.close();
          await admin.end();
        }
      });

      test('and what is forgotten with time is never from here', async () => {
        await withLog(async ({ pool, db }) => {
          await auditLog(db).append(entry(1), new Date('2001-01-01T00:00:00Z'));
          await pool.query(
            "insert into idempotency (scope, key, digest, at) values ('s', 'k', 'd', '2001-01-01')",
          );
          assert.equal(await forgetOld(db), 1);
          assert.deepEqual(await auditLog(db).verify(), { rows: 1, broken: null });
        });
      });
    });

    describe('list', () => {
      const actors = {
        octocat,
        namesake: { kind: 'slack', id: 'T2/U9', name: 'Octocat' },
        sameUser: { kind: 'slack', id: 'T2/U1', name: 'hubot' },
        token: { kind: 'token', id: 'U1', name: 'ci' },
        longer: { kind: 'slack', id: 'T1/U12', name: 'octocats' },
        system,
      } satisfies Record<string, Actor>;
      const done = (actor: Actor, action: string, subject: string): AuditEntry => ({
        ...{ actor, action, subject },
        outcome: action.endsWith('.refused') ? 'refused' : 'done',
        details: {},
      });
      let database: Database;
      before(async () => {
        database = openDatabase(await server.database(), { onError: () => {} });
        await migrate(database.pool);
        const { append } = auditLog(database.db);
        const { token } = await tokenStore(database.db).create({ name: 'ci', scopes: ['admin'] }, now);
        const rows = [
          done(actors.octocat, 'run.requested', 'run:4'),
          done(actors.octocat, 'run.requested', 'run:42'),
          done(actors.namesake, 'command.refused', 'run:42'),
          done(actors.sameUser, 'command.refused', 'slack:T2/U1'),
          done(actors.token, 'run.cancelled', 'run:42'),
          done(actors.longer, 'run.cancelled', 'run:421'),
          done(actors.system, 'token.revoke', `token:${token.id}`),
          done(actors.system, 'token.revoke', 'token:other'),
        ];
        // The first row is the token's own.
        for (const [i, row] of rows.entries()) await append(row, later(i + 2));
      });
      after(() => database?.close());

      const none = { keys: [], ids: [], names: [] };
      const filters: [name: string, filter: Partial<AuditFilter>, seqs: number[]][] = [
        ['all, newest first', {}, [9, 8, 7, 6, 5, 4, 3, 2, 1]],
        ['the newest', { limit: 2 }, [9, 8]],
        [
          'one run, and what was refused about it; not those whose number begins so',
          { subject: 'run:42' },
          [6, 4, 3],
        ],
        ['a run that nobody asked for', { subject: 'run:43' }, []],
        ['a part of a subject', { subject: 'run:' }, []],
        ['a token by its name', { subject: 'token:ci' }, [8, 1]],
        ['a token by a name that none has', { subject: 'token:c' }, []],
        ['one identity', { by: { ...none, keys: ['slack:T1/U1'] } }, [3, 2]],
        ['an identity of another kind', { by: { ...none, keys: ['token:U1'] } }, [6]],
        ['an identity that is a part of one', { by: { ...none, keys: ['slack:U1'] } }, []],
        ['an id in all workspaces and kinds', { by: { ...none, ids: ['U1'] } }, [6, 5, 3, 2]],
        [
          'a name in any case, also another person of that name',
          { by: { ...none, names: ['OCTOCAT'] } },
          [4, 3, 2],
        ],
        ['a part of a name', { by: { ...none, names: ['octo'] } }, []],
        ['a pattern', { by: { ...none, names: ['octo%'] } }, []],
        ['an identity or a name', { by: { ids: [], keys: ['slack:T1/U12'], names: ['hubot'] } }, [7, 5]],
        ['nobody', { by: none }, []],
        ['one action', { action: 'command.refused' }, [5, 4]],
        ['a part of an action', { action: 'command' }, []],
        ['from a moment on', { since: later(8) }, [9, 8]],
        ['from just after it', { since: new Date(later(8).getTime() + 1) }, [9]],
        [
          'all of it',
          { subject: 'run:42', by: { ...none, ids: ['U9'] }, action: 'command.refused', since: later(4) },
          [4],
        ],
        [
          'all of it but the moment',
          { subject: 'run:42', by: { ...none, ids: ['U9'] }, since: later(5) },
          [],
        ],
      ];
      for (const [name, filter, seqs] of filters)
        test(name, async () => {
          const found = await auditLog(database.db).list({ limit: 20, ...filter });
          assert.deepEqual(
            found.map(({ seq }) => seq),
            seqs,
          );
        });

      test('a row comes back as it was', async () => {
        const [row] = await auditLog(database.db).list({
          subject: 'run:42',
          action: 'command.refused',
          limit: 1,
        });
        assert.deepEqual(row, {
          ...done(actors.namesake, 'command.refused', 'run:42'),
          seq: 4,
          at: later(4),
        });
      });

      test('by its indices, in a log that is long', async () => {
        const plans = [
          ["subject in ('run:42')", 'audit_subject'],
          ["action = 'token.revoke'", 'audit_action'],
          ["split_part(actor->>'id', '/', -1) = any('{U1}')", 'audit_actor'],
          ["lower(actor->>'name') = any('{octocat}')", 'audit_name'],
        ];
        const client = await database.pool.connect();
        try {
          await client.query('set enable_seqscan = off');
          for (const [where, index] of plans) {
            const { rows } = await client.query(`explain select seq from audit where ${where}`);
            assert.match(rows.map(row => row['QUERY PLAN']).join('\n'), new RegExp(`${index}\\b`));
          }
        } finally {
          client.release(true);
        }
      });
    });

    describe('all rows', () => {
      test('page by page, oldest first, each with the hash by which the chain is checked elsewhere', async () => {
        await withLog(async ({ db }) => {
          await db.transaction().execute(async tx => {
            for (let n = 1; n <= 2_001; n++) await appendAudit(tx, entry(n), later(n));
          });
          let previous: Buffer = Buffer.alloc(0);
          let count = 0;
          for await (const row of auditRows(db)) {
            count += 1;
            assert.equal(row.seq, count);
            assert.deepEqual(row.hash, hashAfter(previous, row));
            previous = row.hash;
          }
          assert.equal(count, 2_001);
        });
      });

      describe('an export by itself', () => {
        const lineOf =
          (seq: number, change: (row: Record<string, unknown>) => object = row => row) =>
          (lines: string[]) =>
            lines.map((line, i) => (i === seq - 1 ? JSON.stringify(change(JSON.parse(line))) : line));
        const files: [
          name: string,
          tamper: (lines: string[]) => string[],
          broken: Partial<AuditBreak> | null,
        ][] = [
          ['as it was', lines => lines, null],
          ['its end is missing, which the database alone knows', lines => lines.slice(0, 4), null],
          ['details changed', lineOf(3, row => ({ ...row, details: { n: 4 } })), { seq: 3, kind: 'changed' }],
          ['the first changed', lineOf(1, row => ({ ...row, subject: 'n:2' })), { seq: 1, kind: 'changed' }],
          [
            'the last changed',
            lineOf(6, row => ({ ...row, outcome: 'refused' })),
            { seq: 6, kind: 'changed' },
          ],
          ['a time changed', lineOf(3, row => ({ ...row, at: later(9) })), { seq: 3, kind: 'changed' }],
          [
            'a finer time',
            lineOf(3, ({ at, ...row }) => ({ ...row, at: `${at}`.replace('Z', '1Z') })),
            { seq: 3, kind: 'changed' },
          ],
          ['a word added', lineOf(3, row => ({ ...row, note: 'x' })), { seq: 3, kind: 'changed' }],
          [
            'a word said twice, of which readers see one or the other',
            lines => lines.map((line, i) => (i === 2 ? line.replace('{', '{"action":"other",') : line)),
            { seq: 3, kind: 'changed' },
          ],
          [
            'a hash changed',
            lineOf(3, row => ({ ...row, hash: '0'.repeat(64) })),
            { seq: 3, kind: 'changed' },
          ],
          ['no JSON', lines => lines.with(2, 'so what'), { seq: 3, kind: 'changed' }],
          ['a blank line', lines => lines.toSpliced(2, 0, ''), { seq: 3, kind: 'changed' }],
          ['one removed', lines => lines.toSpliced(2, 1), { seq: 3, kind: 'missing' }],
          [
            'two removed',
            lines => lines.toSpliced(2, 2),
            { seq: 3, kind: 'missing', why: 'it is missing, with all up to row 4' },
          ],
          ['the first removed', lines => lines.slice(1), { seq: 1, kind: 'missing' }],
          [
            'one removed, and those after it numbered anew',
            lines =>
              lines.toSpliced(2, 1).map((line, i) => JSON.stringify({ ...JSON.parse(line), seq: i + 1 })),
            { seq: 3, kind: 'missing' },
          ],
          [
            'two lines in each other’s place',
            lines => lines.with(2, lines[3] ?? '').with(3, lines[2] ?? ''),
            { seq: 3, kind: 'moved' },
          ],
          [
            'the same, with their numbers',
            lines =>
              [2, 3].reduce(
                (all, i) => all.with(i, JSON.stringify({ ...JSON.parse(lines[5 - i] ?? ''), seq: i + 1 })),
                lines,
              ),
            { seq: 3, kind: 'moved' },
          ],
          ['one twice', lines => lines.toSpliced(3, 0, lines[1] ?? ''), { seq: 2, kind: 'inserted' }],
          ['empty', () => [], null],
        ];
        let exported: string[] = [];
        before(async () => {
          await withLog(async ({ db }) => {
            for (let n = 1; n <= 6; n++) await auditLog(db).append(entry(n), later(n));
            for await (const row of auditRows(db)) exported.push(exportedLine(row));
          });
        });
        const verified = (lines: string[]) =>
          verifyFile(async function* () {
            yield* lines;
          });
        for (const [name, tamper, broken] of files)
          test(name, async () => {
            const lines = tamper(exported);
            const found = await verified(lines);
            for (const [key, value] of Object.entries(broken ?? {}))
              assert.equal(found.broken?.[key as keyof AuditBreak], value, JSON.stringify(found.broken));
            if (!broken) assert.deepEqual([found.rows, found.broken], [lines.length, null]);
          });

        test('one that begins later stands on the hash that it brings along', async () => {
          await withLog(async ({ db }) => {
            for (let n = 1; n <= 6; n++) await auditLog(db).append(entry(n), later(n));
            exported = [];
            for await (const row of auditRows(db, later(3))) {
              const previous = row.seq === 3 ? await hashBefore(db, 3) : null;
              exported.push(exportedLine(previous ? { ...row, previous } : row));
            }
            assert.equal(await hashBefore(db, 1), null);
          });
          assert.deepEqual((await verified(exported)).broken, null);
          const without = await verified(exported.slice(1));
          assert.deepEqual([without.broken?.kind, without.broken?.seq], ['missing', 1]);
          const other = exported.with(0, (exported[0] ?? '').replace('"n:3"', '"n:9"'));
          assert.equal((await verified(other)).broken?.seq, 3);
        });

        test('beside the database: the same, cut off there, or another', async () => {
          await withLog(async ({ db, pool }) => {
            for (let n = 1; n <= 6; n++) await auditLog(db).append(entry(n), later(n));
            const rows = [];
            for await (const row of auditRows(db)) rows.push(row);
            const [fourth, last] = [rows[3], rows[5]];
            assert.ok(fourth && last);
            assert.deepEqual([await compareEnd(db, last), await compareEnd(db, fourth)], [null, null]);
            const other = await compareEnd(db, { seq: 4, hash: last.hash });
            assert.deepEqual(other, { seq: 4, kind: 'head', why: 'the database holds another there' });
            await pool.query(`${disarm}; delete from audit where seq > 4; update audit_head set seq = 4`);
            const cut = await compareEnd(db, last);
            assert.deepEqual(cut, { seq: 6, kind: 'head', why: 'the database ends at row 4' });
          });
        });
      });

      const since: [name: string, at: Date, seqs: number[]][] = [
        ['from a moment on', later(3), [3, 4]],
        ['from just after it', new Date(later(3).getTime() + 1), [4]],
        ['from before all of them', later(-1), [1, 2, 3, 4]],
        ['from after all of them', later(5), []],
      ];
      for (const [name, at, seqs] of since)
        test(name, async () => {
          await withLog(async ({ db }) => {
            for (const n of [1, 2, 3, 4]) await auditLog(db).append(entry(n), later(n));
            const found: number[] = [];
            for await (const row of auditRows(db, at)) found.push(row.seq);
            assert.deepEqual(found, seqs);
          });
        });
    });
  });
}

/** As somebody computes it who has only the exported rows: JSON with sorted names, after the hash before it. */
function hashAfter(previous: Buffer, row: AuditEntry & { seq: number; at: Date }): Buffer {
  const sorted = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  const { seq, at, actor, action, subject, outcome, details } = row;
  const content = JSON.stringify([seq, at, actor, action, subject, outcome, details], sorted);
  return createHash('sha256').update(previous).update(content).digest();
}
