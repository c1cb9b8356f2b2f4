import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../e2e/until.ts';
import type { Delivery } from '../../fakes/github/hooks.ts';
import { type Random, random } from '../../support/random.ts';
import { deedsIn, something, type Wanted } from './deeds.ts';
import { type House, openHouse } from './house.ts';
import { lookAtEffects, lookAtStore } from './look.ts';
import { openPost, type Post } from './post.ts';

/** SIGNALBOX_LOAD=whole sends fifty thousand, which takes some minutes; SIGNALBOX_SEED draws others. */
const whole = process.env.SIGNALBOX_LOAD === 'whole';
const seed = Number(process.env.SIGNALBOX_SEED ?? 7);
const size = whole
  ? { sent: 50_000, repositories: 90, kills: 60, wave: 500, atOnce: 24, withinS: 900, hours: 4 }
  : { sent: 2_500, repositories: 6, kills: 4, wave: 250, atOnce: 8, withinS: 120, hours: 1 };
const repeated = 0.3;
/** Of one look. */
const mostAsked = 20;

/** A minute later, as far as looking for what is lost goes. */
async function aMinuteLater({ database }: House): Promise<void> {
  // Whoever looks meanwhile touches the same rows in another order.
  await database.pool.query(`
    begin;
    lock table lost_deliveries in exclusive mode;
    update lost_deliveries set next_at = now();
    update lost_deliveries_read set next_at = now();
    commit`);
}

/** What GitHub made since the last call, itself telling again left out. */
function newDeliveries({ github }: House): () => Delivery[] {
  let seen = 0;
  return () => {
    const all = github.deliveries.all().slice(seen);
    seen += all.length;
    return all.filter(one => !one.redelivery);
  };
}

/** So many at a time, in the order given. */
async function sendAll(work: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...work].reverse();
  const lane = async () => {
    for (let next = left.pop(); next; next = left.pop()) await next();
  };
  await Promise.all(Array.from({ length: size.atOnce }, lane));
}

/** In waves: what happened is told in any order, with repeats of it and of what was told before, while somebody is killed now and then. */
async function tellAll(house: House, post: Post, wanted: Wanted): Promise<{ sent: number; kills: number }> {
  const roll = random(seed);
  const fresh = newDeliveries(house);
  const told: Delivery[] = [];
  const going = Array.from({ length: size.repositories }, (_, index) => deedsIn(house.github, index, wanted));
  const repos: Parameters<typeof something>[1][] = [];
  const kills = killsAt(roll);
  let [sent, killed, restarting] = [0, 0, Promise.resolve()];
  house.github.deliveries.hold();
  while (sent < size.sent) {
    for (const deeds of [...going].filter(() => roll.chance(whole ? 0.2 : 0.7))) {
      const { value, done } = await deeds.next();
      if (done) going.splice(going.indexOf(deeds), 1);
      else if (!repos.includes(value)) repos.push(value);
    }
    const [repo, ...others] = repos;
    for (let i = 0; repo && i < size.wave; i += 1)
      something(house.github, roll.pick([repo, ...others]), roll);
    const news = fresh();
    told.push(...news);
    const repeats = Math.round((news.length * repeated) / (1 - repeated));
    const again = Array.from({ length: repeats }, () => told[roll.int(0, told.length - 1)]).filter(
      one => one !== undefined,
    );
    const wave = [...news.map(one => ({ one, repeat: false })), ...again.map(one => ({ one, repeat: true }))];
    await sendAll(
      roll.shuffle(wave).map(({ one, repeat }) => async () => {
        sent += 1;
        const next = kills[killed];
        if (next && sent >= next.at) {
          const { who } = next;
          killed += 1;
          if (who > 0) await aMinuteLater(house);
          restarting = Promise.all([restarting, house.kill(who)]).then(() => {});
        }
        await post.send(one, repeat);
      }),
    );
  }
  for (const deeds of going) for await (const _ of deeds);
  await restarting;
  await tellRest(fresh, post);
  return { sent, kills: killed };
}

function killsAt(roll: Random): { at: number; who: number }[] {
  return Array.from({ length: size.kills }, (_, i) => ({
    at: Math.round((size.sent * (i + roll.next())) / size.kills),
    // Each of them in turn, so that no seed leaves one out.
    who: i % 3,
  }));
}

/** What was held back, among it what Signalbox's own comments are told of. */
async function tellRest(fresh: () => Delivery[], post: Post): Promise<void> {
  for (let news = fresh(); news.length > 0; news = fresh())
    await sendAll(news.map(one => () => post.send(one, false)));
}

