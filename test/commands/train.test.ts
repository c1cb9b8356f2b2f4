import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { train } from '../../commands/train.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import { parseCommand } from '../../src/core/grammar.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import type { Accelerator, PoolState } from '../../src/core/ports.ts';
import { trainWords } from '../../src/core/train-words.ts';
import { noon } from '../support/live-run.ts';
import { context, type Memory, memory, memoryPorts, say } from '../support/memory-ports.ts';

const gpu = (node: string, index: number, model: string, healthy = true): Accelerator => ({
  node,
  index,
  kind: 'gpu',
  model,
  resource: 'nvidia.com/gpu',
  device: null,
  memoryMb: 80_000,
  healthy,
});
const slot = (node: string, index: number): Accelerator => ({
  ...gpu(node, index, 'cpu'),
  kind: 'cpu',
  resource: 'cpu',
});
const pool = (accelerators: Accelerator[], seenAt: Date | null = noon): PoolState => ({
  name: 'local',
  accelerators,
  seenAt,
  reachable: true,
});
const twoNodes = pool([
  gpu('a', 0, 'NVIDIA A100'),
  gpu('a', 1, 'NVIDIA A100'),
  gpu('a', 2, 'NVIDIA A100', false),
  gpu('b', 0, 'NVIDIA H100'),
  slot('a', 0),
]);

const width = { width: { type: 'integer', default: 3 } } as const;
const policyOf = (project: object): Policy =>
  policySchema.parse({
    teams: { research: {}, platform: {} },
    pools: { local: {} },
    projects: {
      digits: {
        team: 'platform',
        command: ['python3', '{lr}'],
        parameters: { lr: { type: 'number', default: 0.1 } },
        github: 'octo-org/digits',
        ...project,
      },
    },
  });

test('a request is pinned to a commit, stored once, and answered to its sender', async () => {
  const m = memory({ ahead: 2 });
  const words = 'digits --ref dev -p lr=0.5 --priority high --note “wider net”';
  const first = await say(train, words, m);
  assert.ok(first.ok);
  assert.equal(first.reply.audience, 'sender');
  assert.equal(
    first.reply.title,
    'Run #1 digits is queued: bbbbbbb (dev), 1 CPU slot in pool local, 2 runs before it.',
  );
  assert.deepEqual(m.calls, ['resolve /projects/digits dev', 'create slack:1']);
  const [run] = m.runs;
  assert.equal(run?.spec.sha, 'b'.repeat(40));
  assert.deepEqual(run?.spec.command, ['python3', 'train.py', '--lr=0.5', 'none']);
  assert.equal(run?.priority, 'high');
  assert.equal(run?.spec.note, 'wider net');
  assert.equal((first.reply.data as { number: number }).number, 1);

  const second = await say(train, words, m);
  assert.ok(second.ok);
  assert.equal(second.reply.title, first.reply.title);
  assert.equal(m.runs.length, 1);
});

