import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Actor, actorKey } from '../../src/core/actor.ts';
import { channel, developer, elsewhere, operator } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { summaryOf } from '../support/summary.ts';
import { dev, digest, minute, octocat, op, openPromotionTown, slack, third } from './promotion-town.ts';

let server: TestServer;
const tuesday = new Date('2026-03-10T12:00:00Z');
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** Version 1 serves, and version 2 has been asked for in production: P3 (or the number that is answered). */
async function asked(t: TestContext, more: Record<string, unknown> = {}, by = dev, start?: Date) {
  const one = await openPromotionTown(t, server, start);
  await one.version('a', [summaryOf('val_accuracy', 10, 0.92)], 0.2);
  await one.version('b');
  await one.live(1, 'staging');
  await one.live(1, 'production');
  await one.live(2, 'staging');
  one.declare(more);
  await one.says(by, 'model promote digits 2 --to production --reason "fewer mistakes"');
  const [promotion] = await one.promotions.ofModel('digits', 1);
  assert.equal(promotion?.version, 2);
  const number = promotion?.number ?? 0;
  return { ...one, number, name: `P${number}` };
}

describe('asking for a promotion', () => {
  test('it is looked at at once, and asks for approval; its evidence is kept', async t => {
    const { promotions, number, state, shown, show } = await asked(t);
    assert.equal(await state(number), 'awaiting-approval');
    const promotion = await promotions.get(number);
    assert.equal(promotion?.before, 1);
    const evidence = await promotions.evidence(number, promotion?.evidence ?? '');
    assert.deepEqual(
      evidence?.gates.map(one => [one.verdict, one.sentence]),
      [
        ['holds', '0.93 >= 0.915.'],
        ['holds', '0 s < 14 d.'],
      ],
    );
    assert.deepEqual(evidence?.metrics, [
      {
        ...{ name: 'val_accuracy', value: '0.93', before: '0.92', better: 'higher', verdict: 'better' },
        ...{ difference: 0.93 - 0.92, share: (0.93 - 0.92) / 0.92 },
      },
    ]);
    assert.deepEqual(evidence?.differences, [{ label: 'lr', value: '0.1', before: '0.2' }]);
    assert.equal(
      evidence?.codeLink,
      `https://github.com/octo-org/digits/compare/${'a'.repeat(40)}...${'b'.repeat(40)}`,
    );
    await show();
    assert.match(
      shown()
        .map(one => one.text)
        .join(),
      /waits for approval \(0 of 1\)/,
    );
  });

  const refused: [name: string, words: string, answer: string][] = [
    ['a model that is not there', 'model promote digit 2', 'MODEL_UNKNOWN'],
    ['a version that is not there', 'model promote digits 9', 'VERSION_UNKNOWN'],
    ['an environment that is not there', 'model promote digits 2 --to prod', 'ENVIRONMENT_UNKNOWN'],
    ['an environment before its turn', 'model promote digits 3 --to production', 'PROMOTION_ORDER'],
    ['what serves there already', 'model promote digits 1 --to production', 'PROMOTION_SERVES'],
    ['an answer to one that is not there', 'model approve P99', 'PROMOTION_UNKNOWN'],
    ['an answer to what is no name', 'model approve digits', 'PROMOTION_UNKNOWN'],
    ['a rejection without a reason', 'model reject P4', 'ARGUMENT_MISSING'],
    [
      'to go back to what never served there',
      'model rollback digits --to 2 --reason x',
      'ROLLBACK_NEVER_LIVE',
    ],
    ['to pass approvals without breakglass', 'model approve P4 --pass --reason x', 'PROMOTION_PASS'],
    ['to pass approvals without a reason', 'model approve P4 --pass', 'ARGUMENT_MISSING'],
  ];
  test('what cannot be asked for is refused by name', async t => {
    const { says, version, number } = await asked(t);
    assert.equal(number, 4);
    await version('c');
    for (const [name, words, answer] of refused) assert.equal(await says(op, words), answer, name);
  });

  test('one wish is one promotion, however often it arrives; the same wish again is the same promotion', async t => {
    const { says, promotions, number } = await asked(t);
    const words = 'model promote digits 2 --to production';
    await Promise.all([says(third, words, {}, 'one'), says(third, words, {}, 'one'), says(dev, words)]);
    assert.equal((await promotions.open()).length, 1);
    assert.equal((await promotions.open())[0]?.number, number);
  });

  test('a newer one supersedes it, in one step', async t => {
    const { says, version, live, promotions, number, state, name } = await asked(t);
    await version('c');
    await live(3, 'staging');
    await Promise.all([
      says(dev, 'model promote digits 3 --to production'),
      says(third, 'model promote digits 3 --to production'),
    ]);
    assert.equal(await state(number), 'superseded');
    assert.equal((await promotions.open()).length, 1);
    assert.equal(await says(op, `model approve ${name}`), 'PROMOTION_OVER');
  });
});

