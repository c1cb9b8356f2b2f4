import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { type House, openHouse } from './house.ts';
import { entry } from './process.ts';
import { until } from './until.ts';

let opened: House | null = null;
before(async () => {
  opened = await openHouse(
    {},
    {
      projects:
        'leases: { most: 2h, gpus: 1, commands: { clock: { command: [sh, -c, "echo it ticks; sleep 999"] } } }\n',
    },
  );
});
after(() => opened?.close());

function house(): House {
  if (!opened) throw new Error('the house is not open');
  return opened;
}

/** Asks for a lease in Slack; its number once it is held. */
async function held(words: string): Promise<number> {
  const { people, service, newest, reaches } = house();
  const number = (await newest()) + 1;
  await people.says(service().url, `/gpu request ${words}`);
  await until(`lease #${number}`, async () => (await newest()) >= number);
  await reaches(number, 'running');
  return number;
}

/** The message of a lease, once it says so. */
function shown(number: number, says: RegExp) {
  return until(`${says} in the message of #${number}`, async () => {
    const all = (await house().people.messages()).filter(({ text }) => text.includes(`#${number} lease`));
    return all.length === 1 && all[0] && says.test(all[0].text) && all[0];
  });
}

/** A shell of somebody who sits at this machine, and types this. */
function shell(number: number, ...typed: string[]) {
  const child = spawn(process.execPath, [entry, 'gpu', 'shell', String(number)], {
    env: { ...house().settings, PATH: process.env.PATH, HOME: process.env.HOME, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  for (const line of typed) child.stdin.write(`${line}\n`);
  return { child, said, closed: once(child, 'close') as Promise<[number | null]> };
}

describe('a lease', () => {
  test('waits and begins like every run, and says where it is, how to get in and until when', async () => {
    const number = await held('0 --for 1h --note "look around"');
    const { text } = await shown(number, /is held/);
    for (const says of [
      /Where: \S+ in pool here, 1 CPU slot/,
      new RegExp(`Get in: on \\S+ with signalbox gpu shell ${number}`),
      /Until: .*, 1 h in all/,
      /Note: look around/,
      /Team: research/,
    ])
      assert.match(text, says);
    const run = await house().run(number);
    assert.deepEqual([run.kind, run.project, run.sha, run.secrets], ['lease', '(lease)', '', []]);

    const { said, child, closed } = shell(
      number,
      'echo "run $SIGNALBOX_RUN, devices [$CUDA_VISIBLE_DEVICES]"; pwd; exit 7',
    );
    child.stdin.end();
    assert.equal((await closed)[0], 7);
    assert.match(said.stdout, new RegExp(`run ${number}, devices \\[\\]\n.*/runs/${number}/1/work`));
    assert.match(said.stderr, /The shell ends with it/);

    const [list, status] = await Promise.all([
      house().command('train list'),
      house().command(`train status ${number}`),
    ]);
    assert.doesNotMatch(JSON.stringify(list.body), /lease/);
    assert.match(JSON.stringify(status.body), /gpu shell/);

    const { people, service } = house();
    assert.match(await people.asks(service().url, `/gpu release ${number}`), /is ending/);
    assert.equal((await house().reaches(number, 'succeeded')).exitCode, 0);
    const gone = await shown(number, /has ended/);
    assert.match(
      await until('the end in the thread', async () => (await shown(number, /./)).thread[0]),
      /It was released\./,
    );
    assert.match(gone.text, /Held: .*, until/);
  });

  test('ends by itself, as succeeded, and nothing of it is left', async () => {
    const number = await held('0 --for 4s');
    const hangs = shell(number, 'echo here; (sleep 1000; echo never) & wait');
    await until('the shell', () => hangs.said.stdout.includes('here'));
    await house().reaches(number, 'succeeded');
    await hangs.closed;
    assert.match(hangs.said.stderr, /The lease has ended\./);
    const { body } = await house().command(`train why ${number}`);
    assert.match(JSON.stringify(body), /The lease ended\./);
    // The word that it ends soon may come before.
    await until('the end in the thread', async () =>
      /Its time is over/.test((await shown(number, /./)).thread.at(-1) ?? ''),
    );
    const late = shell(number);
    late.child.stdin.end();
    assert.equal((await late.closed)[0], 1);
    assert.match(
      late.said.stderr,
      new RegExp(`^LEASE_ELSEWHERE: Lease #${number} is not held on this machine`),
    );
  });

  test('is warned of once, in its thread and with its holder named, and again only before another end', async () => {
    const number = await held('0 --for 10m');
    await shown(number, /is held/);
    // As if it had begun long ago.
    await house().query(
      `update runs set started_at = started_at - interval '9 min 30 s' where number = ${number}`,
    );
    const warned = await until('a warning', async () => {
      const { thread } = await shown(number, /./);
      return thread.length > 0 && thread;
    });
    assert.equal(warned.length, 1);
    assert.match(warned[0] ?? '', /ends at .*@U000000001, it ends .*30 s to save its work/s);
    const { people, service } = house();
    assert.match(await people.asks(service().url, `/gpu extend ${number} 30m`), /is held, for 40 min in all/);
    await house().query(
      `update runs set started_at = started_at - interval '28 min' where number = ${number}`,
    );
    const again = await until('another warning', async () => {
      const { thread } = await shown(number, /./);
      return thread.length > 1 && thread;
    });
    assert.equal(again.length, 2);
    assert.match(
      await people.asks(service().url, `/gpu extend ${number} 3h`),
      /cannot be given 3h more.*more than 2 h from now/s,
    );
    await people.says(service().url, `/train cancel ${number}`);
    await house().reaches(number, 'succeeded');
  });

  test('runs what an operator has named', async () => {
    const number = await held('0 --for 1h --run clock');
    await until('its words', async () => (await house().log(number)).includes('it ticks'));
    assert.match((await shown(number, /is held/)).text, /Runs: clock/);
    // By somebody else: the token of this machine is an operator's.
    await house().command(`gpu release ${number}`);
    await house().reaches(number, 'cancelled');
    assert.match((await shown(number, /was cancelled/)).text, /Stopped by: cli/);
  });

  const refused: [name: string, words: string, says: RegExp][] = [
    ['fewer than none', 'gpu request -1 --for 1h', /has no flag -1|is not a value/s],
    ['half of one', 'gpu request 0.5 --for 1h', /0\.5 is not a value for <gpus>/s],
    ['far too many', 'gpu request 1000000000 --for 1h', /1000000000 is not a value for <gpus>/s],
    ['in another notation', 'gpu request 1e9 --for 1h', /1e9 is not a value for <gpus>/s],
    ['no number', 'gpu request NaN --for 1h', /NaN is not a value for <gpus>/s],
    ['with a space in quotes', 'gpu request "0 " --for 1h', /is not a value for <gpus>/s],
    ['more than leases may have', 'gpu request 2 --for 1h', /2 is not a value for <gpus>.*at most 1/s],
    ['for no time', 'gpu request 0 --for 0', /0 is not a value for --for/s],
    ['for a hundred days', 'gpu request 0 --for 100d', /2400h is not a value for --for.*at most 2h/s],
    ['for a second too long', 'gpu request 0 --for 2h1s', /7201s is not a value for --for/s],
    ['for how long is not said', 'gpu request 0', /needs --for/s],
    ['a model of a CPU', 'gpu request 0 --gpu a100 --for 1h', /a100 is not a value for --gpu/s],
    ['an unknown pool', 'gpu request 0 --for 1h --pool heer', /no pool heer.*Did you mean here/s],
    [
      'an unknown team',
      'gpu request 0 --for 1h --team reserch',
      /reserch is not a value for --team.*research/s,
    ],
    [
      'an unknown command',
      'gpu request 0 --for 1h --run clok',
      /clok is not a value for --run.*Did you mean clock/s,
    ],
    ['more than the machine has', 'gpu request 1 --for 1h', /No machine of the pool .* has a GPU/s],
  ];
  for (const [name, words, says] of refused)
    test(`is refused: ${name}`, async () => {
      const { people, service, newest } = house();
      const before = await newest();
      assert.match(await people.asks(service().url, `/${words}`), says);
      assert.equal(await newest(), before);
    });
});
