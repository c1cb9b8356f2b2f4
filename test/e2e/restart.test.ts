import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { type House, openHouse } from './house.ts';
import { until } from './until.ts';

let house: House;
before(async () => {
  house = await openHouse();
});
after(() => house.close());

interface Listed {
  pid: number;
  parent: number;
  /** Resident memory, in kilobytes. */
  rss: number;
  command: string;
}

function processes(): Listed[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,args=']).toString().split('\n');
  return lines.flatMap(line => {
    const [, pid, parent, rss, command = ''] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid ? [{ pid: Number(pid), parent: Number(parent), rss: Number(rss), command }] : [];
  });
}

function agent(): Listed | undefined {
  const { pid } = house.service();
  return processes().find(one => one.parent === pid && one.command.includes('--role agent'));
}

async function commandOf(number: number): Promise<number> {
  return await until(`the process of run #${number}`, async () => {
    return Number(/begun (\d+)/.exec(await house.log(number))?.[1]) || null;
  });
}

const isThere = (pid: number) => processes().some(one => one.pid === pid);

test('what runs outlives the service, and is adopted with its true exit code', async t => {
  const gates = [house.gate('adopted'), house.gate('meanwhile')];
  const runs = [];
  for (const { path } of gates)
    runs.push((await house.request({ project: 'hold', parameters: { gate: path } })).number);
  const [adopted = 0, meanwhile = 0] = runs;
  const pids: number[] = [];
  for (const number of runs) pids.push(await commandOf(number));
  const queued = await house.request({ project: 'version' });
  const old = house.service();
  const oldAgent = agent()?.pid ?? 0;
  t.diagnostic(`ready after ${Math.round(old.readyMs)} ms`);

  assert.equal(await old.stop(), 0, 'it ends well');
  assert.ok(!isThere(old.pid) && !isThere(oldAgent), 'service and agent are gone');
  assert.deepEqual(pids.map(isThere), [true, true], 'the commands are not');
  gates[1]?.open(0);
  await until('the end of a command', () => !isThere(pids[1] ?? 0));

  const { readyMs } = await house.restart();
  t.diagnostic(`ready again after ${Math.round(readyMs)} ms`);
  const ended = await house.reaches(meanwhile, 'succeeded', 'failed');
  assert.deepEqual([ended.exitCode, ended.attempt], [0, 1]);
  assert.equal((await house.run(adopted)).state, 'running');
  assert.ok(isThere(pids[0] ?? 0), 'it is the same process');
  gates[0]?.open(7);
  const failed = await house.reaches(adopted, 'succeeded', 'failed');
  assert.deepEqual([failed.state, failed.exitCode, failed.attempt], ['failed', 7, 1]);
  assert.match(await house.log(adopted), /^begun \d+\nover\n$/);
  await house.reaches(queued.number, 'succeeded');
});

test('an agent that was killed is started again, and what it ran goes on', async t => {
  const gate = house.gate('without-agent');
  const { number } = await house.request({ project: 'hold', parameters: { gate: gate.path } });
  const pid = await commandOf(number);
  const killed = agent();
  assert.ok(killed);
  process.kill(killed.pid, 'SIGKILL');
  const next = await until('another agent', () => {
    const found = agent();
    return found?.pid !== killed.pid && found;
  });
  assert.ok(isThere(pid));
  gate.open(5);
  const ended = await house.reaches(number, 'succeeded', 'failed');
  assert.deepEqual([ended.exitCode, ended.attempt], [5, 1]);
  const said = house.service().log.filter(({ msg }) => msg === 'the agent ended and is started again');
  assert.equal(said.length, 1);
  const serving = processes().find(one => one.pid === house.service().pid);
  t.diagnostic(
    `service ${Math.round((serving?.rss ?? 0) / 1_024)} MB, agent ${Math.round(next.rss / 1_024)} MB`,
  );
});

test('the audit log is whole after all of it', async () => {
  const { code, stdout } = await house.cli('audit', 'verify');
  assert.equal(code, 0, stdout);
});