describe('who may decide', () => {
  test('somebody else of that role: it is approved, and goes on to live', async t => {
    const { says, name, number, goOn, state, audited } = await asked(t);
    assert.match(await says(op, `model approve ${name}`), /is approved/);
    await goOn();
    assert.equal(await state(number), 'live');
    const actions = (await audited(number)).map(row => [row.action, row.who]);
    assert.deepEqual(actions.slice(0, 3), [
      ['promotion.requested', 'developer'],
      ['promotion.awaiting-approval', 'Signalbox'],
      ['promotion.approved', 'operator'],
    ]);
  });

  test('not who asked for it', async t => {
    const { says, refusal, name, state, number } = await asked(t, {}, third);
    assert.equal(await says(third, `model approve ${name}`), 'ACCESS_DENIED');
    assert.match(await refusal(third, `model approve ${name}`), /nobody approves their own promotion/);
    assert.equal(await state(number), 'awaiting-approval');
  });

  test('not who trained it', async t => {
    const { refusal, name } = await asked(t);
    assert.match(await refusal(octocat, `model approve ${name}`), /nobody approves their own model/);
  });

  test('not a token of nobody; one of somebody is that person, with their role', async t => {
    const { says, refusal, name, said, state, number } = await asked(t);
    const token: Actor = { kind: 'token', id: 'b1b1b1b1-0000-4000-8000-000000000001', name: 'laptop' };
    const words = `model approve ${name}`;
    assert.match(await refusal(token, words), /a token of nobody/);
    const give = (to: Actor) => {
      const people = said.policy.people.map(({ tokens: _, ...one }) =>
        one.slack === to.id ? { ...one, tokens: [token.id] } : one,
      );
      said.policy = { ...said.policy, people };
    };
    give(dev);
    assert.match(await refusal(token, words), /nobody approves their own promotion/);
    give(octocat);
    assert.match(await refusal(token, words), /nobody approves their own model/);
    assert.equal(await state(number), 'awaiting-approval');
    give(op);
    assert.match(await says(token, words), /is approved/);
  });

  test('not who trained it, under a second account that is linked since', async t => {
    const { says, refusal, name, links, said, person, now } = await asked(t);
    const second = slack('U000000077', 'second');
    const named = [...said.policy.people, person(second, 'approver')];
    said.policy = { ...said.policy, people: named };
    const code = await links.issue(actorKey(octocat), 'wish', new Date(now.getTime() + minute));
    await links.redeem(actorKey(second), code, second, now);
    assert.match(await refusal(second, `model approve ${name}`), /nobody approves their own model/);
    assert.match(await says(op, `model approve ${name}`), /is approved/);
  });

  test('two must approve: two accounts of one person are one', async t => {
    const { says, name, number, promotions, links, said, person, now, state } = await asked(t, {
      approvals: { count: 2, from: 'approver' },
    });
    const second = slack('U000000077', 'second');
    said.policy = { ...said.policy, people: [...said.policy.people, person(second, 'approver')] };
    const code = await links.issue(actorKey(op), 'wish', new Date(now.getTime() + minute));
    await links.redeem(actorKey(second), code, second, now);
    await says(op, `model approve ${name}`);
    assert.match(await says(second, `model approve ${name}`), /waits for approval/);
    assert.equal((await promotions.get(number))?.answers.length, 1);
    await says(third, `model approve ${name}`);
    assert.equal(await state(number), 'approved');
  });

  test('not who was taken out of the group a second ago', async t => {
    const one = await asked(t, { approvals: { count: 1, from: 'team:research' } });
    const { says, name, said, refusal } = one;
    const others = said.policy.people.filter(who => who.slack !== third.id);
    said.policy = { ...said.policy, people: [...others, one.person(third, 'approver', ['research'])] };
    assert.equal(await says(op, `model approve ${name}`), 'ACCESS_DENIED');
    said.policy = { ...said.policy, people: [...others, one.person(third, 'approver')] };
    one.wait(1_000);
    assert.match(await refusal(third, `model approve ${name}`), /team research, and you are not in it/);
    said.policy = { ...said.policy, people: [...others, one.person(third, 'trainer', ['research'])] };
    assert.match(await says(third, `model approve ${name}`), /is approved/);
  });

  test('a reason is shown with a rejection, also by who asked', async t => {
    const { says, name, state, number, promotions } = await asked(t);
    await says(dev, `model reject ${name} --reason "not yet"`);
    assert.equal(await state(number), 'rejected');
    assert.match((await promotions.get(number))?.said ?? '', /developer rejected it: not yet/);
  });

  test('two clicks in one millisecond are one decision', async t => {
    const { says, name, promotions, number } = await asked(t);
    const words = `model approve ${name}`;
    const said = await Promise.all([says(op, words), says(op, words), says(third, words)]);
    const events = await promotions.events(number);
    assert.equal(events.filter(event => event.type === 'approved').length, 1);
    assert.equal((await promotions.get(number))?.answers.length, 1);
    assert.ok(
      said.every(one => /is approved|PROMOTION_NOT_ASKED/.test(one)),
      said.join(),
    );
  });

  test('approve and reject in one millisecond: one of them counts', async t => {
    const { says, name, promotions, number } = await asked(t);
    await Promise.all([says(op, `model approve ${name}`), says(third, `model reject ${name} --reason no`)]);
    const events = (await promotions.events(number)).map(event => event.to);
    assert.equal(events.filter(to => to === 'approved' || to === 'rejected').length, 1, events.join());
  });

  test('under breakglass approvals are passed, loudly', async t => {
    const { says, name, number, now, elevations, audited, show, shown } = await asked(t);
    await elevations.open({
      ...{ key: 'k', actor: dev, accounts: [actorKey(dev)], why: 'the old one answers nonsense' },
      ...{ until: new Date(now.getTime() + 60 * minute), at: now },
    });
    assert.match(
      await says(dev, `model approve ${name} --pass --reason "it burns"`),
      /approvals were passed/,
    );
    const row = (await audited(number)).find(one => one.action === 'promotion.passed');
    assert.equal(row?.details.breakglass, 1);
    await show();
    await show();
    assert.match(
      shown()
        .map(one => one.text)
        .join(),
      /approvals were passed/,
    );
  });
});

