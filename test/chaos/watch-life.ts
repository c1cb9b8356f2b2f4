import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { isEnd, type RunState } from '../../src/core/run.ts';
import { processesIn } from '../adapters/local/workbench.ts';
import type { Life } from './life.ts';
import { type Armed, arm, disarm, type Fired, takeFired } from './steps.ts';

/** What the database says of a life now. */
interface View {
  deliveries: { id: number; claims: number; claimed: boolean; done: boolean; laid_aside: boolean }[];
  surfaces: { id: string; kind: string; claims: number; claimed: boolean; done: boolean; gave_up: boolean }[];
  runs: { number: number; state: RunState; events: number; logged: number; attempt: number }[];
}

/** How long after the death of a process at a step its work was taken up. */
export interface Takeover {
  step: string;
  ms: number;
}

const pollMs = 100;
/** What a halted process had begun is over by then. */
const afterHaltMs = 1_500;
/** Long enough for a chain of takeovers, each within its 15 s. */
const patienceMs = 60_000;

/**
 * Lets a life go on to where nothing of it is left to be done, while processes die at these steps, one after the other. For each death,
 * the time until work went on: something changed, and each row that was claimed at that moment has been claimed by another, or is done.
 */
export async function watchLife(
  life: Life,
  live: (life: Life) => Promise<void>,
  deaths: readonly Armed[] = [],
): Promise<Takeover[]> {
  const { box } = life;
  const takeovers: Takeover[] = [];
  if (deaths.length > 0) arm(box.folder, deaths);
  const work = live(life);
  let said = false;
  const saying = work.finally(() => {
    said = true;
  });
  saying.catch(() => {});
  const unseen: Fired[] = [];
  let halted: { died: Fired }[] = [];
  let dead: { died: Fired; view: View }[] = [];
  let reason = 'nothing was seen of it';

  for (const until = performance.now() + patienceMs; performance.now() < until; await pause(pollMs)) {
    // Asked before the look: what is said later is not seen yet.
    const over = said;
    if (deaths.length > 0) unseen.push(...takeFired(box.folder));
    const view = await look(life).catch(() => null);
    if (!view) continue;
    dead.push(...unseen.splice(0).map(died => ({ died, view })));
    const open = over ? whatIsOpen(life, view) : 'somebody still speaks';
    const alive = dead.filter(one => open === null || wentOn(one.view, view));
    halted.push(...alive.filter(({ died }) => died.signal === 'SIGSTOP'));
    takeovers.push(...alive.map(({ died }) => ({ step: died.step, ms: Date.now() - died.at })));
    dead = dead.filter(one => !alive.includes(one));
    if (open === null && halted.length > 0) {
      // It goes on where it was, and nothing that it does now may be seen at the end.
      for (const { died } of halted) await goOn(died.pid);
      halted = [];
      await pause(afterHaltMs);
      continue;
    }
    // Whoever takes the last death off the list at this moment is waited for.
    if (open === null && (disarm(box.folder) || takeovers.length >= deaths.length)) {
      await saying;
      return takeovers;
    }
    reason = open ?? `a process is about to die (${takeovers.length} have)`;
  }
  disarm(box.folder);
  if (said) await saying;
  throw new Error(`a life does not come to its end: ${reason}`);
}

/** It may be just about to halt. */
export async function goOn(pid: number): Promise<void> {
  while (!/^\d+ \(.*\) [Tt] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await pause(10);
  process.kill(pid, 'SIGCONT');
}

/** What is seen of a life from the outside, and the first thing that is still to be done. */
export async function viewOf(life: Life): Promise<View & { open: string | null }> {
  const view = await look(life);
  return { ...view, open: whatIsOpen(life, view) };
}

async function look({ box, channel }: Life): Promise<View> {
  const { db } = box.database;
  const here = sql<boolean>`place ->> 'channel' = ${channel}`;
  const claimed = sql<boolean>`claimed_until > now()`.as('claimed');
  const deliveries = await db
    .selectFrom('deliveries')
    .select(['id', 'claims', claimed, sql<boolean>`done_at is not null`.as('done'), 'laid_aside'])
    .where(sql<boolean>`position(${channel} in convert_from(body, 'UTF8')) > 0`)
    .execute();
  const surfaces = await db
    .selectFrom('surfaces')
    .select(['id', 'kind', 'claims', claimed, sql<boolean>`seen_seq >= wanted_seq`.as('done'), 'gave_up'])
    .where(here)
    .execute();
  const runs = await db
    .selectFrom('runs')
    .select(['number', 'state', 'attempt'])
    .select(sql<number>`(select count(*) from run_events where run = number)`.as('events'))
    .select(
      sql<number>`(select coalesce(sum(log_size), 0) from attempts where run = number)::bigint`.as('logged'),
    )
    .where(here)
    .execute();
  return { deliveries, surfaces, runs };
}

function wentOn(before: View, now: View): boolean {
  if (JSON.stringify(before) === JSON.stringify(now)) return false;
  const held = [...before.deliveries, ...before.surfaces].filter(row => row.claimed && !row.done);
  const rows = [...now.deliveries, ...now.surfaces];
  return held.every(one => rows.some(row => row.id === one.id && (row.done || row.claims > one.claims)));
}

/** The first thing that is still to be done, in words; null: nothing is. */
function whatIsOpen({ box }: Life, { deliveries, surfaces, runs }: View): string | null {
  const delivery = deliveries.find(row => !row.done);
  if (delivery) return `delivery ${delivery.id} is not done`;
  const run = runs.find(row => !isEnd(row.state));
  if (run) return `run #${run.number} is ${run.state}`;
  const surface = surfaces.find(row => !row.done && !row.gave_up);
  if (surface) return `the ${surface.kind} message ${surface.id} does not show what is true`;
  for (const { number } of runs) {
    const attempts = readdirSync(join(box.dataDir, 'agent')).flatMap(pool => {
      const folder = join(box.dataDir, 'agent', pool, 'runs', String(number));
      return existsSync(folder) ? readdirSync(folder).filter(name => /^\d+$/.test(name)) : [];
    });
    if (attempts.length > 0) return `attempt ${attempts[0]} of run #${number} still lies on the machine`;
  }
  const processes = processesIn(box.dataDir);
  return processes.length > 0 ? `${processes.length} processes are left` : null;
}
