import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Freeze } from '../../src/core/freeze.ts';
import { type HomeFacts, homeReply } from '../../src/core/home-reply.ts';
import type { Accelerator, PoolState } from '../../src/core/ports.ts';
import { type Inline, plain, type Reply } from '../../src/core/reply.ts';
import { liveRun, noon } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';

const gpu = (index: number, model: string, healthy = true): Accelerator => ({
  ...{ node: 'n', index, kind: 'gpu', model, resource: 'nvidia.com/gpu', device: null, memoryMb: 0, healthy },
});
const slot = (index: number): Accelerator => ({ ...gpu(index, 'x86_64'), kind: 'cpu', resource: 'cpu' });
const pool = (changes: Partial<PoolState> = {}): PoolState => ({
  ...{ name: 'lab', accelerators: [], seenAt: noon, reachable: true },
  ...changes,
});
const facts = (changes: Partial<HomeFacts> = {}): HomeFacts => ({
  actor: octocat,
  holdings: { pools: [], held: [], queued: [], freezes: [] },
  mine: { first: [], count: 0 },
  ended: [],
  queue: { first: [], count: 0 },
  unreviewed: [],
  mayTrain: true,
  example: 'train digits',
  ...changes,
});
const said = (one: Reply) =>
  one.blocks
    .map(block => {
      if (block.kind === 'heading') return `# ${block.text}`;
      if (block.kind === 'text' || block.kind === 'context') return plain(block.text);
      if (block.kind === 'fields')
        return block.rows.map(row => `${row.label}: ${plain(row.value)}`).join('\n');
      if (block.kind === 'list') return block.items.map(plain).join('\n');
      if (block.kind === 'actions') return `[${block.actions.map(action => action.label).join('] [')}]`;
      if (block.kind === 'progress') return block.label;
      return block.kind === 'form' ? `[${block.label}]` : block.kind;
    })
    .join('\n')
    .replaceAll('\u00a0', ' ');

describe('a Home: what operators hold back, and what is to be reviewed', () => {
  const by = { kind: 'slack', id: 'T1/U2', name: 'hubot' } as const;
  const freeze = (scope: Freeze['scope'], kind: Freeze['kind'] = 'freeze'): Freeze => ({
    ...{ id: 1, kind, scope, why: 'new driver', by, since: noon },
  });
  const shown = (freezes: Freeze[]) => {
    const pools = [pool({ accelerators: [slot(0)] })];
    return said(homeReply(facts({ holdings: { pools, held: [], queued: [], freezes } }), noon));
  };
  const rows: [name: string, freezes: Freeze[], line: string][] = [
    ['nothing', [], '# Free now\nlab: 1 of 1 CPU slot\n'],
    ['a pool', [freeze({ kind: 'pool', name: 'lab' })], '# Free now\nlab: 1 of 1 CPU slot, frozen\n'],
    ['a drain', [freeze({ kind: 'pool', name: 'lab' }, 'drain')], '\nlab: 1 of 1 CPU slot, being drained\n'],
    ['another pool', [freeze({ kind: 'pool', name: 'x' })], '# Free now\nlab: 1 of 1 CPU slot\n'],
    [
      'everything',
      [freeze({ kind: 'all' })],
      '# Free now\nEverything is frozen by hubot since 12:00 UTC: new driver.\nlab: ',
    ],
  ];
  for (const [name, freezes, line] of rows)
    test(name, () => assert.ok(shown(freezes).includes(line), shown(freezes)));

  test('what nobody has reviewed stays above all else', () => {
    const elevation = {
      id: 7,
      actor: by,
      why: 'full disk',
      openedAt: noon,
      until: noon,
      endedAt: null,
      review: null,
    };
    const four = [7, 8, 9, 10].map(id => ({ ...elevation, id }));
    assert.match(
      said(homeReply(facts({ unreviewed: four }), noon)),
      /^# To review\nBreakglass 7, hubot: full disk .*\nBreakglass 8.*\nBreakglass 9.*\nand 1 more\n.*breakglass review 7 --verdict/,
    );
  });
});