describe('what it is decided on', () => {
  test('what serves has changed: approvals are void, said so, and asked for again', async t => {
    const one = await asked(t, { approvals: { count: 2, from: 'approver' } });
    const { says, name, number, promotions, live, version, goOn, show, shown } = one;
    await says(op, `model approve ${name}`);
    await says(third, `model approve ${name}`);
    one.held.add(number);
    await promotions.change(number, { type: 'step', step: 0, reason: 'It begins.' }, one.now, op);
    // A newer one waits beside what is being rolled out.
    await version('c', [summaryOf('val_accuracy', 10, 0.925)]);
    await live(3, 'staging');
    await says(dev, 'model promote digits 3 --to production');
    const [newer] = await promotions.open().then(open => open.filter(that => that.number !== number));
    assert.ok(newer);
    await says(op, `model approve P${newer.number}`);
    assert.equal((await promotions.get(newer.number))?.answers.length, 1);
    await says(third, `model approve P${newer.number}`);
    assert.equal(await one.state(newer.number), 'approved');
    await promotions.change(number, { type: 'live', reason: 'It answers all requests.' }, one.now, op);
    const step = { type: 'step' as const, step: 0, reason: 'It begins.' };
    const early = await promotions.change(newer.number, step, one.now, op);
    assert.ok(
      !early.ok && early.code === 'busy',
      'it begins on nothing that was judged beside another version',
    );
    await goOn();
    const after = await promotions.get(newer.number);
    assert.equal(after?.state, 'awaiting-approval');
    assert.notEqual(after?.evidence, newer.evidence);
    assert.match(await says(third, `model approve P${newer.number}`), /waits for approval/);
    await show();
    await show();
    assert.match(
      JSON.stringify(shown()),
      /what serves there, .*What operator and hubot said does not count any more/,
    );
  });

  test('it changes, and back: what was void stays void, and may be said again', async t => {
    const one = await asked(t, { approvals: { count: 2, from: 'approver' } });
    await one.says(op, `model approve ${one.name}`);
    await one.says(third, `model approve ${one.name}`);
    const before = (await one.promotions.get(one.number))?.evidence;
    one.declare({ gates: ['val_accuracy >= 0.9'] });
    await one.goOn();
    one.declare({ gates: ['val_accuracy >= production.val_accuracy - 0.005', 'age < 14d'] });
    await one.goOn();
    const promotion = await one.promotions.get(one.number);
    assert.equal(promotion?.evidence, before);
    assert.deepEqual([promotion?.state, promotion?.answers], ['awaiting-approval', []]);
    await one.says(op, `model approve ${one.name}`);
    assert.match(await one.says(third, `model approve ${one.name}`), /is approved/);
  });

  test('what is typed is about what it was then, however late it is heard', async t => {
    const one = await asked(t);
    const at = (minutes: number) => new Date(one.now.getTime() + minutes * minute);
    one.wait(2 * minute);
    one.declare({ gates: ['val_accuracy >= 0.9'] });
    await one.goOn();
    const place = { kind: 'slack' as const, team: 'T000000001', channel, user: operator };
    const words = `model approve ${one.name}`;
    const rows: [name: string, saidAt: Date, answer: string][] = [
      ['before it was asked for', at(-60), 'PROMOTION_CHANGED'],
      ['before it changed', at(1), 'PROMOTION_CHANGED'],
      ['since', at(3), 'approved'],
    ];
    for (const [name, saidAt, answer] of rows) {
      const intent = { key: name, actor: op, place, saidAt, wish: { kind: 'words' as const, words } };
      const result = await one.dispatch(intent, at(3));
      assert.equal(result.ok ? await one.state(one.number) : result.fault.code, answer, name);
    }
  });

  const changes: [
    name: string,
    change: (one: Awaited<ReturnType<typeof asked>>) => Promise<void>,
    then: string,
  ][] = [
    [
      'the policy',
      async one => one.declare({ approvals: { count: 2, from: 'team:research' } }),
      'awaiting-approval',
    ],
    ['the gates', async one => one.declare({ gates: ['val_accuracy >= 0.9'] }), 'awaiting-approval'],
    [
      'how it is rolled out',
      async one => one.declare({ rollout: { steps: [10, 100], check: 'up', holds: '> 0' } }),
      'awaiting-approval',
    ],
    ['a gate that fails', async one => one.declare({ gates: ['val_accuracy >= 0.99'] }), 'refused'],
    [
      'the artifact in the store',
      async one => {
        one.artifacts.kept.delete(digest('b'));
      },
      'refused',
    ],
    [
      'the digest of the artifact',
      async one => {
        await one.database.pool.query('update artifacts set sha256 = $1 where sha256 = $2', [
          digest('a'),
          digest('b'),
        ]);
      },
      'refused',
    ],
    [
      'the metrics of the version',
      async one => {
        await one.database.pool.query(
          `update model_versions set metrics = jsonb_set(metrics, '{0,value}', '0.94') where number = 2`,
        );
      },
      'awaiting-approval',
    ],
  ];
  for (const [name, change, then] of changes)
    test(`${name} changed after an approval: it does not count, and whoever answers what was shown is told`, async t => {
      const one = await asked(t, { approvals: { count: 2, from: 'approver' } });
      await one.says(op, `model approve ${one.name}`);
      const shown = (await one.promotions.get(one.number))?.evidence;
      await change(one);
      const said = await one.says(third, `model approve ${one.name}`);
      assert.equal(said, then === 'refused' ? 'PROMOTION_OVER' : 'PROMOTION_CHANGED');
      const promotion = await one.promotions.get(one.number);
      assert.equal(promotion?.state, then);
      assert.notEqual(promotion?.evidence, shown);
      await one.show();
      await one.show();
      const texts = JSON.stringify(one.shown());
      if (then !== 'refused') assert.match(texts, /does not count any more/);
    });

  test('time alone changes nothing', async t => {
    const { promotions, number, wait, goOn } = await asked(t);
    const before = (await promotions.get(number))?.evidence;
    wait(3 * 60 * minute);
    await goOn();
    assert.equal((await promotions.get(number))?.evidence, before);
    assert.equal((await promotions.events(number)).length, 2);
  });

  test('a version grows too old', async t => {
    const { number, wait, goOn, state } = await asked(t, { expires: '20d' });
    wait(15 * 24 * 60 * minute);
    await goOn();
    assert.equal(await state(number), 'refused');
  });

  const failing: [
    name: string,
    metrics: Parameters<Awaited<ReturnType<typeof openPromotionTown>>['version']>[1],
    said: RegExp,
  ][] = [
    ['a gate with an unknown metric', [summaryOf('val_acc', 10, 0.99)], /has no metric val_accuracy/],
    ['a metric that is NaN', [summaryOf('val_accuracy', 10, Number.NaN)], /val_accuracy/],
    ['a metric that is infinite', [summaryOf('val_accuracy', 10, Number.POSITIVE_INFINITY)], /val_accuracy/],
    ['one that is too low', [summaryOf('val_accuracy', 10, 0.91)], /0.91 is not >= 0.915/],
  ];
  for (const [name, metrics, expected] of failing)
    test(`${name}: it is refused, and says why`, async t => {
      const one = await asked(t);
      await one.version('c', metrics);
      await one.live(3, 'staging');
      await one.says(dev, 'model promote digits 3 --to production');
      const [promotion] = await one.promotions.ofModel('digits', 1);
      assert.equal(promotion?.state, 'refused');
      assert.match(promotion?.said ?? '', expected);
    });
});

