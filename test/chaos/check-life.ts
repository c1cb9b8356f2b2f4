import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { auditLog } from '../../src/adapters/postgres/audit.ts';
import { logStore } from '../../src/adapters/postgres/logs.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { isEnd, legalMoves, type Run, type RunState } from '../../src/core/run.ts';
import type { Box } from './box.ts';
import type { Life } from './life.ts';
import type { Message } from './town.ts';

const ends: Record<string, RunState> = {
  '/train quick': 'succeeded',
  '/train pinned': 'succeeded',
  '/train slow': 'cancelled',
};
const shown: Partial<Record<RunState, RegExp>> = { succeeded: /succeeded/, cancelled: /cancelled/ };
const wholeLog = 'metric loss=0.5 step=1\nmetric loss=0.25 step=2\n';

/** What must be true of a life at its end, whoever died meanwhile; looked at from the outside. */
export async function checkLife(life: Life): Promise<void> {
  const { db } = life.box.database;
  const keys = life.sent.map(one => one.key);
  const rows = await db
    .selectFrom('runs')
    .select(['number', 'request_key'])
    .where(eb => eb.or([eb('request_key', 'in', keys), sql<boolean>`place ->> 'channel' = ${life.channel}`]))
    .execute();
  for (const { line, key, acked } of life.sent.filter(one => one.line in ends)) {
    const number = rows.filter(row => row.request_key === key).length;
    if (acked) assert.equal(number, 1, `${line} was acknowledged and has ${number} runs`);
  }
  const stray = rows.filter(row => !keys.includes(row.request_key));
  assert.deepEqual(stray, [], 'runs that nobody asked for');
  const messages = await life.town.messages(life.channel);
  for (const { number, request_key } of rows) {
    const run = await runStore(db).get(number);
    assert.ok(run);
    const { line } = life.sent.find(one => one.key === request_key) ?? { line: '' };
    assert.equal(run.state, ends[line], `the end of run #${number}`);
    await checkEvents(life.box, run);
    checkStarts(life.box, run);
    checkMessages(run, messages);
    if (run.state === 'succeeded') await checkLog(life.box, run);
  }
  assert.equal(messages.length, rows.length * 2, 'a message for each run and one in its thread');
  checkWhispers(life);
  await checkRows(life);
}

async function checkEvents(box: Box, run: Run): Promise<void> {
  const events = await runStore(box.database.db).events(run.number);
  const said = `events of run #${run.number}: ${events.map(event => `${event.from}>${event.to}`).join(' ')}`;
  const moves = events.filter(event => event.from !== event.to);
  for (const { from, to } of moves)
    assert.ok((legalMoves[from] as readonly RunState[]).includes(to), `${from} to ${to}, ${said}`);
  for (const [at, event] of events.entries())
    assert.equal(event.from, events[at - 1]?.to ?? 'requested', `it goes on where it was, ${said}`);
  assert.deepEqual(
    moves.filter(event => isEnd(event.to)).map(event => event.to),
    [run.state],
    `it ends once, ${said}`,
  );
  const starts = moves.filter(event => event.to === 'starting').map(event => event.attempt);
  assert.deepEqual(
    starts,
    Array.from({ length: run.attempt }, (_, at) => at + 1),
    `attempts, ${said}`,
  );
}

/** What the commands themselves wrote, outside of everything that Signalbox looks after. */
function checkStarts(box: Box, run: Run): void {
  const lines = readFileSync(join(box.folder, 'starts'), 'utf8')
    .split('\n')
    .map(line => /^(started|ended) (\d+)-(\d+)$/.exec(line))
    .flatMap(found =>
      found && Number(found[2]) === run.number ? [{ what: found[1], attempt: Number(found[3]) }] : [],
    );
  const said = `starts of run #${run.number}: ${lines.map(line => `${line.what} ${line.attempt}`).join(', ')}`;
  const starts = lines.filter(line => line.what === 'started').map(line => line.attempt);
  assert.equal(new Set(starts).size, starts.length, `no attempt starts twice, ${said}`);
  assert.ok(
    starts.every(attempt => attempt >= 1 && attempt <= run.attempt),
    `no attempt but the recorded, ${said}`,
  );
  assert.deepEqual(
    lines.map(line => line.attempt),
    lines.map(line => line.attempt).sort((a, b) => a - b),
    `one after the other, ${said}`,
  );
  if (run.state !== 'succeeded') return;
  const last = lines.filter(line => line.attempt === run.attempt).map(line => line.what);
  assert.deepEqual(last, ['started', 'ended'], `the last attempt ran once to its end, ${said}`);
}