describe('a project whose code is on GitHub', () => {
  const ours = policyOf({});
  const said = policyOf({ command: ['run', '{width}'], parameters: width });
  const run = async (
    words: string,
    changes: { m?: Partial<Memory>; fails?: boolean; trainers?: 'team' } = {},
  ) => {
    const m = memory(changes.m ?? {});
    const asked: unknown[] = [];
    const ports = memoryPorts(m);
    const pulls = {
      ...ports.pulls,
      commit: async (wish: { sha: string }) => {
        asked.push(wish);
        return changes.fails
          ? { ok: false as const, code: 'REPOSITORY_FILE_INVALID' as const, details: {} }
          : { ok: true as const, policy: said };
      },
    };
    const parsed = parseCommand(`train ${words}`, [train]);
    assert.ok(parsed.ok && !('help' in parsed));
    const policy = changes.trainers ? policyOf({ trainers: changes.trainers }) : ours;
    const outcome = await train.run(parsed.values, context({ policy }), {
      ...ports,
      pulls,
    });
    return { outcome, asked, m };
  };

  test('takes its command and parameters from the repository at the commit', async () => {
    const { outcome, asked, m } = await run('digits --ref dev -p width=9');
    assert.ok(outcome.ok);
    assert.deepEqual(m.runs[0]?.spec.command, ['run', '9']);
    const source = 'github:octo-org/digits';
    assert.deepEqual(asked, [{ project: 'digits', source, sha: 'b'.repeat(40), proposed: false }]);
    assert.deepEqual(m.calls, [`resolve ${source} dev`, 'create slack:1']);
  });

  test('shows the same with --dry-run, and asks for nothing', async () => {
    const { outcome, m } = await run('digits -p width=9 --dry-run');
    assert.ok(outcome.ok);
    assert.deepEqual(m.runs, []);
  });

  const rows: [
    name: string,
    words: string,
    changes: Parameters<typeof run>[1],
    code: string,
    fetches: number,
  ][] = [
    ['a parameter that only signalbox.yml has', 'digits -p lr=0.1', {}, 'PARAMETER_UNKNOWN', 1],
    ['a file with problems', 'digits', { fails: true }, 'REPOSITORY_FILE_INVALID', 1],
    [
      'a ref that is none',
      'digits --ref nowhere',
      { m: { resolved: { ok: false, code: 'unknown', refs: ['main'] } } },
      'REF_UNKNOWN',
      1,
    ],
    ['a ref that is an option', 'digits --ref=--upload-pack', {}, 'VALUE_INVALID', 0],
    ['whoever may not train it', 'digits', { trainers: 'team' }, 'ACCESS_DENIED', 0],
    ['another project', 'digit', {}, 'PROJECT_UNKNOWN', 0],
  ];
  for (const [name, words, changes, code, fetches] of rows)
    test(name, async () => {
      const { outcome, m } = await run(words, changes);
      assert.equal(!outcome.ok && outcome.code, code);
      assert.equal(m.calls.filter(call => call.startsWith('resolve')).length, fetches);
      assert.deepEqual(m.runs, []);
    });
});

test('it gets the ports that it names', () => {
  assert.deepEqual(train.needs, ['runs', 'sweeps', 'source', 'plan', 'freezes', 'pulls']);
});

test('the words that may stand in place of a project are its subcommands', () => {
  const subcommands = commands.filter(one => one.path[0] === 'train' && one.path[1]).map(one => one.path[1]);
  assert.deepEqual(trainWords, [...subcommands, 'help']);
});