describe('time', () => {
  test('it expires, and nobody can approve it any more', async t => {
    const { number, wait, goOn, state, says, name } = await asked(t);
    wait(24 * 60 * minute);
    assert.match(await says(dev, 'model history digits'), /version 1/);
    await goOn();
    assert.equal(await state(number), 'expired');
    assert.equal(await says(op, `model approve ${name}`), 'PROMOTION_OVER');
  });

  test('it is reminded of, once each time, and then others are asked', async t => {
    const { wait, goOn, show, shown } = await asked(t);
    await show();
    const count = async () => {
      await goOn();
      await goOn();
      await show();
      await show();
      return shown().length;
    };
    const first = await count();
    wait(4 * 60 * minute);
    assert.equal((await count()) - first, 1);
    wait(4 * 60 * minute);
    assert.equal((await count()) - first, 3);
    assert.match(JSON.stringify(shown()), /nobody has decided/);
  });

  test('it waits for quiet hours and freezes, and says so', async t => {
    const { number, name, wait, goOn, says, state, promotions, rolled, freezes, now } = await asked(
      t,
      {
        quiet: [{ days: ['tue'], from: '13:00', to: '14:00' }],
      },
      dev,
      tuesday,
    );
    wait(61 * minute);
    await says(op, `model approve ${name}`);
    const before = rolled.length;
    await goOn();
    assert.equal(await state(number), 'approved');
    assert.match((await promotions.get(number))?.said ?? '', /end of its quiet hours, 2026-03-10 14:00 UTC/);
    await freezes.freeze({
      ...{ key: 'f', kind: 'freeze', scope: { kind: 'project', name: 'digits' }, why: 'an incident' },
      ...{ by: op, place: { kind: 'http' }, at: now },
    });
    wait(60 * minute);
    await goOn();
    assert.match((await promotions.get(number))?.said ?? '', /Project digits is frozen by operator/);
    assert.equal(rolled.length, before);
    await freezes.lift({
      key: 'l',
      kind: 'freeze',
      scope: { kind: 'project', name: 'digits' },
      by: op,
      at: now,
    });
    await goOn();
    assert.equal(await state(number), 'live');
  });

  test('a rollback waits for neither, and goes to what served before', async t => {
    const { says, live, goOn, promotions, freezes, now, wait } = await asked(
      t,
      {
        quiet: [{ days: ['wed'], from: '00:00', to: '24:00' }],
      },
      dev,
      tuesday,
    );
    await live(2, 'production');
    wait(24 * 60 * minute);
    await freezes.freeze({
      ...{
        key: 'f',
        kind: 'freeze',
        scope: { kind: 'all' },
        why: '',
        by: op,
        place: { kind: 'http' },
        at: now,
      },
    });
    assert.match(await says(op, 'model rollback digits --reason "it confuses 3 and 8"'), /is asked for/);
    await goOn();
    const [promotion] = await promotions.ofModel('digits', 1);
    assert.deepEqual([promotion?.kind, promotion?.version, promotion?.state], ['rollback', 1, 'live']);
    assert.equal(await says(op, 'model rollback digits --reason again'), 'ROLLBACK_NEVER_LIVE');
    assert.match(await says(dev, 'model history digits'), /version 1 in production/);
  });

  test('who asked may take it back, and nobody else below an operator', async t => {
    const { says, name, state, number } = await asked(t);
    assert.equal(await says(op, `model cancel ${name}`), 'ACCESS_DENIED');
    await says(dev, `model cancel ${name} --reason "too early"`);
    assert.equal(await state(number), 'cancelled');
    assert.match(await says(dev, `model cancel ${name}`), /was cancelled/);
    assert.equal(await says(op, `model approve ${name}`), 'PROMOTION_OVER');
  });
});

