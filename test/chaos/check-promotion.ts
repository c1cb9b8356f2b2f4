import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { promotionStore } from '../../src/adapters/postgres/promotions.ts';
import { isOver } from '../../src/core/promotion/promotion.ts';
import { liveStage, restoreStage } from '../../src/core/promotion/rollout.ts';
import { processesIn } from '../adapters/local/workbench.ts';
import type { Life } from './life.ts';
import { type ModelBox, servingRuns, until } from './model-box.ts';
import type { Story } from './promotion-rows.ts';

/** How a story ends: the version that serves, and all that was written down on the way. */
const ends: Record<Story, { state: string; events: string[]; stages: number[]; deployment: string }> = {
  live: {
    state: 'live',
    events: ['evaluating', 'awaiting-approval', 'approved', 'rolling-out', 'step', 'live'],
    stages: [0, 1, 2, liveStage],
    deployment: 'success',
  },
  halted: {
    state: 'halted',
    events: ['evaluating', 'awaiting-approval', 'approved', 'rolling-out', 'rolling-back', 'halted'],
    stages: [0, 1, restoreStage],
    deployment: 'failure',
  },
  rollback: {
    state: 'live',
    events: ['evaluating', 'approved', 'rolling-out', 'live'],
    stages: [0, 1, liveStage],
    deployment: 'success',
  },
};

/** The first thing that is still to be done of what was asked for in this channel; null: nothing is. */
export async function whatIsOpen(box: ModelBox, { channel }: Life): Promise<string | null> {
  const { db } = box.database;
  const here = sql<boolean>`place ->> 'channel' = ${channel}`;
  const promotion = await db.selectFrom('promotions').selectAll().where(here).executeTakeFirst();
  if (!promotion || !isOver(promotion.state)) return `the promotion is ${promotion?.state ?? 'not there'}`;
  const left = await sql<{ what: string }>`
    select 'delivery ' || id as what from deliveries where done_at is null
    union all select kind || ' message ' || id from surfaces where seen_seq < wanted_seq and not gave_up and ${here}
    union all select 'deployment of P' || promotion from promotion_deployments where wanted > shown and not gave_up
    union all select 'alias ' || alias from registry_aliases where known is distinct from number::text`.execute(
    db,
  );
  if (left.rows[0]) return `not done: ${left.rows[0].what}`;
  const runs = await servingRuns(box);
  if (runs.length !== 1 || runs[0]?.state !== 'running')
    return `what serves: ${runs.map(run => `#${run.number} ${run.state}`).join(', ')}`;
  return null;
}

/** What must be true at the end of a story, whoever died meanwhile. */
export async function checkPromotion(
  box: ModelBox,
  { channel }: Life,
  story: Story,
  serves: number,
): Promise<void> {
  const { db } = box.database;
  const here = sql<boolean>`place ->> 'channel' = ${channel}`;
  const { state, events, stages, deployment } = ends[story];
  // One promotion, each of its steps once, one decision.
  const promotions = await db.selectFrom('promotions').selectAll().where(here).execute();
  assert.equal(promotions.length, 1, 'asked for once');
  const number = Number(promotions[0]?.number);
  assert.equal(promotions[0]?.state, state);
  const told = await promotionStore(db).events(number);
  assert.deepEqual(
    told.map(({ type }) => type).filter(type => type !== 'waits'),
    events,
    'each step once',
  );
  const answers = await db
    .selectFrom('promotion_answers')
    .select('says')
    .where('promotion', '=', number)
    .execute();
  assert.equal(answers.length, Number(story !== 'rollback'), 'one decision');
  // What serves: one version, by this promotion, each stage of it once.
  const rows = await db.selectFrom('serving').select(['version', 'weight']).execute();
  assert.deepEqual(rows, [{ version: serves, weight: 100 }]);
  const applied = await sql<{ promotion: number; stage: number }>`
    select (details ->> 'promotion')::int as promotion, (details ->> 'stage')::int as stage from audit
    where action = 'serving.changed' and (details ->> 'promotion')::int = ${number} order by seq`.execute(db);
  assert.deepEqual(
    applied.rows.map(({ stage }) => stage),
    stages,
    'each stage once',
  );
  const runs = await servingRuns(box);
  assert.deepEqual(
    runs.map(({ spec }) => spec.serves?.version),
    [serves],
    'one run serves',
  );
  const begun = await sql<{ key: string; count: number }>`
    select request_key as key, count(*)::int as count from runs
    where kind = 'serve' and (spec -> 'serves' ->> 'promotion')::int = ${number} group by 1`.execute(db);
  const processes = processesIn(box.dataDir).filter(pid => commandOf(pid).includes('serve.mjs'));
  assert.equal(processes.length, 1, 'one process serves');
  assert.ok(begun.rows.length <= 1, `begun: ${begun.rows.map(row => row.key).join(', ')}`);
  await until(`version ${serves} to answer`, async () => (await box.ask())?.version === serves);
  // Where it is told: the alias, GitHub, Slack.
  const aliases = await sql<{ version: string }>`select number::text as version from builtin_aliases`.execute(
    db,
  );
  assert.deepEqual(aliases.rows, [{ version: String(serves) }], 'the alias');
  const shown = box
    .deployments()
    .filter(one => JSON.stringify(one.payload).includes(`"promotion-${number}"`));
  assert.equal(shown.length, 1, 'one deployment');
  const said = shown[0]?.statuses.map(one => `${one.state}: ${one.description}`) ?? [];
  assert.ok(said.at(-1)?.startsWith(`${deployment}:`), said.join(' | '));
  const messages = await box.town.messages(channel);
  const top = messages.filter(one => !one.thread_ts || one.thread_ts === one.ts);
  assert.equal(top.length, 1, messages.map(one => one.text).join(' | '));
  const given = await db
    .selectFrom('surfaces')
    .select(['kind', 'error'])
    .where('gave_up', '=', true)
    .execute();
  assert.deepEqual(given, [], 'no message is given up');
}

/** Of a supervisor it is a file in its folder, of a command what it is. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
