import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditLog } from '../../../src/adapters/postgres/audit.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { elevationStore } from '../../../src/adapters/postgres/elevations.ts';
import { freezeStore } from '../../../src/adapters/postgres/freezes.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../../src/adapters/postgres/plan.ts';
import { forgetOld } from '../../../src/adapters/postgres/retention.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { surfaceStore } from '../../../src/adapters/postgres/surfaces.ts';
import { tokenStore } from '../../../src/adapters/postgres/tokens.ts';
import { tellDrained } from '../../../src/app/tell-drained.ts';
import { type Actor, actorKey, type Place } from '../../../src/core/actor.ts';
import type { FreezeScope } from '../../../src/core/freeze.ts';
import { policySchema } from '../../../src/core/policy.ts';
import type { PlanSnapshot } from '../../../src/core/ports.ts';
import { plan } from '../../../src/core/scheduler/plan.ts';
import { readWorld } from '../../../src/core/scheduler/read-world.ts';
import type { Decision } from '../../../src/core/scheduler/world.ts';
import { later, noon } from '../../support/live-run.ts';
import { startOf } from '../../support/plan.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { octocat, wish } from '../../support/run.ts';

/** What the core decides where there are these pools. */
function decide(snapshot: PlanSnapshot, pools: string[]): Decision[] {
  const policy = policySchema.parse({ pools: Object.fromEntries(pools.map(name => [name, {}])) });
  return plan(readWorld(snapshot, policy, noon), noon.getTime());
}