describe('going back', () => {
  const rollback = 'model rollback digits --reason "it burns"';

  test('from what is being rolled out: that stops, and what served goes on', async t => {
    const one = await asked(t);
    await one.says(op, `model approve ${one.name}`);
    const step = { type: 'step' as const, step: 0, reason: 'It begins.' };
    await one.promotions.change(one.number, step, one.now, op);
    assert.equal(await one.says(dev, `model cancel ${one.name}`), 'PROMOTION_MOVING');
    assert.equal(await one.says(dev, rollback), 'ACCESS_DENIED');
    assert.equal(await one.state(one.number), 'rolling-out');
    for (const words of [rollback, rollback.replace('digits', `digits --to 1`)])
      assert.match(await one.says(op, words), new RegExp(`${one.name}: .* is being rolled back`), words);
    assert.equal((await one.promotions.ofModel('digits', 1))[0]?.number, one.number, 'nothing else is begun');
    const events = await one.promotions.events(one.number);
    assert.equal(events.at(-1)?.reason, 'operator rolled it back: it burns');
  });

  test('by the name of what is being rolled out', async t => {
    const one = await asked(t);
    await one.says(op, `model approve ${one.name}`);
    await one.promotions.change(one.number, { type: 'step', step: 0, reason: 'r' }, one.now, op);
    const said = await one.says(op, rollback.replace('digits', one.name));
    assert.match(said, /is being rolled back/);
  });

  test('nobody who may only ask takes its place', async t => {
    const one = await asked(t);
    await one.version('c');
    await one.live(3, 'staging');
    await one.live(3, 'production');
    await one.says(op, rollback);
    const [back] = await one.promotions.ofModel('digits', 1);
    assert.deepEqual([back?.kind, back?.version], ['rollback', 1]);
    assert.match(
      await one.refusal(dev, 'model promote digits 2 --to production'),
      new RegExp(`P${back?.number}: digits back to version 1 in production is approved, and comes first`),
    );
    await one.goOn();
    assert.equal(await one.state(back?.number ?? 0), 'live');
    await one.says(dev, 'model promote digits 2 --to production');
    assert.equal((await one.promotions.open()).length, 1);
  });

  test('what came to serve since it was looked at is not taken back by it', async t => {
    const one = await asked(t);
    await one.says(op, `model approve ${one.name}`);
    await one.goOn();
    const wish = {
      ...{ key: 'late', kind: 'rollback' as const, model: 'digits', version: 1, environment: 'production' },
      ...{
        before: 3,
        requestedBy: op,
        place: { kind: 'http' as const },
        alsoAt: [],
        reason: 'late',
        needed: 0,
      },
      ...{ expiresAt: new Date(one.now.getTime() + minute), at: one.now },
    };
    const found = await one.promotions.create(wish);
    assert.deepEqual([found.created, found.promotion.number], [false, one.number]);
    assert.equal((await one.promotions.create({ ...wish, before: 2 })).created, true);
  });
});