describe('what is refused: the word, what is allowed, the nearest, an example, and no run', () => {
  const unknownRef: Partial<Memory> = { resolved: { ok: false, code: 'unknown', refs: ['main', 'develop'] } };
  const rows: [name: string, words: string, changes: Partial<Memory>, code: string, shown: string][] = [
    [
      'a count below none',
      'digits --gpus -1',
      {},
      'VALUE_INVALID',
      '-1 is not a value for --gpus. It takes a whole number from 0 to 1024. Try train digits --ref main --gpus 1 --time 4h --note "wider net".',
    ],
    [
      'half an accelerator',
      'digits --gpus 0.5',
      {},
      'VALUE_INVALID',
      '0.5 is not a value for --gpus. It takes a whole number from 0 to 1024. Try train digits --ref main --gpus 1 --time 4h --note "wider net".',
    ],
    [
      'a misspelt flag',
      'digits --gpu-model a100 --prioritty low',
      {},
      'FLAG_UNKNOWN',
      'train has no flag --gpu-model. Its flags are --ref, --gpus, --gpu, --pool, --priority, --time, -p, --sweep, --early-stop, --note, --dry-run. Try train digits -p lr=0.1.',
    ],
    [
      'a misspelt project',
      'digts',
      {},
      'PROJECT_UNKNOWN',
      'There is no project digts. The projects are digits. Did you mean digits? Try train digits.',
    ],
    [
      'a misspelt subcommand',
      'lits',
      {},
      'PROJECT_UNKNOWN',
      'There is no project lits. The projects are digits. Did you mean train list? Try train list --help.',
    ],
    [
      'a project like nothing',
      'fraud',
      {},
      'PROJECT_UNKNOWN',
      'There is no project fraud. The projects are digits. Try train digits.',
    ],
    [
      'a misspelt ref',
      'digits --ref mian',
      unknownRef,
      'REF_UNKNOWN',
      'digits has no ref mian. It is no branch, tag or commit there. The branches are main, develop. Did you mean main? Try train digits --ref main.',
    ],
    [
      'a ref that a shell would run',
      'digits --ref "$(curl)"',
      unknownRef,
      'REF_UNKNOWN',
      'digits has no ref $(curl). It is no branch, tag or commit there. The branches are main, develop. Try train digits --ref main.',
    ],
    [
      'a ref that Git would take as an option',
      'digits --ref=--upload-pack=x',
      {},
      'VALUE_INVALID',
      '--upload-pack=x is not a value for --ref. It takes the name of a branch or tag, or a commit. Try train digits --ref main.',
    ],
    [
      'an ambiguous ref',
      'digits --ref abc',
      { resolved: { ok: false, code: 'ambiguous', reason: 'It begins 2 commits.' } },
      'REF_AMBIGUOUS',
      'The ref abc of digits is ambiguous. It begins 2 commits. Give the full commit, 40 characters.',
    ],
    [
      'a source that is away',
      'digits',
      { resolved: { ok: false, code: 'unavailable', reason: 'The folder is gone.' } },
      'SOURCE_UNAVAILABLE',
      'The source of digits cannot be read. The folder is gone. Try again in a minute; if it stays, the platform engineer finds more with `signalbox doctor`.',
    ],
    [
      'an unknown parameter',
      'digits -p rl=1',
      {},
      'PARAMETER_UNKNOWN',
      'digits has no parameter rl. Its parameters are lr, note. Did you mean lr? Try train digits -p lr=0.1.',
    ],
    [
      'a parameter out of range',
      'digits -p lr=11',
      {},
      'PARAMETER_INVALID',
      '11 is not a value for the parameter lr. It takes a number from 0 to 10. Try train digits -p lr=0.1.',
    ],
    [
      'more than a node has',
      'digits --gpus 3',
      { pools: [twoNodes] },
      'GPUS_TOO_MANY',
      '3 GPUs are more than any machine of the pool local has (2). The run could never start. Ask for 2 or fewer, for example train digits --gpus 2.',
    ],
    [
      'more of a model than a node has',
      'digits --gpus 2 --gpu h100',
      { pools: [twoNodes] },
      'GPUS_TOO_MANY',
      '2 GPUs are more than any machine of the pool local has (1). The run could never start. Ask for 1 or fewer, for example train digits --gpus 1 --gpu h100.',
    ],
    [
      'accelerators of a pool without any',
      'digits --gpus 1',
      { pools: [pool([slot('a', 0)])] },
      'GPUS_NONE',
      'No machine of the pool local has a GPU. The run could never start. Ask for none, for example train digits --gpus 0.',
    ],
    [
      'a model that no machine has',
      'digits --gpus 1 --gpu tpu',
      { pools: [twoNodes] },
      'GPUS_NONE',
      'No machine of the pool local has a GPU of the model tpu. The run could never start. Name one that it has (NVIDIA A100, NVIDIA H100), for example train digits --gpus 1 --gpu A100.',
    ],
  ];
  for (const [name, words, changes, code, shown] of rows)
    test(name, async () => {
      const m = memory(changes);
      const outcome = await say(train, words, m);
      assert.ok(!outcome.ok);
      assert.equal(outcome.code, code);
      const shared = { command: 'train', example: train.examples[0] };
      assert.equal(faultLine(fault(outcome.code, { ...shared, ...outcome.details })), shown);
      assert.deepEqual(m.runs, []);
    });
});

describe('accelerators that may be asked for', () => {
  const rows: [name: string, words: string, pools: PoolState[]][] = [
    ['as many as a node has', 'digits --gpus 2', [twoNodes]],
    ['the model in any case', 'digits --gpus 2 --gpu A100', [twoNodes]],
    ['none of a pool that has none', 'digits', [pool([slot('a', 0)])]],
    ['any of a pool that was never heard of', 'digits --gpus 8', [pool([], null)]],
    ['any of a pool that is not known yet', 'digits --gpus 8', []],
    ['of another pool', 'digits --gpus 8 --pool lab', [twoNodes]],
  ];
  for (const [name, words, pools] of rows)
    test(name, async () => assert.ok((await say(train, words, memory({ pools }))).ok));
});

test('what is stored is what a command given as values asks for, too', async () => {
  const m = memory();
  const outcome = await train.run({ project: 'digits', parameters: { lr: '1' } }, context(), memoryPorts(m));
  assert.ok(outcome.ok);
  assert.equal(m.runs[0]?.spec.parameters.lr, 1);
});