function checkMessages(run: Run, messages: Message[]): void {
  const about = messages.filter(message => new RegExp(`#${run.number}\\b`).test(message.text));
  const said = `messages of run #${run.number}: ${about.map(message => message.text).join(' | ')}`;
  const top = about.filter(message => !message.thread_ts || message.thread_ts === message.ts);
  assert.equal(top.length, 1, `one message, ${said}`);
  const thread = about.filter(message => message.thread_ts && message.thread_ts !== message.ts);
  assert.equal(thread.length, 1, `one message in its thread, ${said}`);
  assert.equal(thread[0]?.thread_ts, top[0]?.ts, `in its own thread, ${said}`);
  for (const message of about) assert.match(message.text, shown[run.state] ?? /^$/, said);
}

async function checkLog(box: Box, run: Run): Promise<void> {
  const { db } = box.database;
  const { text } = await logStore(db).read(run.number, run.attempt, 0, 100_000);
  assert.equal(text, wholeLog, `the log of run #${run.number}, each byte once`);
  const [curve] = await runStore(db).series(run.number, ['loss'], 10_000);
  const points = curve?.points ?? [];
  assert.deepEqual(
    points.map(({ step, value }) => [step, value]),
    [
      [1, 0.5],
      [2, 0.25],
    ],
  );
}

/**
 * Every command whose answer is not the run's own message is answered to whoever sent it; twice at most, where a process died with the
 * answer on its lips.
 */
function checkWhispers({ town, sent, channel }: Life): void {
  const whispers = town.whispers();
  for (const { line, hook, acked } of sent) {
    if (hook === null || line in ends) continue;
    const count = whispers.filter(one => one.path === hook).length;
    assert.ok(count <= 2 && (count >= 1 || !acked), `${line} was answered ${count} times`);
  }
  const acked = sent.filter(one => one.hook === null && one.acked).length;
  const all = sent.filter(one => one.hook === null).length;
  const seen = whispers.filter(one => one.channel === channel && one.path.startsWith('/api/')).length;
  assert.ok(seen >= acked && seen <= all + 1, `${acked} of ${all} were acknowledged, ${seen} answered`);
}

async function checkRows({ box, channel }: Life): Promise<void> {
  const { db } = box.database;
  const aside = await db
    .selectFrom('deliveries')
    .select(['id', 'error'])
    .where('laid_aside', '=', true)
    .execute();
  assert.deepEqual(aside, [], 'nothing is laid aside');
  const given = await db
    .selectFrom('surfaces')
    .select(['id', 'kind', 'error'])
    .where('gave_up', '=', true)
    .where(sql<boolean>`place ->> 'channel' = ${channel}`)
    .execute();
  assert.deepEqual(given, [], 'no message is given up');
  const held = await db
    .selectFrom('allocations')
    .innerJoin('runs', 'runs.number', 'allocations.run')
    .select(['run', 'state', 'node', 'gpu'])
    .where('released_at', 'is', null)
    .where('state', 'not in', ['starting', 'running'])
    .execute();
  assert.deepEqual(held, [], 'no accelerator is held by what does not run');
  const twice = await sql`
    select pool, node, kind, gpu from allocations where released_at is null
    group by pool, node, kind, gpu having count(*) > 1`.execute(db);
  assert.deepEqual(twice.rows, [], 'no accelerator is held twice');
}

/** Once, when all lives of a box are over. */
export async function checkBox(box: Box): Promise<void> {
  const { broken } = await auditLog(box.database.db).verify();
  assert.equal(broken, null, 'the audit log is whole');
  assert.deepEqual(box.surprises, [], 'no role ended by itself');
}