describe('the buttons of its message', () => {
  const at = async (one: Awaited<ReturnType<typeof asked>>) => {
    await one.show();
    return one.shown().findLast(message => message.text?.includes('waits for approval'))?.ts ?? '';
  };
  const altered = (value: (old: string) => string) => (payload: Record<string, unknown>) => ({
    ...payload,
    actions: (payload.actions as { value: string }[]).map(one => ({ ...one, value: value(one.value) })),
  });

  test('Approve: by somebody who may; the message says so, and its buttons go', async t => {
    const one = await asked(t);
    const ts = await at(one);
    assert.deepEqual(await one.press(`promotion-approve:${one.number}`, { ts, user: operator }), ['stored']);
    assert.equal(await one.state(one.number), 'approved');
    await one.show();
    const text = JSON.stringify(one.shown());
    assert.match(text, /is approved/);
    assert.ok(!text.includes(`promotion-approve:${one.number}`));
    assert.deepEqual(await one.work(one.last()), ['duplicate'], 'a click that is replayed is the same click');
    assert.equal((await one.promotions.get(one.number))?.answers.length, 1);
  });

  test('pressed by who may not: they alone are told who may', async t => {
    const one = await asked(t);
    const ts = await at(one);
    await one.press(`promotion-approve:${one.number}`, { ts, user: developer });
    assert.equal(await one.state(one.number), 'awaiting-approval');
    assert.match(JSON.stringify(one.fake.ephemerals({ channel, user: developer })), /role approver or above/);
  });

  test('a value that was altered, another channel, another workspace', async t => {
    const one = await asked(t);
    const ts = await at(one);
    const id = `promotion-approve:${one.number}`;
    await one.press(id, { ts, user: operator, alter: altered(old => `${old.slice(0, -2)}AA`) });
    await one.press(id, {
      ts,
      user: operator,
      alter: payload => ({ ...payload, channel: { id: elsewhere, name: 'elsewhere' } }),
    });
    await one.press(id, {
      ts,
      user: operator,
      alter: payload => ({ ...payload, team: { id: 'T000000002', domain: 'grid' } }),
    });
    assert.equal(await one.state(one.number), 'awaiting-approval');
    const { rows } = await one.database.pool.query('select id from promotion_buttons where promotion = $1', [
      one.number,
    ]);
    const button = rows[0]?.id as string;
    assert.match(button, /^[\w-]{16,}$/);
    const words = `model approve ${button}`;
    assert.equal(await one.says(op, words, { channel: elsewhere }), 'PROMOTION_UNKNOWN');
    assert.equal(await one.says(op, words, { team: 'T000000002' }), 'PROMOTION_UNKNOWN');
    assert.match(await one.says(op, words), /is approved/);
  });

  test('pressed on a message that shows what it was before', async t => {
    const one = await asked(t);
    const ts = await at(one);
    one.declare({ gates: ['val_accuracy >= 0.9'] });
    await one.press(`promotion-approve:${one.number}`, { ts, user: operator });
    assert.equal(await one.state(one.number), 'awaiting-approval');
    assert.match(JSON.stringify(one.fake.ephemerals({ channel, user: operator })), /has changed since/);
  });

  test('Reject asks why, and everybody sees it', async t => {
    const one = await asked(t);
    const ts = await at(one);
    const id = 'open:model reject';
    await one.press(id, { ts, user: operator });
    const [view] = one.fake.modals({ user: operator });
    assert.ok(view, 'a modal is open');
    assert.match(JSON.stringify(view.given), new RegExp(`Reject ${one.name}`));
    const [input] = (view.given.blocks as { block_id: string; element?: { action_id: string } }[]).filter(
      block => block.element,
    );
    assert.ok(input?.element);
    await one.fake.submit({
      user: operator,
      filled: { [input.block_id]: { [input.element.action_id]: 'worse on 4' } },
    } as never);
    await one.work();
    assert.equal(await one.state(one.number), 'rejected');
    await one.show();
    assert.match(JSON.stringify(one.shown()), /operator rejected it: worse on 4/);
  });
});