const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const place: Place = {
  kind: 'slack',
  team: 'T1',
  channel: 'C1',
  user: 'U1',
  responseUrl: 'https://h.example/1',
};

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`levers on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    /** Two pools stand for two processes. */
    let a: Database;
    let b: Database;

    before(async () => {
      server = await startServer(kind);
      const url = await server.database();
      a = openDatabase(url, { onError: () => {} });
      b = openDatabase(url, { onError: () => {} });
      await migrate(a.pool);
    });
    after(async () => {
      await Promise.all([a?.close(), b?.close()]);
      await server?.stop();
    });

    const frozen = (key: string, scope: FreezeScope, by = octocat) => ({
      ...{ key, kind: 'freeze' as const, scope, why: 'the disk is full', by, place, at: noon },
    });
    const drained = (key: string, name: string) => ({
      ...frozen(key, { kind: 'pool', name }),
      kind: 'drain' as const,
    });
    const audited = async (action: string) => {
      const rows = await a.db
        .selectFrom('audit')
        .selectAll()
        .where('action', '=', action)
        .orderBy('seq')
        .execute();
      return rows.map(({ subject, actor, details }) => ({ subject, actor, details }));
    };
    const start = (run: number, pool: string) => startOf(run, pool);
    const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: noon };

    describe('freezes', () => {
      test('of two at once one stands; both hear of the same', async () => {
        const scope = { kind: 'pool', name: 'twice' } as const;
        const both = await Promise.all([
          freezeStore(a.db).freeze(frozen('twice-1', scope)),
          freezeStore(b.db).freeze(frozen('twice-2', scope, hubot)),
        ]);
        assert.deepEqual(both.map(one => one.made).sort(), [false, true]);
        assert.deepEqual(both[0].freeze, both[1].freeze);
        const standing = (await freezeStore(b.db).standing()).filter(one => one.scope.kind === 'pool');
        assert.deepEqual(standing, [both[0].freeze]);
        assert.equal((await audited('plan.freeze')).filter(row => row.subject === 'pool:twice').length, 1);
      });

      test('pools, projects and everything are apart, and so is a drain of the same pool', async () => {
        const freezes = freezeStore(a.db);
        const scopes: FreezeScope[] = [
          { kind: 'all' },
          { kind: 'pool', name: 'apart' },
          { kind: 'project', name: 'apart' },
        ];
        for (const scope of scopes)
          assert.ok((await freezes.freeze(frozen(JSON.stringify(scope), scope))).made);
        assert.ok((await freezes.freeze(drained('apart-drain', 'apart'))).made);
        for (const scope of scopes) {
          const lifted = await freezes.lift({
            key: `lift ${JSON.stringify(scope)}`,
            kind: 'freeze',
            scope,
            by: hubot,
            at: noon,
          });
          assert.deepEqual(lifted?.scope, scope);
        }
        const left = (await freezes.standing()).filter(
          one => one.scope.kind !== 'all' && one.scope.name === 'apart',
        );
        assert.deepEqual(
          left.map(one => one.kind),
          ['drain'],
        );
      });

      test('a repeat neither freezes again what was let go, nor lets go what was frozen again', async () => {
        const [one, two] = [freezeStore(a.db), freezeStore(b.db)];
        const scope = { kind: 'pool', name: 'again' } as const;
        const lift = { key: 'again-lift', kind: 'freeze', scope, by: hubot, at: later(9) } as const;
        const { freeze } = await one.freeze(frozen('again-1', scope));
        const lifts = await Promise.all([one.lift(lift), two.lift(lift)]);
        assert.deepEqual(lifts, [freeze, freeze]);
        assert.deepEqual(await two.freeze(frozen('again-1', scope)), { freeze, made: true });
        assert.equal(
          (await one.standing()).some(other => other.id === freeze.id),
          false,
        );
        const next = await one.freeze(frozen('again-2', scope));
        assert.equal(next.made, true);
        assert.deepEqual(await two.lift(lift), freeze);
        assert.ok((await one.standing()).some(other => other.id === next.freeze.id));
        assert.equal(
          await one.lift({ ...lift, key: 'again-none', scope: { kind: 'pool', name: 'none' } }),
          null,
        );
        assert.equal((await audited('plan.unfreeze')).filter(row => row.subject === 'pool:again').length, 1);
      });

      test('a wish that moved nothing then moves nothing when it comes again later', async () => {
        const [one, two] = [freezeStore(a.db), freezeStore(b.db)];
        const scope = { kind: 'pool', name: 'idle' } as const;
        const lift = { key: 'idle-lift', kind: 'freeze', scope, by: hubot, at: later(1) } as const;
        assert.equal(await one.lift(lift), null);
        const { freeze } = await one.freeze(frozen('idle-1', scope));
        assert.equal(await two.lift(lift), null, 'the same delivery again');
        assert.ok((await one.standing()).some(({ id }) => id === freeze.id));
        assert.deepEqual(await two.freeze(frozen('idle-2', scope, hubot)), { freeze, made: false });
        assert.deepEqual(
          await one.lift({ ...lift, key: 'idle-lift-2' }),
          freeze,
          'another wish does lift it',
        );
        const again = await two.freeze(frozen('idle-2', scope, hubot));
        assert.deepEqual(again, { freeze, made: false }, 'the same delivery again');
        assert.ok(
          !(await one.standing()).some(({ scope }) => scope.kind === 'pool' && scope.name === 'idle'),
        );
        assert.ok((await one.freeze(frozen('idle-3', scope))).made);
        await a.pool.query("update freeze_idle set at = now() - interval '15 days' where key = 'idle-lift'");
        await forgetOld(a.db);
        const { rows } = await a.pool.query(
          "select key from freeze_idle where key like 'idle-%' order by key",
        );
        assert.deepEqual(
          rows.map(({ key }) => key),
          ['idle-2'],
        );
      });

      test('a plan that was made before is discarded; the next one holds the run, and starts it when it is let go', async () => {
        const { run } = await runStore(a.db).create(wish('fence', {}, { pool: 'fence' }));
        const plans = planStore(b.db, ['fence']);
        const before = await plans.snapshot(noon);
        await freezeStore(a.db).freeze(frozen('fence', { kind: 'pool', name: 'fence' }));
        assert.equal(await plans.commit(before, [start(run.number, 'fence')], noon), false);
        assert.equal(await plans.wanted(), true);
        const next = await plans.snapshot(noon);
        await plans.commit(next, decide(next, ['fence']), noon);
        const held = await runStore(b.db).get(run.number);
        assert.equal(held?.waiting?.code, 'frozen');
        assert.match(
          held?.waiting?.sentence ?? '',
          /^Pool fence is frozen by octocat since 12:00 UTC: the disk is full\./,
        );
        assert.equal(await plans.wanted(), false);
        const scope = { kind: 'pool', name: 'fence' } as const;
        await freezeStore(b.db).lift({ key: 'fence-lift', kind: 'freeze', scope, by: hubot, at: noon });
        assert.equal(await plans.wanted(), true);
        const last = await plans.snapshot(noon);
        const codes = decide(last, ['fence']).map(one =>
          one.type === 'hold' && one.run === run.number ? one.code : '',
        );
        assert.ok(codes.includes('pool-unreachable'));
      });
    });

    describe('drains', () => {
      test('whoever asked is told once, when the last run has ended, even by two at once', async () => {
        const runs = runStore(a.db);
        const { run } = await runs.create(wish('drain', {}, { pool: 'drain' }));
        const plans = planStore(a.db, ['drain']);
        assert.ok(await plans.commit(await plans.snapshot(noon), [start(run.number, 'drain')], noon));
        const { freeze } = await freezeStore(a.db).freeze(drained('drain', 'drain'));
        const mine = async (db: Database) =>
          (await freezeStore(db.db).drained()).filter(one => one.freeze.id === freeze.id).length;
        assert.equal(await mine(b), 0, 'one still works');
        await runs.change(run.number, { type: 'exited', attempt: 1, exit }, noon, octocat);
        assert.equal(await mine(b), 1);
        const portsOf = ({ db }: Database) => ({
          freezes: freezeStore(db),
          surfaces: surfaceStore(db),
          wakeups: { wake: () => {} },
        });
        await Promise.all([tellDrained(portsOf(a), noon), tellDrained(portsOf(b), noon)]);
        assert.equal(await mine(a), 0);
        const notes = await a.db
          .selectFrom('surfaces')
          .select(['content', 'place'])
          .where('key', 'like', 'drained:%')
          .execute();
        assert.deepEqual(
          notes.map(note => note.content?.title),
          ['Pool drain is empty: its last run has ended.'],
        );
        assert.deepEqual(notes[0]?.place, { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' });
      });

      test('where nothing works, the answer has said so already; what was let go is not told', async () => {
        const freezes = freezeStore(a.db);
        const { freeze } = await freezes.freeze(drained('empty', 'empty'));
        assert.ok(!(await freezes.drained()).some(one => one.freeze.id === freeze.id));
      });
    });

    describe('elevations', () => {
      const open = (key: string, actor = octocat, at = noon, accounts = [actorKey(actor)]) => ({
        ...{ key, actor, accounts, why: 'the disk is full', until: new Date(at.getTime() + 3_600_000), at },
      });

      test('of two at once one is opened, and the next only when it is over', async () => {
        const both = await Promise.all([
          elevationStore(a.db).open(open('open-1')),
          elevationStore(b.db).open(open('open-2')),
        ]);
        assert.deepEqual(both.map(one => one.made).sort(), [false, true]);
        assert.deepEqual(both[0].elevation, both[1].elevation);
        const store = elevationStore(a.db);
        assert.equal((await store.open(open('open-3', octocat, later(3_599)))).made, false);
        assert.equal((await store.open(open('open-4', hubot))).made, true, 'another person may');
        const next = await store.open(open('open-5', octocat, later(3_600)));
        assert.equal(next.made, true);
        assert.deepEqual(await store.newestOf(octocat), next.elevation);
        assert.equal(await store.newestOf({ ...octocat, kind: 'token' }), null);
      });

      test('two accounts of one person at once open one, and either ends it; those of two people open two', async () => {
        const [one, two] = [elevationStore(a.db), elevationStore(b.db)];
        for (let round = 0; round < 5; round += 1) {
          const accounts = [`slack:T1/U7${round}`, `slack:T2/U7${round}`];
          const [here, there] = accounts.map(
            (key): Actor => ({ kind: 'slack', id: key.slice(6), name: 'mona' }),
          );
          assert.ok(here && there);
          const both = await Promise.all([
            one.open(open(`linked-1-${round}`, here, noon, accounts)),
            two.open(open(`linked-2-${round}`, there, noon, accounts.toReversed())),
          ]);
          assert.deepEqual(both.map(({ made }) => made).sort(), [false, true]);
          assert.deepEqual(both[0].elevation, both[1].elevation);
          const opener = both[0].made ? there : here;
          const ended = await two.end({ key: `linked-end-${round}`, actor: opener, accounts, at: later(1) });
          assert.equal(ended?.id, both[0].elevation.id);
        }
        const apart = (id: string): Actor => ({ kind: 'slack', id, name: 'mona' });
        const strangers = await Promise.all([
          one.open(open('apart-1', apart('T1/U80'))),
          two.open(open('apart-2', apart('T2/U80'))),
        ]);
        assert.deepEqual(
          strangers.map(({ made }) => made),
          [true, true],
        );
        const nobodys = { key: 'apart-end', actor: apart('T3/U80'), accounts: ['slack:T3/U80'], at: noon };
        assert.equal(await one.end(nobodys), null);
      });

      test('a repeat opens nothing, also when it has ended; ending twice ends once', async () => {
        const actor: Actor = { kind: 'slack', id: 'T1/U3', name: 'mona' };
        const [one, two] = [elevationStore(a.db), elevationStore(b.db)];
        const { elevation } = await one.open(open('repeat', actor));
        const own = { actor, accounts: [actorKey(actor)] };
        const ends = await Promise.all([
          one.end({ ...own, key: 'repeat-end', at: later(5) }),
          two.end({ ...own, key: 'repeat-end', at: later(5) }),
        ]);
        assert.deepEqual(
          ends.map(ended => ended?.endedAt),
          [later(5), later(5)],
        );
        assert.equal(await one.end({ ...own, key: 'repeat-other', at: later(6) }), null);
        assert.equal((await two.open(open('repeat', actor))).elevation.id, elevation.id);
        assert.deepEqual((await one.newestOf(actor))?.endedAt, later(5));
        const rows = await audited('breakglass.ended');
        assert.equal(rows.filter(row => row.subject === `breakglass:${elevation.id}`).length, 1);
      });

      test('of two reviews at once one counts; never the own, never while it lasts', async () => {
        const actor: Actor = { kind: 'slack', id: 'T1/U4', name: 'lisa' };
        const [one, two] = [elevationStore(a.db), elevationStore(b.db)];
        const { id } = (await one.open(open('review', actor))).elevation;
        const look = (key: string, by: Actor, at: Date) => ({
          key,
          id,
          by,
          isSelf: () => false,
          verdict: 'ok' as const,
          note: 'seen',
          at,
        });
        const code = async (done: ReturnType<typeof one.review>) => {
          const is = await done;
          return is.ok ? 'ok' : is.code;
        };
        assert.equal(await code(one.review(look('r0', hubot, later(3_599)))), 'open');
        assert.equal(await code(one.review(look('r1', actor, later(3_600)))), 'own');
        assert.equal(await code(one.review({ ...look('r2', hubot, noon), id: 999_999 })), 'unknown');
        const both = await Promise.all([
          code(one.review(look('r3', hubot, later(3_600)))),
          code(two.review(look('r4', octocat, later(3_600)))),
        ]);
        assert.deepEqual(both.sort(), ['ok', 'reviewed']);
        assert.ok(!(await two.unreviewed(50)).some(other => other.id === id));
        assert.equal((await audited('breakglass.reviewed')).length, 1);
      });

      test('what is done under it says so in the audit log, and the run is the person’s as ever', async () => {
        const actor = { ...octocat, breakglass: 7 };
        const { run } = await runStore(a.db).create(wish('under', { requestedBy: actor }));
        assert.deepEqual((await runStore(b.db).get(run.number))?.requestedBy, octocat);
        const stop = { type: 'stop', actor, why: 'cancel', reason: 'not needed' } as const;
        await runStore(a.db).change(run.number, stop, noon, actor);
        for (const action of ['run.requested', 'run.cancelled']) {
          const row = (await audited(action)).find(one => one.subject === `run:${run.number}`);
          assert.equal(row?.details.breakglass, 7, action);
          assert.deepEqual(row?.actor, octocat);
        }
        assert.equal((await auditLog(a.db).verify()).broken, null);
      });
    });

    test('a token knows when it was used, and who revoked it', async () => {
      const tokens = tokenStore(a.db);
      const { token, secret } = await tokens.create({ name: 'levers', scopes: ['runs:read'] }, noon);
      const listed = async () => (await tokens.list()).find(one => one.id === token.id);
      assert.equal((await listed())?.lastUsedAt, null);
      await tokens.find(`${secret}x`);
      assert.equal((await listed())?.lastUsedAt, null);
      await tokens.find(secret);
      const used = (await listed())?.lastUsedAt;
      assert.ok(used);
      await Promise.all([tokens.find(secret), tokenStore(b.db).find(secret)]);
      assert.deepEqual((await listed())?.lastUsedAt, used, 'written once a minute');
      assert.equal(await tokens.revoke(token.id, noon, hubot), true);
      const row = (await audited('token.revoke')).find(one => one.subject === `token:${token.id}`);
      assert.deepEqual(row?.actor, hubot);
    });
  });
}
