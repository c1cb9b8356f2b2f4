import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { before, describe, test } from 'node:test';
import type { RunJson } from '../../src/core/run-json.ts';
import type { House } from './house.ts';
import { entry } from './process.ts';
import { until } from './until.ts';

/** list, status, why, logs, cancel, retry and help: the same words in Slack, over HTTP and on the command line. */
export function words(house: () => House): void {
  describe('words about a run that has ended', () => {
    let run: RunJson;
    before(async () => {
      const asked = await house().request({
        project: 'show',
        parameters: { a: 'one' },
        note: 'for the words',
      });
      run = await house().reaches(asked.number, 'succeeded');
    });

    const rows: [
      name: string,
      words: (n: number) => string,
      says: RegExp,
      json: (data: never, n: number) => boolean,
    ][] = [
      [
        'list',
        () => 'list --mine --limit 3',
        /runs:/,
        ({ runs }: { runs: RunJson[] }, n) => runs.some(one => one.number === n),
      ],
      [
        'status',
        n => `status ${n}`,
        /show succeeded/,
        ({ number, exitCode }: RunJson, n) => number === n && exitCode === 0,
      ],
      [
        'status with a sign',
        n => `status '#${n}'`,
        /show succeeded/,
        ({ number }: RunJson, n) => number === n,
      ],
      [
        'why',
        n => `why ${n}`,
        /ended with exit code 0/,
        ({ state, events }: { state: string; events: unknown[] }) =>
          state === 'succeeded' && events.length >= 4,
      ],
      [
        'logs',
        n => `logs ${n} --lines 100`,
        /<one>/,
        ({ lines }: { lines: string[] }) => lines.includes('<one>'),
      ],
      [
        'help',
        () => 'help',
        /show says more|There is also|says more/,
        ({ commands }: { commands: unknown[] }) => commands.length > 6,
      ],
      [
        'help of one',
        () => 'help logs',
        /How many; 20 otherwise/,
        ({ commands }: { commands: unknown[] }) => commands.length === 1,
      ],
      [
        'help with a flag',
        () => 'logs --help',
        /How many; 20 otherwise/,
        ({ commands }: { commands: unknown[] }) => commands.length === 1,
      ],
    ];
    for (const [name, said, says, json] of rows) {
      const line = (n: number) => `train ${said(n)}`;
      test(`${name}: in Slack, to its sender`, async () => {
        const { people, service } = house();
        // Runs of the command line are nobody's in Slack.
        const heard = await people.asks(service().url, `/${line(run.number).replace(' --mine', '')}`);
        assert.match(heard, says);
      });
      test(`${name}: over HTTP`, async () => {
        const { status, body } = await house().command(line(run.number));
        assert.equal(status, 200);
        const { audience, data } = body.reply as { audience: string; data: never };
        assert.equal(audience, 'sender');
        assert.ok(json(data, run.number), JSON.stringify(data));
      });
      test(`${name}: on the command line`, async () => {
        const args = line(run.number).replaceAll("'", '').split(' ');
        const [text, data] = await Promise.all([house().cli(...args), house().cli(...args, '--json')]);
        assert.deepEqual([text.code, text.stderr, data.code, data.stderr], [0, '', 0, '']);
        assert.match(text.stdout, says);
        assert.ok(json(JSON.parse(data.stdout) as never, run.number), data.stdout);
      });
    }

    test('commands are shown as they are typed in each place', async () => {
      const { people, service } = house();
      assert.match(await people.asks(service().url, '/train help'), /\/train list: See/);
      assert.match((await house().cli('help')).stdout, /signalbox train PROJECT/);
      const { stdout } = await house().cli('train', 'help');
      assert.match(stdout, /signalbox train list: See/);
      assert.doesNotMatch(stdout, /\/train|signalbox signalbox/);
    });

    test('short forms, and who one is', async () => {
      const forms = await Promise.all([
        house().cli('status', String(run.number)),
        house().cli('whoami'),
        house().cli('list'),
      ]);
      assert.deepEqual(
        forms.map(({ code }) => code),
        [0, 0, 0],
      );
      assert.match(forms[0].stdout, /show succeeded/);
      assert.match(forms[1].stdout, /Role +operator/);
    });

    test('retry repeats commit and parameters, and changes what it is told to', async () => {
      house().repository.commit('After the first', { 'other.txt': String(run.number) });
      const { body } = await house().command(`train retry ${run.number}`);
      const same = (body.reply as { data: RunJson }).data;
      assert.deepEqual([same.sha, same.parameters, same.retryOf], [run.sha, run.parameters, run.number]);
      const changed = await house().cli('retry', String(run.number), '-p', 'b=two words', '--json');
      const other = JSON.parse(changed.stdout) as RunJson;
      assert.deepEqual([other.sha, other.parameters], [run.sha, { a: 'one', b: 'two words' }]);
      assert.equal((await house().reaches(other.number, 'succeeded')).ref, run.ref);
      await house().reaches(same.number, 'succeeded');
    });

    test('a run that has ended is not stopped, and one that has not is not repeated', async () => {
      const late = await house().command(`train cancel ${run.number}`);
      assert.deepEqual([late.status, late.body.code], [409, 'RUN_ALREADY_ENDED']);
      const waiting = await house().request({ project: 'show', pool: 'away' });
      const early = await house().command(`train retry ${waiting.number}`);
      assert.deepEqual([early.status, early.body.code], [409, 'RUN_NOT_ENDED']);
      await house().command(`train cancel ${waiting.number}`);
    });
  });

  describe('words about a full pool', () => {
    test('why says the reason with numbers, priority comes first, a queued run is cancelled', async () => {
      const { gate, request, reaches, command, cli, people, service } = house();
      const gates = [gate('full-1'), gate('full-2')];
      const held = [];
      for (const { path } of gates)
        held.push((await request({ project: 'hold', parameters: { gate: path } })).number);
      for (const number of held) await reaches(number, 'running');
      const queued = [];
      for (const priority of ['low', 'normal', 'high', 'normal'])
        queued.push((await request({ project: 'version', priority })).number);
      const [low = 0, normal = 0, high = 0, never = 0] = queued;

      const why = async (number: number) => {
        const { body } = await command(`train why ${number}`);
        return (body.reply as { data: { why: string; code: string; ahead: number } }).data;
      };
      const first = await until('the reason of the first', async () => {
        const said = await why(high);
        return said.code === 'flavor-full' && said;
      });
      assert.equal(
        first.why,
        `It needs 1 CPU slot; 0 of 2 in pool here are free. It starts when 1 more is released (held by #${held[0]}, #${held[1]}).`,
      );
      const last = await until('the reason of the last', async () => {
        const said = await why(low);
        return said.why.startsWith('3 runs are ahead') && said;
      });
      assert.deepEqual([last.code, last.ahead], ['runs-ahead', 3]);
      assert.match(
        (await cli('why', String(low))).stdout,
        /3 runs are ahead of it .*for CPU slots .*in pool here/,
      );

      const cancelled = await people.asks(service().url, `/train cancel ${never}`);
      assert.match(cancelled, /The run belongs to cli/, 'somebody else may not');
      const { status } = await command(`train cancel ${never}`);
      assert.equal(status, 200);
      assert.deepEqual(
        [(await house().run(never)).state, (await house().run(never)).attempt],
        ['cancelled', 0],
      );

      for (const one of gates) one.open();
      const done = await Promise.all([high, normal, low].map(number => reaches(number, 'succeeded')));
      const order = await house().query<{ run: string }>(
        `select run from run_events where type = 'starting' and run in (${[high, normal, low].join()}) order by at, run desc`,
      );
      assert.equal(done.length, 3);
      assert.equal(Number(order.at(-1)?.run), low, 'the low one starts last');
      assert.equal(Number(order[0]?.run), high, 'the high one starts first');
    });

    test('a running run is cancelled: its process is gone', async () => {
      const { people, service, reaches } = house();
      const number = (await house().newest()) + 1;
      await people.says(service().url, '/train hold');
      await reaches(number, 'running');
      const pid = await until(
        'its process',
        async () => Number(/begun (\d+)/.exec(await house().log(number))?.[1]) || null,
      );
      assert.ok(isAlive(pid));
      assert.match(
        await people.asks(service().url, `/train cancel ${number}`),
        /is being stopped\. It has 1 s/,
      );
      const ended = await reaches(number, 'cancelled');
      assert.equal(ended.failure, null);
      assert.ok(!isAlive(pid));
      assert.match(
        await people.asks(service().url, `/train cancel ${number}`),
        /was cancelled/,
        'a repeat is harmless',
      );
    });

    test('logs --follow shows what is written until the end, and ends', async () => {
      const { gate, request } = house();
      const one = gate('followed');
      const { number } = await request({ project: 'hold', parameters: { gate: one.path } });
      const child = spawn(process.execPath, [entry, 'logs', String(number), '--follow'], {
        env: { PATH: process.env.PATH, ...house().settings, SIGNALBOX_URL: house().service().url },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let seen = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        seen += text;
      });
      const closed = once(child, 'close');
      await until('its first line', () => seen.includes('begun'));
      assert.ok(!seen.includes('over'));
      one.open(3);
      assert.deepEqual(await closed, [0, null]);
      assert.match(seen, /^begun \d+\nover\n$/);
      assert.equal((await house().reaches(number, 'failed')).exitCode, 3);
    });

    const follows: [name: string, args: string[], code: string][] = [
      ['no run', ['logs', '--follow'], 'ARGUMENT_MISSING'],
      ['a run that is none', ['logs', 'x', '--follow'], 'VALUE_INVALID'],
      ['two runs', ['logs', '1', '2', '-f'], 'ARGUMENT_UNEXPECTED'],
      ['an unknown run', ['logs', '999999', '--follow'], 'RUN_NOT_FOUND'],
    ];
    for (const [name, args, code] of follows)
      test(`logs --follow of ${name}`, async () => {
        const { code: exit, stderr } = await house().cli(...args);
        assert.equal(exit, 1);
        assert.match(stderr, new RegExp(`^${code}: [^\\n]*\\n$`));
      });
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
