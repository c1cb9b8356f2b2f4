import { type Insertable, type Selectable, sql } from 'kysely';
import { type Actor, actorKey, hasMessages, type Place, system } from '../../core/actor.ts';
import type { Live, NewPromotion, PromotionStore } from '../../core/ports.ts';
import type { Evidence } from '../../core/promotion/evidence.ts';
import {
  type Answer,
  changed,
  isMoving,
  isOver,
  type Promotion,
  type PromotionChange,
  type PromotionEvent,
  type PromotionTransition,
  promotionStates,
} from '../../core/promotion/promotion.ts';
import { promotionName, stateWords } from '../../core/promotion/promotion-reply.ts';
import { appendAudits } from './audit.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { showDeployment } from './deployments.ts';
import { beginEvaluation, endEvaluation, evaluationsOf } from './evaluations.ts';
import { registryStore } from './registry.ts';

const unended = promotionStates.filter(state => !isOver(state));
const moving = unended.filter(isMoving);

export function promotionStore(db: Db): PromotionStore {
  return {
    async create(wish) {
      return await db.transaction().execute(async tx => {
        await lockEnvironment(tx, wish);
        const known = await tx
          .selectFrom('promotions')
          .selectAll()
          .where('request_key', '=', wish.key)
          .executeTakeFirst();
        if (known) return { promotion: await promotionOf(tx, known), created: false, superseded: null };
        const others = await tx
          .selectFrom('promotions')
          .selectAll()
          .where('model', '=', wish.model)
          .where('environment', '=', wish.environment)
          .where('state', 'in', unended)
          .orderBy('number', 'desc')
          .forUpdate()
          .execute();
        const open = others.find(({ state }) => !isMoving(state));
        // What is open is what counts next; without it, what moves.
        const next = open ?? others[0];
        if (next && next.version === wish.version && next.kind === wish.kind && next.state !== 'rolling-back')
          return { promotion: await promotionOf(tx, next), created: false, superseded: null };
        if (open?.kind === 'rollback' && wish.kind === 'promote')
          return { promotion: await promotionOf(tx, open), created: false, superseded: null };
        // None can come to serve meanwhile: those that might are locked.
        const live = wish.kind === 'rollback' ? await liveIn(tx, wish) : null;
        if (live && live.version !== wish.before) {
          const { promotion: number } = live;
          const row = await tx
            .selectFrom('promotions')
            .selectAll()
            .where('number', '=', number)
            .executeTakeFirstOrThrow();
          return { promotion: await promotionOf(tx, row), created: false, superseded: null };
        }
        const superseded = open ? await supersede(tx, open, wish) : null;
        const promotion = await insert(tx, wish);
        return { promotion, created: true, superseded };
      });
    },
    async get(number) {
      const row = await db
        .selectFrom('promotions')
        .selectAll()
        .where('number', '=', number)
        .executeTakeFirst();
      return row ? await promotionOf(db, row) : null;
    },
    async open() {
      const rows = await db
        .selectFrom('promotions')
        .selectAll()
        .where('state', 'in', unended)
        .orderBy('number')
        .execute();
      return await Promise.all(rows.map(row => promotionOf(db, row)));
    },
    async ofModel(model, limit, before, environment) {
      let query = db.selectFrom('promotions').selectAll().where('model', '=', model);
      if (environment !== undefined) query = query.where('environment', '=', environment);
      if (before !== undefined) query = query.where('number', '<', before);
      const rows = await query.orderBy('number', 'desc').limit(limit).execute();
      return await Promise.all(rows.map(row => promotionOf(db, row)));
    },
    async events(number) {
      const rows = await db
        .selectFrom('promotion_events')
        .selectAll()
        .where('promotion', '=', number)
        .orderBy('seq')
        .execute();
      return rows.map(({ seq, type, from_state: from, to_state: to, actor, reason, evidence, at }) => {
        return { seq, type, from, to, actor, reason, evidence, at };
      });
    },
    live: model => liveOf(db, model),
    async servedBefore(model, environment) {
      // What a promotion replaced, not what a rollback did: going back twice does not go forward again.
      const { rows } = await sql<{ before: number | null }>`
        select before from promotions
        where model = ${model} and environment = ${environment} and state = 'live' and kind = 'promote'
          and version = (
            select version from promotions
            where model = ${model} and environment = ${environment} and state = 'live' order by ended_at desc, number desc limit 1)
        order by ended_at desc, number desc limit 1`.execute(db);
      return rows[0]?.before ?? null;
    },
    async served(model, environment) {
      const { rows } = await sql<{ version: number; at: Date }>`
        select version, max(ended_at) as at from promotions
        where model = ${model} and environment = ${environment} and state = 'live'
        group by version order by at desc, version desc`.execute(db);
      return rows;
    },
    async wasLive(model, version, environment) {
      const row = await db
        .selectFrom('promotions')
        .select('number')
        .where('model', '=', model)
        .where('version', '=', version)
        .where('environment', '=', environment)
        .where('state', '=', 'live')
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async change(number, change, now, actor, evidence) {
      return await db.transaction().execute(async tx => {
        const row = await tx
          .selectFrom('promotions')
          .selectAll()
          .where('number', '=', number)
          .forUpdate()
          .executeTakeFirst();
        if (!row) return { ok: false as const, code: 'not-found' as const };
        const before = await promotionOf(tx, row);
        if (change.type === 'step' && before.state === 'approved' && !(await mayBegin(tx, before)))
          return { ok: false as const, code: 'busy' as const };
        const after = changed(before, change, now, actor);
        if (after.ok) await store(tx, before, after, { change, evidence });
        return after;
      });
    },
    async evaluate(number, { spec, instead }, now) {
      return await db.transaction().execute(async tx => {
        const row = await tx
          .selectFrom('promotions')
          .selectAll()
          .where('number', '=', number)
          .forUpdate()
          .executeTakeFirst();
        if (!row) return { ok: false as const, code: 'not-found' as const };
        const before = await promotionOf(tx, row);
        if (isOver(before.state)) return { ok: false as const, code: 'ended' as const };
        if (isMoving(before.state) || before.evaluation !== instead)
          return { ok: false as const, code: 'stale' as const };
        await endEvaluation(tx, before, `${promotionName(before)} is evaluated anew.`, now);
        const run = await beginEvaluation(tx, before, spec, now);
        const reason = `Its version is to be evaluated by run #${run}.`;
        const after = changed(before, { type: 'evaluate', run, reason }, now, system);
        if (!after.ok) throw new Error(`promotion ${number} cannot wait for run ${run}: ${after.code}`);
        await store(tx, before, after, {});
        return after;
      });
    },
    evaluations: (model, version) => evaluationsOf(db, model, version),
    evidence: (number, digest) => evidenceIn(db, number, digest),
    async button({ id, promotion, evidence, place: { team, channel } }) {
      await db
        .insertInto('promotion_buttons')
        .values({ id, promotion, evidence, team, channel })
        .onConflict(conflict => conflict.columns(['promotion', 'evidence', 'team', 'channel']).doNothing())
        .execute();
      const row = await db
        .selectFrom('promotion_buttons')
        .select('id')
        .where('promotion', '=', promotion)
        .where('evidence', '=', evidence)
        .where('team', '=', team)
        .where('channel', '=', channel)
        .executeTakeFirstOrThrow();
      return row.id;
    },
    async pressed(id, place) {
      if (place.kind !== 'slack') return null;
      const row = await db
        .selectFrom('promotion_buttons')
        .select(['promotion', 'evidence'])
        .where('id', '=', id)
        .where('team', '=', place.team)
        .where('channel', '=', place.channel)
        .executeTakeFirst();
      return row ?? null;
    },
    async shownAt(number, { repo, issue }, at) {
      const row = await db
        .selectFrom('promotion_shown as s')
        .innerJoin('surfaces as f', 'f.id', 's.surface')
        .select('s.shown')
        .where('f.promotion', '=', number)
        .where(sql`f.place ->> 'kind'`, '=', 'github')
        .where(sql`(f.place ->> 'repo')::bigint`, '=', repo)
        .where(sql`(f.place ->> 'issue')::bigint`, '=', issue)
        .where('s.at', '<=', at)
        .orderBy('s.at', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row?.shown ?? null;
    },
    async remark(number, key, content) {
      // There are no threads on GitHub: the comment itself says it.
      await sql`
        insert into surfaces (key, kind, promotion, place, content)
        select ${`promotion:${number}:${key}:`} || row_number() over (order by key), 'remark', promotion, place, ${json(content)}::jsonb
        from surfaces where promotion = ${number} and kind = 'promotion' and place->>'kind' = 'slack'
        on conflict (key) do nothing`.execute(db);
    },
  };
}

/** One after the other for a model in an environment; there may be no row yet that could be locked. */
async function lockEnvironment(
  tx: Tx,
  { model, environment }: Pick<NewPromotion, 'model' | 'environment'>,
): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`promotion ${model} ${environment}`}, 0))`.execute(
    tx,
  );
}

async function liveOf(db: Db | Tx, model: string): Promise<Live[]> {
  const { rows } = await sql<{ environment: string; version: number; number: number; ended_at: Date }>`
    select distinct on (environment) environment, version, number, ended_at from promotions
    where model = ${model} and state = 'live' order by environment, ended_at desc, number desc`.execute(db);
  return rows.map(row => {
    const { environment, version, number, ended_at: since } = row;
    return { environment, version, promotion: number, since };
  });
}

/** What serves there; null: nothing does. */
async function liveIn(
  tx: Tx,
  { model, environment }: Pick<NewPromotion, 'model' | 'environment'>,
): Promise<Live | null> {
  return (await liveOf(tx, model)).find(one => one.environment === environment) ?? null;
}

/** Whether nothing moves there, and what it was judged beside still serves: that may have changed since it was looked at. */
async function mayBegin(tx: Tx, promotion: Promotion): Promise<boolean> {
  if (await isOtherMoving(tx, promotion)) return false;
  const evidence =
    promotion.evidence === null ? null : await evidenceIn(tx, promotion.number, promotion.evidence);
  if (promotion.kind === 'rollback' || !evidence) return true;
  return (await liveIn(tx, promotion))?.version === evidence.serving?.version;
}

async function evidenceIn(db: Db | Tx, number: number, digest: string): Promise<Evidence | null> {
  const row = await db
    .selectFrom('promotion_evidence')
    .select('content')
    .where('promotion', '=', number)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return row?.content ?? null;
}

/** Of two that begin at once, the index keeps one from it, and that one is tried again. */
async function isOtherMoving(tx: Tx, { model, environment }: Promotion): Promise<boolean> {
  const row = await tx
    .selectFrom('promotions')
    .select('number')
    .where('model', '=', model)
    .where('environment', '=', environment)
    .where('state', 'in', moving)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function insert(tx: Tx, wish: NewPromotion): Promise<Promotion> {
  const by = lasting(wish.requestedBy);
  const said = 'It is being looked at.';
  const row = await tx
    .insertInto('promotions')
    .values({
      request_key: wish.key,
      kind: wish.kind,
      model: wish.model,
      version: wish.version,
      environment: wish.environment,
      before: wish.before,
      requested_by: json(by),
      requester: actorKey(by),
      place: json(wish.place),
      reason: wish.reason,
      state: 'evaluating',
      needed: wish.needed,
      said,
      created_at: wish.at,
      expires_at: wish.expiresAt,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const promotion = await promotionOf(tx, row);
  await addEvents(tx, promotion, [
    {
      type: 'evaluating',
      from: 'evaluating',
      to: 'evaluating',
      actor: wish.requestedBy,
      reason: wish.reason || 'It was asked for.',
      at: wish.at,
    },
  ]);
  const places = [wish.place, ...wish.alsoAt].filter(hasMessages);
  for (const [i, place] of places.entries())
    if (places.findIndex(one => isSamePlace(one, place)) === i)
      await tx
        .insertInto('surfaces')
        .values({
          key: `promotion:${promotion.number}:message:${i}`,
          kind: 'promotion',
          promotion: promotion.number,
          place: json(place),
        })
        .execute();
  const { kind, model, version, environment, reason } = wish;
  const details = { kind, model, version, environment, reason, place: wish.place.kind };
  const subject = `promotion:${promotion.number}`;
  const entry = { actor: wish.requestedBy, action: 'promotion.requested', subject, outcome: 'done' as const };
  await appendAudits(tx, [{ entry: { ...entry, details }, at: wish.at }]);
  return promotion;
}

/** Whether two places show the same: a message each would be one too many. */
function isSamePlace(a: Place, b: Place): boolean {
  if (a.kind === 'slack' && b.kind === 'slack') return a.team === b.team && a.channel === b.channel;
  if (a.kind === 'github' && b.kind === 'github') return a.repo === b.repo && a.issue === b.issue;
  return false;
}

/** By the newer one, in the transaction that makes it. */
async function supersede(
  tx: Tx,
  row: Selectable<Tables['promotions']>,
  { kind, version, requestedBy, at }: NewPromotion,
): Promise<Promotion> {
  const before = await promotionOf(tx, row);
  const what = kind === 'rollback' ? 'A rollback to' : 'A newer promotion of';
  const reason = `${what} version ${version} takes its place.`;
  const after = changed(before, { type: 'supersede', reason }, at, requestedBy);
  if (!after.ok) throw new Error(`promotion ${before.number} could not be superseded: ${after.code}`);
  await store(tx, before, after, {});
  return after.promotion;
}

async function store(
  tx: Tx,
  before: Promotion,
  { promotion, events }: Extract<PromotionTransition, { ok: true }>,
  { change, evidence }: { change?: PromotionChange; evidence?: Evidence | undefined },
): Promise<void> {
  const { number, state, said, step, needed } = promotion;
  await tx
    .updateTable('promotions')
    .set({
      state,
      said,
      step,
      needed,
      evaluation: promotion.evaluation,
      evidence: promotion.evidence,
      step_at: promotion.stepAt,
      ended_at: promotion.endedAt,
    })
    .where('number', '=', number)
    .execute();
  if (change?.type === 'judged' && evidence && promotion.evidence !== null)
    await tx
      .insertInto('promotion_evidence')
      .values({ promotion: number, digest: promotion.evidence, content: json(evidence), at: lastAt(events) })
      // As it was when it was first decided on.
      .onConflict(conflict => conflict.columns(['promotion', 'digest']).doNothing())
      .execute();
  await storeAnswers(tx, before, promotion);
  // The name of the environment means it from the same moment; whoever is late with another promotion changes nothing.
  if (state === 'live')
    await registryStore(tx).want(promotion.model, promotion.environment, promotion.version, lastAt(events));
  await addEvents(tx, promotion, events);
  if (events.some(({ type }) => type !== 'waits')) await showDeployment(tx, promotion);
  await tx
    .updateTable('surfaces')
    .set({ wanted_seq: sql`wanted_seq + 1` })
    .where('promotion', '=', number)
    .where('kind', '=', 'promotion')
    .execute();
  if (state === 'live') await showWhatServed(tx, promotion);
  const factor = factorDetails(change);
  // Before the audit rows: whoever changes runs locks in this order.
  if (before.state === 'evaluating' && state !== 'evaluating') {
    const why = isOver(state) ? stateWords(state) : 'needs it no longer';
    await endEvaluation(tx, promotion, `${promotionName(promotion)} ${why}.`, lastAt(events));
  }
  await appendAudits(
    tx,
    events.map(({ actor, type, from, to, reason, at }) => ({
      entry: {
        actor,
        action: `promotion.${type}`,
        subject: `promotion:${number}`,
        outcome: 'done' as const,
        details: { from, to, reason, evidence: promotion.evidence ?? before.evidence, ...factor },
      },
      at,
    })),
  );
}

function answerRow(
  promotion: number,
  seq: number,
  { says, by, person, evidence, reason, at, factor, review }: Answer,
): Insertable<Tables['promotion_answers']> {
  return {
    ...{ promotion, seq, says, person, evidence, reason, at, review: review ?? null, by: json(lasting(by)) },
    ...(factor ? { factor_account: factor.account, factor_at: factor.at } : {}),
  };
}

/** That an approval came with a second factor, whose and when. */
function factorDetails(change: PromotionChange | undefined): Record<string, unknown> {
  if (change?.type !== 'answer' || !change.answer.factor) return {};
  const { account, at } = change.answer.factor;
  return { secondFactor: { account, at: at.toISOString() } };
}

/** Answers come at the end, and what was withdrawn goes; what is said of it stays in the events. */
async function storeAnswers(tx: Tx, before: Promotion, { number, answers }: Promotion): Promise<void> {
  const table = () => tx.selectFrom('promotion_answers').where('promotion', '=', number);
  for (const { says, person, evidence } of before.answers.filter(one => !answers.includes(one)))
    await tx
      .deleteFrom('promotion_answers')
      .where('promotion', '=', number)
      .where('says', '=', says)
      .where('person', '=', person)
      .where('evidence', '=', evidence)
      .execute();
  for (const answer of answers.filter(one => !before.answers.includes(one))) {
    const last = await table()
      .select(({ fn }) => fn.max('seq').as('seq'))
      .executeTakeFirst();
    await tx
      .insertInto('promotion_answers')
      .values(answerRow(number, (last?.seq ?? 0) + 1, answer))
      .execute();
  }
}

/** The messages of what served there until now, whose way back is no longer theirs to offer. */
async function showWhatServed(tx: Tx, { number, model, environment }: Promotion): Promise<void> {
  await sql`
    update surfaces set wanted_seq = wanted_seq + 1 where kind = 'promotion' and promotion = (
      select number from promotions
      where model = ${model} and environment = ${environment} and state = 'live' and number <> ${number}
      order by ended_at desc, number desc limit 1)`.execute(tx);
}

async function addEvents(tx: Tx, promotion: Promotion, events: readonly PromotionEvent[]): Promise<void> {
  const last = await tx
    .selectFrom('promotion_events')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .where('promotion', '=', promotion.number)
    .executeTakeFirst();
  for (const [i, { type, from, to, actor, reason, at }] of events.entries())
    await tx
      .insertInto('promotion_events')
      .values({
        promotion: promotion.number,
        seq: (last?.seq ?? 0) + 1 + i,
        type,
        from_state: from,
        to_state: to,
        actor: json(actor),
        reason,
        evidence: promotion.evidence,
        at,
      })
      .execute();
}

function lastAt(events: readonly PromotionEvent[]): Date {
  const last = events.at(-1);
  if (!last) throw new Error('a change of a promotion has no event');
  return last.at;
}

/** What was said outlives an elevation of whoever said it. */
function lasting(actor: Actor): Actor {
  const { breakglass: _, ...rest } = actor;
  return rest;
}

async function promotionOf(db: Db | Tx, row: Selectable<Tables['promotions']>): Promise<Promotion> {
  const answers = await db
    .selectFrom('promotion_answers')
    .selectAll()
    .where('promotion', '=', row.number)
    .orderBy('seq')
    .execute();
  return {
    number: row.number,
    kind: row.kind,
    model: row.model,
    version: row.version,
    environment: row.environment,
    before: row.before,
    requestedBy: row.requested_by,
    place: row.place,
    reason: row.reason,
    state: row.state,
    evaluation: row.evaluation,
    evidence: row.evidence,
    needed: row.needed,
    answers: answers.map(({ says, by, person, evidence, reason, at, review, ...more }) => {
      const { factor_account: account, factor_at: shownAt } = more;
      const factor = account !== null && shownAt !== null ? { factor: { account, at: shownAt } } : {};
      const answer = { says, by, person, evidence, reason, at, ...factor };
      return review === null ? answer : { ...answer, review };
    }),
    step: row.step,
    stepAt: row.step_at,
    said: row.said,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
  };
}
