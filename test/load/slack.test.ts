import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery } from '../fakes/slack/deliver.ts';
import { random } from '../support/random.ts';
import { type House, lookAtAll, nothingOpen, openHouse, untilOpen } from './house.ts';
import { idsOf } from './town.ts';

/** SIGNALBOX_LOAD=whole takes ten thousand commands and a thousand runs, which takes a quarter of an hour. */
const whole = process.env.SIGNALBOX_LOAD === 'whole';
const perSecond = 200;
const limitMs = whole ? 1_500_000 : 240_000;

interface Sent {
  /** Sent for the first time. */
  first: number;
  /** What was not acknowledged. */
  refused: unknown[];
}

/** At a constant rate, whatever the answers do; a share of them is one that was sent before, byte for byte. */
async function sendAll({ town, workspaces }: House, commands: number, repeated: number): Promise<Sent> {
  const chance = random(7);
  const sent: Delivery[] = [];
  const refused: unknown[] = [];
  const acks: Promise<void>[] = [];
  let first = 0;
  const startedAt = performance.now();
  for (let i = 0; i < commands; i += 1) {
    await pause(Math.max(0, startedAt + (i * 1_000) / perSecond - performance.now()));
    const known =
      sent.length > 0 && chance.chance(repeated) ? sent[chance.int(0, sent.length - 1)] : undefined;
    if (known) {
      acks.push(town.replay(known).then(ack => void (ack.status === 200 || refused.push(ack))));
      continue;
    }
    const { team, user, channels } = idsOf(first % workspaces);
    const channel = channels[chance.int(0, channels.length - 1)] ?? '';
    first += 1;
    const said = town.slash({ team, user, channel, command: '/train', text: 'quick' });
    acks.push(
      said.then(({ delivery }) => {
        if (delivery.ack.status === 200) sent.push(delivery);
        else refused.push(delivery.ack);
      }),
    );
  }
  await Promise.all(acks);
  return { first, refused };
}

// Both wait most of the time. In full they would wait for each other.
describe('Slack under load', { timeout: limitMs * 3, concurrency: !whole }, () => {
  const commands = whole ? 10_000 : 200;
  // Slack takes 50 edits a minute in each.
  const workspaces = whole ? 100 : 20;
  test(`${commands} signed commands at ${perSecond} a second, a fifth of them repeats; Slack says 429 or nothing to one call in ten`, async t => {
    const house = await openHouse(t, workspaces);
    house.town.faults.share({ share: 0.1, kinds: ['rate-limited', 'silent', 'silent-after'] });
    const { first, refused } = await sendAll(house, commands, 0.2);
    assert.deepEqual(refused, [], 'every command is acknowledged');
    const seconds = await untilOpen(house, t, limitMs, nothingOpen);
    t.diagnostic(`${first} runs, all shown as they are ${seconds} s after the last command`);
    const { runs, untrue, strange } = await lookAtAll(house);
    assert.equal(runs, first, 'a repeat makes no run');
    assert.deepEqual(untrue, [], 'each run has one message and one end, and both are true');
    assert.deepEqual(strange, [], 'and there is nothing else');
  });

  const perWorkspace = whole ? 50 : 25;
  const many = whole ? 1_000 : 50;
  test(`${many} runs of ${many / perWorkspace} workspaces that end at once: every message is true within the limits, and each end is told once`, async t => {
    const house = await openHouse(t, many / perWorkspace);
    house.agent.hold(true);
    await sendAll(house, many, 0);
    await untilOpen(house, t, limitMs, open => open.deliveries + open.starting + open.surfaces === 0);
    house.agent.hold(false);
    const seconds = await untilOpen(house, t, limitMs, nothingOpen);
    t.diagnostic(`all shown as they are ${seconds} s after their end`);
    const { runs, untrue, strange } = await lookAtAll(house);
    assert.equal(runs, many);
    assert.deepEqual(untrue, []);
    assert.deepEqual(strange, []);
    const beyond = house.town.calls.filter(call => call.error === 'ratelimited').length;
    assert.equal(beyond, 0, 'Slack never had to say that it was too much');
  });
});
