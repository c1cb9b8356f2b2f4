import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { plan } from '../../../src/core/scheduler/plan.ts';
import type { Decision, Hold, Start, World } from '../../../src/core/scheduler/world.ts';
import { untruths } from '../../support/oracle.ts';
import { afterPlan, anyWorld, worldNow as now, placesOf, shuffled, without } from '../../support/worlds.ts';

/** The same worlds each time; `SIGNALBOX_WORLDS=30000` looks at as many others. */
const more = Number(process.env.SIGNALBOX_WORLDS ?? 0);
const many = more > 0 ? { numRuns: more, endOnFailure: true } : { numRuns: 3_000, seed: 1 };

const startsIn = (decisions: readonly Decision[]) =>
  decisions.filter((one): one is Start => one.type === 'start');
const holdsIn = (decisions: readonly Decision[]) =>
  decisions.filter((one): one is Hold => one.type === 'hold');

function holds(
  arbitrary: fc.Arbitrary<World>,
  property: (world: World, decisions: Decision[]) => void,
): void {
  fc.assert(
    fc.property(arbitrary, world => property(world, plan(world, now))),
    many,
  );
}

describe('whatever the world', () => {
  test('every run that waits gets one start or one hold', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      const told = [...startsIn(decisions), ...holdsIn(decisions)].map(({ run }) => run);
      assert.deepEqual(
        told.sort((a, b) => a - b),
        world.waiting.map(({ number }) => number).sort((a, b) => a - b),
      );
    });
  });

  test('no accelerator is given twice, and none that is not free', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      const free = new Set(
        world.pools.flatMap(pool =>
          pool.flavors.flatMap(({ flavor, nodes }) =>
            nodes.flatMap(({ node, free: there }) =>
              there.map(index => `${pool.name} ${flavor} ${node} ${index}`),
            ),
          ),
        ),
      );
      for (const place of startsIn(decisions).flatMap(placesOf)) assert.ok(free.delete(place), place);
    });
  });

  test('no gang is split, and each worker is whole on a node of its own', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      for (const { run, shares } of startsIn(decisions)) {
        const wanted = world.waiting.find(({ number }) => number === run);
        assert.equal(shares.length, wanted?.workers);
        assert.equal(new Set(shares.map(({ node }) => node)).size, shares.length);
        for (const { indices } of shares) assert.equal(indices.length, Math.max(wanted?.gpus ?? 0, 1));
      }
    });
  });

  test('nobody uses more than quota and borrowing, nor is more borrowed than lent', () => {
    holds(anyWorld(), (world, decisions) => {
      const after = afterPlan(world, decisions, now);
      const used = (team: string, flavor: string, firm: boolean) =>
        after.holders
          .filter(one => one.team === team && one.flavor === flavor && !(firm && one.preemptible))
          .reduce((sum, one) => sum + placesOf(one).length, 0);
      const flavors = new Set(world.queues.flatMap(({ quotas }) => quotas.map(({ flavor }) => flavor)));
      for (const flavor of flavors) {
        const cells = world.queues.map(queue => {
          const found = queue.quotas.find(one => one.flavor === flavor);
          return {
            ...queue,
            quota: found?.quota ?? 0,
            borrow: found ? found.borrow : 0,
            lend: found?.lend ?? null,
          };
        });
        for (const { team, quota, borrow } of cells) {
          assert.ok(
            borrow === null || used(team, flavor, false) <= quota + borrow,
            `${team} borrows too much`,
          );
          assert.ok(used(team, flavor, true) <= quota, `${team} borrows for what cannot be stopped`);
        }
        for (const cohort of new Set(cells.map(one => one.cohort))) {
          const members = cells.filter(one => one.cohort === cohort);
          const lendable = members.map(({ quota, lend }) => Math.min(lend ?? quota, quota));
          const beyond = members.map(({ team, quota }, i) =>
            Math.max(0, used(team, flavor, false) - (quota - (lendable[i] ?? 0))),
          );
          const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
          assert.ok(sum(beyond) <= sum(lendable), `cohort ${cohort} lends more than it has`);
        }
      }
    });
  });

  test('the order of rows means nothing', () => {
    fc.assert(
      fc.property(anyWorld({ over: true }), fc.integer(), (world, seed) => {
        const key = (one: Decision) => `${one.type} ${one.run}`;
        const sorted = (decisions: Decision[]) => decisions.sort((a, b) => (key(a) < key(b) ? -1 : 1));
        assert.deepEqual(sorted(plan(shuffled(world, seed), now)), sorted(plan(world, now)));
      }),
      many,
    );
  });

  test('to plan on what comes of a plan starts nothing', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      assert.deepEqual(startsIn(plan(afterPlan(world, decisions, now), now)), []);
    });
  });

  test('nobody is stopped but for a run that waits for exactly that', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      const making = new Map(holdsIn(decisions).map(one => [one.run, one.code]));
      const seen = new Set<number>();
      for (const one of decisions) {
        if (one.type !== 'preempt') continue;
        const holder = world.holders.find(({ number }) => number === one.run);
        const by = world.waiting.find(({ number }) => number === one.by);
        assert.ok(holder?.preemptible && !holder.leaving && !seen.has(one.run));
        seen.add(one.run);
        assert.equal(making.get(one.by), 'making-room');
        assert.equal(holder.team === by?.team, one.rule === 'priority');
      }
    });
  });

  test('not one more is stopped than the run needs', () => {
    holds(anyWorld({ waiting: 1 }), (world, decisions) => {
      const stopped = decisions.flatMap(one => (one.type === 'preempt' ? [one.run] : []));
      if (stopped.length === 0) return;
      const leaving = world.holders.filter(one => one.leaving || stopped.includes(one.number));
      assert.equal(startsIn(plan(without(world, leaving), now)).length, 1, 'it starts when they are gone');
      for (const number of stopped) {
        const spared = leaving.filter(one => one.number !== number);
        const still = without(world, spared);
        assert.equal(startsIn(plan(still, now)).length, 0, `#${number} was stopped for nothing`);
      }
    });
  });

  test('nothing starts where it is frozen, out of reach, or beyond its project', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      const working = new Map<string, number>();
      for (const { project } of world.holders) working.set(project, (working.get(project) ?? 0) + 1);
      for (const { run, pool } of startsIn(decisions)) {
        const waiting = world.waiting.find(({ number }) => number === run);
        if (!waiting) throw new Error('a run that was not asked for');
        assert.ok(waiting.pools.includes(pool));
        assert.ok(world.pools.find(({ name }) => name === pool)?.reachable);
        assert.ok(waiting.held.every(one => one.pool !== null && one.pool !== pool));
        working.set(waiting.project, (working.get(waiting.project) ?? 0) + 1);
        const limit = world.projectLimits.get(waiting.project);
        assert.ok(limit === undefined || (working.get(waiting.project) ?? 0) <= limit);
      }
    });
  });

  test('a start costs no more than what was approved, or what may be spent unasked', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      const left = new Map(world.teams.map(team => [team.name, team.budgetLeft ?? Number.POSITIVE_INFINITY]));
      for (const { run, cost } of startsIn(decisions)) {
        const waiting = world.waiting.find(({ number }) => number === run);
        const team = world.teams.find(({ name }) => name === waiting?.team);
        if (!waiting || !team) throw new Error('a run that was not asked for');
        const isApproved = waiting.approved !== null && waiting.approved >= cost;
        const rest = left.get(team.name) ?? 0;
        assert.ok(cost === 0 || isApproved || (cost <= (team.askAbove ?? cost) && cost <= rest));
        left.set(team.name, rest - cost);
      }
    });
  });

  test('every reason is true', () => {
    holds(anyWorld({ over: true }), (world, decisions) => {
      assert.deepEqual(untruths(world, decisions, now), []);
    });
  });

  test('whatever could start on an idle site starts in the end, however much else waits', () => {
    fc.assert(
      fc.property(anyWorld(), drawn => {
        // Money that is spent does not come back.
        const teams = drawn.teams.map(team => ({ ...team, budgetLeft: null, askAbove: null }));
        const world = { ...drawn, teams };
        const idle = without(world, world.holders);
        const able = world.waiting.filter(
          run => startsIn(plan({ ...idle, waiting: [run] }, now + 1e9)).length > 0,
        );
        let state: World = world;
        let clock = now;
        // Each round somebody ends; nobody is started again for ever, as there are so many at most and each ends.
        const most = 40 * (world.waiting.length + world.holders.length + 1);
        const begun = new Set<number>();
        for (let round = 0; round < most && able.some(run => !begun.has(run.number)); round += 1) {
          const decisions = plan(state, clock);
          for (const { run } of startsIn(decisions)) begun.add(run);
          state = afterPlan(state, decisions, clock);
          const leaving = state.holders.filter(one => one.leaving);
          const [next] =
            leaving.length > 0 ? leaving : [...state.holders].sort((a, b) => a.endsBy - b.endsBy);
          clock = Math.max(clock + 1_000, leaving.length > 0 ? 0 : (next?.endsBy ?? clock + 5_000_000));
          if (!next) continue;
          const gone = leaving.length > 0 ? leaving : state.holders.filter(one => one.endsBy <= clock);
          state = without(state, gone);
          state = { ...state, holders: state.holders.map(one => ({ ...one, untaken: false })) };
        }
        assert.deepEqual(
          able.filter(run => !begun.has(run.number)).map(run => run.number),
          [],
        );
      }),
      { ...many, numRuns: Math.ceil(many.numRuns / 3) },
    );
  });
});