describe('a Home: what is free', () => {
  const held = [{ pool: 'lab', node: 'n', kind: 'gpu' as const, index: 0, run: 1 }];
  const rows: [name: string, pools: PoolState[], line: string][] = [
    ['no pool', [], 'No pool is configured: signalbox.yml names them.'],
    [
      'each model by itself, though one is named like the other',
      [pool({ accelerators: [gpu(0, 'A100'), gpu(1, 'A100'), gpu(2, 'A100 80GB'), slot(0)] })],
      'lab: 1 of 2 A100, 1 of 1 A100 80GB, 1 of 1 CPU slot',
    ],
    [
      'the unhealthy do not count',
      [pool({ accelerators: [gpu(1, 'A100', false)] })],
      'lab: nothing healthy there',
    ],
    ['out of reach', [pool({ reachable: false })], 'lab: out of reach now'],
    ['never heard of', [pool({ reachable: false, seenAt: null })], 'lab: its agent was never heard of'],
  ];
  for (const [name, pools, line] of rows)
    test(name, () => {
      const shown = said(homeReply(facts({ holdings: { pools, held, queued: [], freezes: [] } }), noon));
      assert.equal(shown.split('\n')[1], line);
    });
});

describe('a Home: the person’s runs', () => {
  const waiting = { code: 'flavor-full', sentence: 'All are held.' };
  const queued = liveRun();
  const failure = { class: 'code-error', message: 'It ended with 1.', lines: [] } as const;
  const rows: [name: string, changes: Partial<HomeFacts>, has: string, lacks: string][] = [
    [
      'none ever',
      {},
      'You have not asked for a run yet. To train, press the button above, or type train digits',
      'Ended',
    ],
    ['may only look', { mayTrain: false }, 'You have not asked for a run yet.\n', '[Train a model]'],
    [
      'queued, with its reason and its place, and no button for what is said',
      { mine: { first: [{ run: { ...queued, waiting }, metrics: [], ahead: 1 }], count: 1 } },
      '#42 digits is queued\nAll are held. 1 run is before it.\n[Cancel]',
      'Why?',
    ],
    [
      'next in its queue',
      { mine: { first: [{ run: { ...queued, waiting }, metrics: [], ahead: 0 }], count: 1 } },
      'All are held. It is next in its queue.',
      'not asked',
    ],
    [
      'more than are shown',
      { mine: { first: [{ run: queued, metrics: [], ahead: 0 }], count: 12 } },
      'and 11 more',
      'not asked',
    ],
    [
      'ended only',
      {
        ended: [liveRun({ state: 'failed', attempt: 1, endedAt: noon, failure: { ...failure, lines: [] } })],
      },
      'None is under way. To train,',
      'not asked',
    ],
    [
      'failed, in one line',
      {
        ended: [liveRun({ state: 'failed', attempt: 1, endedAt: noon, failure: { ...failure, lines: [] } })],
      },
      '# Ended lately\n#42 digits failed, 2026-01-01 12:00 UTC\nIt ended with 1.\n[Run again] [Logs]',
      'not asked',
    ],
  ];
  for (const [name, changes, has, lacks] of rows)
    test(name, () => {
      const shown = said(homeReply(facts(changes), noon));
      assert.ok(shown.includes(has), shown);
      assert.ok(!shown.includes(lacks), shown);
    });
});

test('a Home: people of another workspace are named, not mentioned', () => {
  const by = (id: string) => liveRun({ requestedBy: { kind: 'slack', id, name: 'hubot' } });
  const first = [by('T1/U2'), by('T2/U2')];
  const { blocks } = homeReply(facts({ queue: { first, count: 2 } }), noon);
  const list = blocks.find(block => block.kind === 'list');
  const last = list?.items.map((item): Inline | undefined => item.at(-1));
  assert.deepEqual(last, [{ person: 'slack:T1/U2', name: 'hubot' }, 'hubot']);
});
