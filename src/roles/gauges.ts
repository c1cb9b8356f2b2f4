import type { GaugeSample } from '../adapters/http/deps.ts';
import type { Db } from '../adapters/postgres/database.ts';
import type { CountedRefusals } from '../app/webhook-refusals.ts';
import type { Surface } from '../core/ports.ts';
import { runStates } from '../core/run.ts';

const surfaceKinds = ['run', 'ended', 'preempted', 'sweep', 'note'] as const satisfies Surface['kind'][];

/** What this process refused, for `/metrics`. */
export function refusedSamples({ counts }: Pick<CountedRefusals, 'counts'>): GaugeSample[] {
  return counts().map(({ source, why, count }) => ({
    name: 'signalbox_webhooks_refused_total',
    help: 'Deliveries that were not from whom they said, or unreadable, by source and reason.',
    labels: { source, why },
    value: count,
  }));
}

/** What the database knows, for `/metrics`. Labels come from closed vocabularies and the configuration alone. */
export async function gauges(db: Db): Promise<GaugeSample[]> {
  const counts = db.fn.countAll<number>().as('count');
  const states = await db.selectFrom('runs').select(['state', counts]).groupBy('state').execute();
  const undone = await db
    .selectFrom('deliveries')
    .select(counts)
    .where(eb => eb.or([eb('done_at', 'is', null), eb('laid_aside', '=', true)]))
    .executeTakeFirstOrThrow();
  const unseen = await db
    .selectFrom('surfaces')
    .select(counts)
    .where(eb => eb.and([eb('wanted_seq', '>', eb.ref('seen_seq')), eb('gave_up', '=', false)]))
    .executeTakeFirstOrThrow();
  const givenUp = await db
    .selectFrom('surfaces')
    .select(['kind', counts])
    .where('gave_up', '=', true)
    .groupBy('kind')
    .execute();
  const held = await db
    .selectFrom('allocations')
    .select(['pool', 'kind', counts])
    .where('released_at', 'is', null)
    .groupBy(['pool', 'kind'])
    .execute();
  const there = await db
    .selectFrom('accelerators')
    .select(['pool', 'kind', counts])
    .where('healthy', '=', true)
    .groupBy(['pool', 'kind'])
    .execute();
  // Of what serves now, over all of its stages.
  const served = await db
    .selectFrom('serving_counts as c')
    .innerJoin('serving as s', join =>
      join
        .onRef('s.model', '=', 'c.model')
        .onRef('s.environment', '=', 'c.environment')
        .onRef('s.version', '=', 'c.version'),
    )
    .select(['c.model', 'c.environment', 'c.version'])
    .select(({ fn }) => [
      fn.sum<string>('c.answers').as('answers'),
      fn.sum<string>('c.errors').as('errors'),
      fn.sum<number>('c.seconds').as('seconds'),
    ])
    .groupBy(['c.model', 'c.environment', 'c.version'])
    .execute();
  return [
    ...served.flatMap(({ model, environment, version, answers, errors, seconds }) => {
      const labels = { model, environment, version: String(version) };
      const sample = (name: string, help: string, value: number) => ({ name, help, labels, value });
      return [
        sample(
          'signalbox_model_answers',
          'Answers of a version that serves, errors included.',
          Number(answers),
        ),
        sample('signalbox_model_errors', 'Answers with a status of 500 or more, or none.', Number(errors)),
        sample('signalbox_model_answer_seconds', 'How long all of them took together.', Number(seconds)),
      ];
    }),
    ...runStates.map(state => ({
      name: 'signalbox_runs',
      help: 'Runs by state.',
      labels: { state },
      value: states.find(row => row.state === state)?.count ?? 0,
    })),
    {
      name: 'signalbox_deliveries_undone',
      help: 'Deliveries that are stored and not done.',
      labels: {},
      value: undone.count,
    },
    {
      name: 'signalbox_surfaces_stale',
      help: 'Messages that do not show what is true.',
      labels: {},
      value: unseen.count,
    },
    ...surfaceKinds.map(kind => ({
      name: 'signalbox_surfaces_given_up',
      help: 'Messages that could not be shown to anybody, or no longer edited, by kind.',
      labels: { kind },
      value: givenUp.find(row => row.kind === kind)?.count ?? 0,
    })),
    ...there.map(row => ({
      name: 'signalbox_accelerators',
      help: 'Healthy accelerators and CPU slots by pool.',
      labels: { pool: row.pool, kind: row.kind },
      value: row.count,
    })),
    ...held.map(row => ({
      name: 'signalbox_accelerators_held',
      help: 'Accelerators and CPU slots that are held, by pool.',
      labels: { pool: row.pool, kind: row.kind },
      value: row.count,
    })),
  ];
}