describe('the Roll back button of what is live', () => {
  /** Version 2 serves in production by P5; version 1 has before. */
  async function served(t: TestContext) {
    const one = await openPromotionTown(t, server);
    await one.version('a', [summaryOf('val_accuracy', 10, 0.92)], 0.2);
    await one.version('b');
    await one.live(1, 'staging');
    const first = await one.live(1, 'production');
    await one.live(2, 'staging');
    const number = await one.live(2, 'production');
    await one.show();
    await one.show();
    /** The message of a promotion, as the channel shows it. */
    const messageOf = (of: number) => one.shown().find(message => message.text?.includes(`P${of}: `));
    const hasButton = (of: number) =>
      JSON.stringify(messageOf(of)?.blocks ?? []).includes('open:model rollback');
    const press = async (
      user: string,
      alter?: (payload: Record<string, unknown>) => Record<string, unknown>,
    ) => {
      const ts = messageOf(number)?.ts ?? '';
      return await one.press('open:model rollback', { ts, user, ...(alter ? { alter } : {}) });
    };
    const filled = (values: { version?: string; reason: string }, user = operator) => {
      const [view] = one.fake.modals({ user });
      assert.ok(view, 'a modal is open');
      const inputs = (view.given.blocks as { block_id: string; element?: { action_id: string } }[]).flatMap(
        ({ block_id, element }) => (element ? [{ block_id, action_id: element.action_id }] : []),
      );
      const of = (name: 'version' | 'reason') => {
        const input = inputs.find(({ action_id }) => action_id === name);
        assert.ok(input);
        return values[name] === undefined ? [] : [[input.block_id, { [name]: values[name] }] as const];
      };
      return { user, filled: Object.fromEntries([...of('version'), ...of('reason')]) } as never;
    };
    const whispered = (user: string) => JSON.stringify(one.fake.ephemerals({ channel, user }));
    const newest = async () => (await one.promotions.ofModel('digits', 1))[0];
    const name = `P${number}`;
    return { ...one, first, number, name, messageOf, hasButton, pressIt: press, filled, whispered, newest };
  }

  test('only what serves has it; the modal names the version that served before, and asks why', async t => {
    const one = await served(t);
    assert.ok(one.hasButton(one.number));
    assert.ok(!one.hasButton(one.first), 'nothing served before the first');
    await one.pressIt(operator);
    const [view] = one.fake.modals({ user: operator });
    const text = JSON.stringify(view?.given);
    assert.match(text, new RegExp(`Roll back ${one.name}`));
    assert.match(text, /"initial_option":\{"text":\{[^}]*"Version 1"/);
    assert.ok(!text.includes('Version 2"'), 'what serves is no choice');
    await one.fake.submit(one.filled({ reason: 'it confuses 3 and 8' }));
    assert.deepEqual(await one.work(), ['stored']);
    const back = await one.newest();
    assert.deepEqual([back?.kind, back?.version, back?.reason], ['rollback', 1, 'it confuses 3 and 8']);
    assert.equal(back?.requestedBy.name, 'operator');
    assert.deepEqual(await one.work(one.last()), ['duplicate'], 'a form that is sent again is the same form');
    await one.goOn();
    assert.equal(await one.state(back?.number ?? 0), 'live');
    assert.equal((await one.newest())?.number, back?.number);
    await one.show();
    assert.ok(!one.hasButton(one.number), 'something newer is live there');
    assert.match(one.messageOf(one.number)?.text ?? '', /was live/);
  });

  test('pressed by who may not: no modal, and they alone are told who may', async t => {
    const one = await served(t);
    await one.pressIt(developer);
    assert.deepEqual(one.fake.modals({ user: developer }), []);
    assert.match(one.whispered(developer), /needs the role approver, and yours is trainer/);
    assert.equal((await one.newest())?.number, one.number);
    assert.deepEqual(await one.refusals(), ['ACCESS_DENIED']);
  });

  test('a second account counts as its person; a role that is lost meanwhile is missed when it is sent', async t => {
    const one = await served(t);
    // Nobody but for the link.
    one.people(one.said.policy.people.filter(({ name }) => name !== 'developer'));
    const code = await one.links.issue(actorKey(op), 'wish', new Date(one.now.getTime() + minute));
    await one.links.redeem(actorKey(dev), code, dev, one.now);
    await one.pressIt(developer);
    assert.equal(one.fake.modals({ user: developer }).length, 1, 'by the linked account they may');
    one.people(one.said.policy.people.map(person => ({ ...person, role: 'trainer' as const })));
    await one.fake.submit(one.filled({ reason: 'why not' }, developer));
    await one.work();
    assert.equal((await one.newest())?.number, one.number);
  });

  test('a value that was altered, another channel, another workspace: no modal', async t => {
    const one = await served(t);
    const altered = (payload: Record<string, unknown>) => ({
      ...payload,
      actions: (payload.actions as { value: string }[]).map(action => ({
        ...action,
        value: `${action.value.slice(0, -2)}AA`,
      })),
    });
    await one.pressIt(operator, altered);
    await one.pressIt(operator, payload => ({ ...payload, channel: { id: elsewhere, name: 'elsewhere' } }));
    await one.pressIt(operator, payload => ({ ...payload, team: { id: 'T000000002', domain: 'grid' } }));
    assert.deepEqual(one.fake.modals({ user: operator }), []);
    const { rows } = await one.database.pool.query('select id from promotion_buttons where promotion = $1', [
      one.number,
    ]);
    const words = `model rollback ${rows[0]?.id} --reason "x"`;
    assert.equal(await one.says(op, words, { channel: elsewhere }), 'MODEL_UNKNOWN');
    assert.equal(await one.says(op, words, { team: 'T000000002' }), 'MODEL_UNKNOWN');
    assert.equal((await one.newest())?.number, one.number);
    assert.match(await one.says(op, words), /is asked for/);
  });

  test('a version that never served there, or serves there now, is not taken', async t => {
    const one = await served(t);
    await one.version('c');
    for (const version of ['3', '2', '1e0', '-1']) {
      await one.pressIt(operator);
      await one.fake.submit(one.filled({ reason: 'x' }));
      const altered = one
        .last('view_submission')
        .replaceAll('%22value%22%3A%221%22', `%22value%22%3A%22${version}%22`);
      assert.notEqual(altered, one.last('view_submission'));
      assert.deepEqual(await one.work(altered), [], version);
    }
    assert.equal((await one.newest())?.number, one.number);
  });

  test('after a newer one went live it opens nothing, takes nothing, and says what serves', async t => {
    const one = await served(t);
    await one.pressIt(operator);
    await one.version('c');
    await one.live(3, 'staging');
    const newer = await one.live(3, 'production');
    await one.fake.submit(one.filled({ reason: 'too late' }));
    assert.deepEqual(await one.work(), [], 'it is told in the form, and nothing is stored');
    const ts = one.messageOf(one.number)?.ts ?? '';
    const old = `P${newer} has brought version 3 since`;
    const { rows } = await one.database.pool.query('select id from promotion_buttons where promotion = $1', [
      one.number,
    ]);
    assert.equal(await one.says(op, `model rollback ${rows[0]?.id} --reason "x"`), 'ROLLBACK_NOT_LIVE');
    assert.equal(await one.says(op, `model rollback ${one.name} --reason "x"`), 'ROLLBACK_NOT_LIVE');
    assert.match(await one.refusal(op, `model rollback ${one.name} --reason "x"`), new RegExp(old));
    assert.equal((await one.newest())?.number, newer);
    await one.show();
    assert.ok(ts !== '' && !one.hasButton(one.number) && one.hasButton(newer));
  });
});
