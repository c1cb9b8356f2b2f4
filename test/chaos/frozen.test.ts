import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isEnd } from '../../src/core/run.ts';
import { type Box, openBox } from './box.ts';
import { checkBox, checkLife } from './check-life.ts';
import { beginLife, type Life, runIn, type Sent } from './life.ts';
import { type Armed, arm, disarm, type Fired, takeFired } from './steps.ts';
import { openTown, type Town } from './town.ts';
import { goOn, viewOf } from './watch-life.ts';

/**
 * Two pools, and the machine of the first halts at a step of its agent, for longer than it takes to count as out of reach. What it had not
 * taken goes to the other one; what it had taken waits for it. In the end it goes on, and never were two at work on the same.
 *
 * What the commands do is read from what they write themselves.
 */
const halted = (step: string): Armed => ({ step: `agent ${step}`, nth: 1, signal: 'SIGSTOP' });
const passed = (step: string): Armed => ({ step: `agent ${step}`, nth: 1, signal: 'SIGCONT' });
const dies = (step: string): Armed => ({ step, nth: 1, signal: 'SIGKILL' });

const claimed = 'assignment.json after';
const rows: { name: string; goes: boolean; steps: Armed[] }[] = [
  { name: 'before it asks what there is', goes: true, steps: [halted('http sync before')] },
  { name: 'before it has written that it wants it', goes: true, steps: [halted('assignment.json before')] },
  { name: 'when it has written that it wants it', goes: true, steps: [halted(claimed)] },
  { name: 'before it asks for it', goes: true, steps: [passed(claimed), halted('http sync before')] },
  { name: 'when it has got it', goes: false, steps: [passed(claimed), halted('http sync after')] },
  { name: 'before it fetches the source', goes: false, steps: [halted('http source before')] },
  { name: 'before it starts anything', goes: false, steps: [halted('start supervisor before')] },
  { name: 'when the command is about to start', goes: false, steps: [halted('start supervisor after')] },
  {
    name: 'when it wants it, and whoever plans dies over and over',
    goes: true,
    steps: [
      halted(claimed),
      dies('worker plan.commit before'),
      dies('worker plan.commit after'),
      dies('worker plan.commit before'),
      dies('worker plan.commit after'),
    ],
  },
  {
    name: 'when it wants it, and the agent of the other dies over and over',
    goes: true,
    steps: [
      halted(claimed),
      dies('agent:away assignment.json before'),
      dies('agent:away assignment.json after'),
      dies('agent:away http sync after'),
      dies('agent:away start supervisor before'),
      dies('agent:away start supervisor after'),
    ],
  },
  {
    name: 'when it wants it, and who is asked dies with the other’s word',
    goes: true,
    steps: [
      halted(claimed),
      { ...passed(''), step: 'agent:away assignment.json after' },
      dies('web agents.take before'),
      dies('web agents.take after'),
    ],
  },
];

/** It counts as out of reach after ten seconds. */
const haltMs = 16_000;
const patienceMs = 60_000;
const boxCount = 3;

describe('a machine that falls silent', { concurrency: boxCount }, async () => {
  const boxes: Box[] = [];
  const free: Box[] = [];
  const waiting: ((box: Box) => void)[] = [];
  let town: Town;

  before(async () => {
    town = await openTown();
    const roles = ['web', 'worker', 'agent', 'agent:away'];
    for (let at = 1; at <= boxCount; at += 1) boxes.push(await openBox(town, at, roles));
    free.push(...boxes);
  });
  after(async () => {
    try {
      for (const box of boxes) await checkBox(box);
    } finally {
      await Promise.all(boxes.map(box => box.close()));
      await town.close();
    }
  });

  for (const { name, goes, steps } of rows)
    test(`${name}: ${goes ? 'the other one does it' : 'it waits for its own'}`, async () => {
      const box = free.pop() ?? (await new Promise<Box>(resolve => waiting.push(resolve)));
      try {
        await silent(box, goes, steps);
      } finally {
        const next = waiting.shift();
        if (next) next(box);
        else free.push(box);
      }
    });

  async function silent(box: Box, goes: boolean, steps: Armed[]): Promise<void> {
    await bothSpeak(box);
    const life = await beginLife(town, box, 'silent');
    arm(box.folder, steps);
    const sent = await life.say('/train quick');
    const fired: Fired[] = [];
    try {
      const { pid, at } = await until('the machine to halt', patienceMs, async () => {
        fired.push(...takeFired(box.folder));
        return fired.find(one => one.signal === 'SIGSTOP');
      });
      // 1. While it halts: the other one does all of it, or nobody anything.
      await until('what becomes of it', patienceMs, async () => {
        fired.push(...takeFired(box.folder));
        const run = await runOf(life, sent);
        return goes ? run !== null && isEnd(run.state) : Date.now() - at > haltMs;
      });
      const meanwhile = await runOf(life, sent);
      assert.equal(meanwhile?.pool, goes ? 'away' : 'local', `it is ${meanwhile?.state}`);
      assert.equal(meanwhile?.state === 'succeeded', goes, `it is ${meanwhile?.state}`);
      disarm(box.folder);
      // 2. It goes on where it was, and hears what has become of it.
      await goOn(pid);
    } finally {
      disarm(box.folder);
      for (const { signal, pid } of [...fired, ...takeFired(box.folder)]) if (signal === 'SIGSTOP') wake(pid);
    }
    const { number } = await runIn(life, sent, ['succeeded']);
    await until('nothing to be left', patienceMs, async () => (await viewOf(life)).open === null);
    const run = await runOf(life, sent);
    const counted = (run?.attempt ?? 0) - (run?.preemptions ?? 0);
    assert.ok(goes ? (run?.preemptions ?? 0) >= 1 : run?.attempt === 1, `attempts of run #${number}`);
    assert.ok(counted >= 1, 'what was taken back does not count');
    await checkLife(life);
  }

  async function runOf({ box }: Life, { key }: Sent) {
    const row = await box.database.db
      .selectFrom('runs')
      .select(['number', 'state', 'pool', 'attempt', 'preemptions'])
      .where('request_key', '=', key)
      .executeTakeFirst();
    return row ?? null;
  }

  /** Both machines are there, and say what they take. */
  async function bothSpeak(box: Box): Promise<void> {
    await until('both agents', patienceMs, async () => {
      const { rows: known } = await box.database.pool.query(
        "select 1 from agents where takes and seen_at > now() - interval '2 seconds'",
      );
      return known.length === 2;
    });
  }
});

function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It has ended since.
  }
}

async function until<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  for (const end = performance.now() + withinMs; ; await pause(100)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
  }
}
