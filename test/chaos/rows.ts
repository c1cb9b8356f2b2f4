import type { LifeName } from './life.ts';

type Role = 'web' | 'worker' | 'agent' | 'supervisor';

/** Many more deaths, which take many minutes. */
export const isLong = process.env.SIGNALBOX_CHAOS === 'long';

/** Every step of a clean life, by who passes it; the test holds the list equal to what is passed. */
export const steps: Record<LifeName, Record<Role, readonly string[]>> = {
  quick: {
    web: [
      'ingest.store',
      'wakeups.wake deliveries',
      'tokens.find',
      'agents.seen',
      'agents.take',
      'agents.assignments',
      'tokens.forAttempt',
      'tokens.attemptOf',
      'runs.get',
      'source.archive',
      'start tar',
      'logs.poolOf',
      'logs.append size',
      'logs.append text',
      'runs.change running',
      'runs.change exited',
      'surfaces.unshown',
      'wakeups.wake plan',
      'wakeups.wake surface',
    ],
    worker: [
      'deliveries.due',
      'deliveries.claim',
      'slack.unpack',
      'dispatch',
      'links.all',
      'source.resolve',
      'start git rev-parse',
      'runs.create',
      'audit.append',
      'surfaces.addNote',
      'deliveries.done',
      'wakeups.wake plan',
      'wakeups.wake surface',
      'plan.wanted',
      'plan.snapshot',
      'plan.commit',
      'surfaces.due',
      'surfaces.wantHomes',
      'surfaces.claim',
      'surfaces.unshown',
      'runs.get',
      'runs.metrics',
      'runs.reported',
      'runs.ahead',
      'surfaces.posting run',
      'messenger.send post',
      'messenger.send edit',
      'surfaces.shown run',
      'surfaces.posting ended',
      'messenger.send thread',
      'surfaces.shown ended',
      'surfaces.posting note',
      'messenger.send whisper',
      'surfaces.shown note',
    ],
    agent: [
      'http sync',
      'assignment.json',
      'http source',
      'start tar',
      'work',
      'http record',
      'plan.json',
      'start supervisor',
      'http log',
      'forgotten',
      'removal attempt',
    ],
    supervisor: ['launched', 'start command', 'child.json', 'log', 'exit.json'],
  },
  cancelled: {
    web: [],
    worker: ['runs.change stop'],
    agent: ['stop.json', 'signal SIGTERM'],
    supervisor: ['signal SIGTERM', 'signal SIGCONT'],
  },
  pinned: {
    web: ['start git archive'],
    worker: ['start git fetch', 'start git update-ref'],
    agent: [],
    supervisor: [],
  },
};

/** Passed or not, as it happens. */
export const sometimes = [
  // Once in a while, whatever a run does.
  'worker groups.of',
  'worker groups.take',
  'worker surfaces.failed ended',
  'worker surfaces.failed run',
  'worker wakeups.wake nothing',
  'web wakeups.wake nothing',
];

export interface Row {
  name: string;
  life: LifeName;
  /** Steps at which a process dies, one after the other. */
  deaths: readonly string[];
}

const each = Object.entries(steps).flatMap(([life, byRole]) =>
  Object.entries(byRole).map(([role, names]) => ({
    life: life as LifeName,
    names: names.map(name => `${role} ${name}`),
  })),
);

/** Between every two steps: one dies before a step, and one that takes over before the next. */
const between: Row[] = each.flatMap(({ life, names }) =>
  Array.from({ length: Math.ceil(names.length / 2) }, (_, pair) => {
    const two = names.slice(pair * 2, pair * 2 + 2);
    return { name: `before ${two.join(', and before ')}`, life, deaths: two.map(name => `${name} before`) };
  }),
);

/** One dies before a step, and one that comes to it again dies as it is done: what it has not gone on to yet may be any of several things. */
const around: Row[] = each.flatMap(({ life, names }) =>
  names.map(name => ({
    name: `${name}: before it, and after`,
    life,
    deaths: [`${name} before`, `${name} after`],
  })),
);

/** Who takes over dies too. */
const more: { life: LifeName; deaths: string[] }[] = [
  { life: 'quick', deaths: ['worker messenger.send post after', 'worker messenger.find before'] },
  { life: 'quick', deaths: ['worker messenger.send post before', 'worker messenger.find after'] },
  { life: 'quick', deaths: ['worker messenger.send thread after', 'worker messenger.find after'] },
  {
    life: 'quick',
    deaths: ['worker runs.create after', 'worker runs.create before', 'worker deliveries.done before'],
  },
  { life: 'quick', deaths: ['supervisor start command after', 'agent lost.json before'] },
  { life: 'quick', deaths: ['supervisor log before', 'agent lost.json after'] },
  { life: 'quick', deaths: ['supervisor launched after', 'supervisor child.json after'] },
  { life: 'quick', deaths: ['agent start supervisor after', 'supervisor launched before'] },
  { life: 'quick', deaths: ['agent http log after', 'agent agent.lock after', 'agent http sync before'] },
  {
    life: 'quick',
    deaths: ['supervisor exit.json before', 'web runs.change lost after', 'worker plan.commit after'],
  },
  { life: 'cancelled', deaths: ['agent stop.json after', 'supervisor signal SIGTERM before'] },
  { life: 'cancelled', deaths: ['supervisor signal SIGTERM after', 'agent lost.json before'] },
];

export const rows: readonly Row[] = [
  ...(isLong ? around : between),
  ...more.map(({ life, deaths }) => ({ life, deaths, name: deaths.join(', then ') })),
];
