/** `live`: another version is approved and comes to serve; `halted`: its check takes it back; `rollback`: the one before serves again. */
export type Story = 'live' | 'halted' | 'rollback';

const asked = ['worker promotions.create', 'worker promotions.change judged'];
const begun = ['worker promotions.change step 0', 'worker serving.apply 0', 'worker runs.create'];

/** What decides and writes down, in the order in which it comes. */
const decided: Record<Story, readonly string[]> = {
  live: [
    ...asked,
    'worker promotions.change answer',
    ...begun,
    'worker serving.apply 1',
    'worker promotions.change step 1',
    'worker serving.apply 2',
    'worker serving.apply 100',
    'worker promotions.change live',
    'worker registry.aligned',
  ],
  halted: [
    ...asked,
    'worker promotions.change answer',
    ...begun,
    'worker serving.apply 1',
    'worker promotions.change halt',
    'worker serving.apply 1000',
    'worker promotions.change restored',
  ],
  rollback: [
    ...asked,
    ...begun,
    'worker serving.apply 1',
    'worker serving.apply 100',
    'worker promotions.change live',
    'worker registry.aligned',
  ],
};

/** What makes the new one serve and the old one end, in the same way. */
const machine = [
  'agent assignment.json',
  'agent http source',
  'agent http record',
  'agent http model',
  'agent model.json',
  'agent serving.json',
  'agent start supervisor',
  'supervisor start command',
  'web serving.heard ready',
  'worker runs.change stop',
  'agent stop.json',
  'agent signal SIGTERM',
  'web runs.change exited',
];

/** Each of these in its own time: it is not known which of them comes first. */
const said = ['front serving.count', 'worker messenger.send post', 'worker messenger.send edit'];
const told = ['worker deployments.begin', 'worker deployments.tell'];

/** Passed or not, as it happens. */
const sometimes = [
  'web serving.heard starting',
  'worker promotions.change expire',
  'worker promotions.change wait',
  'worker runs.change preempt',
];

/** Every step of a story that is one of what serves. */
export function stepsOf(story: Story): string[] {
  return [...decided[story], ...machine, ...said, ...told].filter(isListed);
}

export function isListed(step: string): boolean {
  const isOne = / (?:promotions|serving|registry|deployments|model)\.|^worker runs\./.test(step);
  return isOne && step !== 'worker runs.get' && !sometimes.includes(step);
}

export interface PromotionRow {
  name: string;
  story: Story;
  /** Steps at which a process dies, one after the other. */
  deaths: readonly string[];
  /** It is halted there instead, and goes on when all is over. */
  isHalted?: boolean;
  /** Only where there is much time. */
  isLong?: boolean;
}

function each(steps: readonly string[], when: 'before' | 'after'): string[] {
  return steps.map(step => `${step} ${when}`);
}

const stories = ['live', 'halted', 'rollback'] as const satisfies readonly Story[];

/** By how many workers there are. */
export const promotionRows: Record<1 | 2, readonly PromotionRow[]> = {
  1: [
    ...stories.map(story => ({
      name: `${story}: it dies before each thing that is decided`,
      story,
      deaths: each(decided[story], 'before'),
    })),
    {
      name: 'live: agent, supervisor, web and worker die before each thing that makes a version serve',
      story: 'live',
      deaths: each(machine, 'before'),
    },
  ],
  2: [
    ...stories.map(story => ({
      name: `${story}: it dies after each thing that is decided`,
      story,
      deaths: each(decided[story], 'after'),
      isLong: story !== 'live',
    })),
    {
      name: 'live: agent, supervisor, web and worker die after each thing that makes a version serve',
      story: 'live',
      // Who wrote that it is to stop and died says it no second time: the supervisor has seen it.
      deaths: each(
        machine.filter(step => step !== 'agent stop.json'),
        'after',
      ),
      isLong: true,
    },
    {
      name: 'live: the front dies before it says what it counted, and whoever tells people with the words on its lips',
      story: 'live',
      deaths: said.flatMap(step => each([step], step === 'worker messenger.send post' ? 'after' : 'before')),
    },
    ...(['before', 'after'] as const).map(when => ({
      name: `halted: whoever tells GitHub of it dies ${when} each word`,
      story: 'halted' as const,
      deaths: each(told, when),
      isLong: when === 'after',
    })),
    ...['promotions.change step 0', 'serving.apply 1', 'runs.create', 'promotions.change live'].map(step => ({
      name: `live: a worker halts before ${step}, and goes on when all is over`,
      story: 'live' as const,
      deaths: [`worker ${step} before`],
      isHalted: true,
      isLong: step !== 'serving.apply 1',
    })),
  ],
};