/** GitHub is asked again for what it could not tell, until there is none. Says how many there were. */
async function findLost(house: House): Promise<number> {
  const { deliveries } = house.github;
  const lost = () => {
    const all = deliveries.all().filter(({ statusCode }) => statusCode > 0);
    const arrived = new Set(all.filter(({ statusCode }) => statusCode < 300).map(one => one.guid));
    return new Set(all.map(one => one.guid).filter(guid => !arrived.has(guid))).size;
  };
  const asked = () => deliveries.all().filter(one => one.redelivery).length;
  for (let left = lost(); left > 0; left = lost()) {
    const before = asked();
    await aMinuteLater(house);
    await house.kill(1);
    const enough = Math.min(left, mostAsked);
    await until('what was lost to be asked for', () => asked() - before >= enough, size.withinS);
    await deliveries.settled();
  }
  return asked();
}

async function untilDone({ database }: House): Promise<void> {
  await until(
    'everything to be done and shown',
    async () => {
      const { rows } = await database.pool.query<{ open: number }>(`select
        (select count(*)::int from deliveries where done_at is null) +
        (select count(*)::int from runs where ended_at is null) +
        (select count(*)::int from surfaces where wanted_seq > seen_seq and not gave_up) as open`);
      return rows[0]?.open === 0;
    },
    size.withinS,
  );
}

/** Somebody presses the button of a check of each comment, as soon as it has one, and GitHub tells it a hundred times at once. */
async function pressAll({ github }: House, post: Post, wanted: Wanted): Promise<void> {
  for (const { repo, pull } of wanted.comments.filter(one => one.runs > 0)) {
    const { sha } = repo.pull(pull).pull.head;
    const check = await until(
      `the end of a check at ${repo.name}`,
      () => repo.checks(sha).find(one => one.status === 'completed' && one.name !== 'signalbox'),
      size.withinS,
    );
    const before = github.deliveries.all().length;
    await repo.press('octocat', check.id, 'rerun');
    const told = github.deliveries.all().slice(before);
    wanted.presses.push({ repo, run: Number(/run (\d+)/.exec(check.name)?.[1]) });
    for (const one of told) {
      await post.sendAtOnce(one);
      await post.send(one, false);
    }
  }
}

test(`${size.sent} deliveries of GitHub, three in ten of them repeats, in any order, while web and workers are killed: none is lost, and nothing is done twice`, {
  timeout: size.withinS * 3_000,
}, async t => {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
  const house = await openHouse(t, size.repositories);
  // So many deaths are those of hours, and whoever dies forgets the tokens of all installations.
  house.github.limits.set({ primary: 5_000 * size.hours });
  const post = openPost(house);
  const wanted: Wanted = { comments: [], merges: [], presses: [] };
  t.diagnostic(`${seconds()} s: all is there`);
  const { sent, kills } = await tellAll(house, post, wanted);
  t.diagnostic(
    `${seconds()} s: ${sent} sent, ${kills} killed: ${JSON.stringify(Object.fromEntries(post.statuses))}`,
  );
  t.diagnostic(`${seconds()} s: ${await findLost(house)} told again as Signalbox asked for them`);
  await pressAll(house, post, wanted);
  await untilDone(house);

  const all = house.github.deliveries.all();
  const store = await lookAtStore(
    house,
    all.filter(one => one.statusCode > 0),
    post.acknowledged,
  );
  const effects = await lookAtEffects(house, wanted);
  t.diagnostic(`${seconds()} s: ${store.stored} stored, ${effects.runs} runs`);
  assert.deepEqual(
    [...post.statuses.keys()].filter(status => ![0, 202, 503].includes(status)),
    [],
  );
  assert.deepEqual(store.lost, [], 'all that was told is stored');
  assert.deepEqual(store.other, [], 'as it was told');
  assert.deepEqual(store.undone, [], 'and done');
  assert.deepEqual(effects.wrong, [], 'what came of it is what was wanted, once');
  assert.ok(post.acknowledged.size > 0 && kills === size.kills);
  const beyond = house.github.requests.filter(({ status }) => status === 403 || status === 429);
  assert.deepEqual(beyond, [], 'GitHub never had to say that it was too much');
  const log = (await house.log()).filter(({ level = 0 }) => level >= 50);
  assert.deepEqual(log.slice(0, 3), []);
});
