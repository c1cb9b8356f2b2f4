import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { type ErrorCode, type ErrorDetails, fault, faultLine } from '../../src/core/errors.ts';
import { withOwnExamples } from '../../src/core/examples.ts';
import { parseCommand } from '../../src/core/grammar.ts';
import { policySchema } from '../../src/core/policy.ts';

const project = { team: 'vision', source: '.', command: ['true'] };
const own = policySchema.parse({
  teams: { vision: {} },
  projects: { segmenter: { ...project, parameters: { depth: { type: 'integer', default: 3 } } } },
});

describe('examples that can be taken as they are', () => {
  const examples = (policy: typeof own) =>
    withOwnExamples(commands, policy).flatMap(command => command.examples);

  test('name the first project, its team and its first parameter', () => {
    const said = examples(own);
    assert.ok(said.includes('train segmenter -p depth=3'), said.join('\n'));
    assert.ok(said.includes('train list --team vision --state running'));
    assert.ok(said.includes('train retry 42 -p depth=3'));
    assert.doesNotMatch(said.join(), /digits|research|lr=/);
  });

  test('say nothing of parameters where there are none', () => {
    const bare = policySchema.parse({ teams: { vision: {} }, projects: { segmenter: project } });
    assert.ok(examples(bare).includes('train segmenter'));
  });

  test('stay where the project that they speak of is there, or none is', () => {
    const digits = policySchema.parse({ teams: { vision: {} }, projects: { a: project, digits: project } });
    for (const policy of [digits, policySchema.parse({})])
      assert.deepEqual(withOwnExamples(commands, policy), commands);
  });

  test('are commands', () => {
    for (const example of examples(own)) assert.ok(parseCommand(example, commands).ok, example);
  });
});

describe('commands in an error stand as they are typed where it is read', () => {
  const rows: [name: string, code: ErrorCode, details: ErrorDetails, says: string][] = [
    [
      'a command and an example',
      'FLAG_UNKNOWN',
      { command: 'train', word: '--x', allowed: ['--ref'], nearest: '--ref', example: 'train a' },
      '/train has no flag --x. Its flags are --ref. Did you mean --ref? Try /train a.',
    ],
    [
      'all that an unknown command says',
      'COMMAND_UNKNOWN',
      { word: 'trian', allowed: ['train', 'signalbox whoami'], nearest: 'train', example: 'train a' },
      'There is no command /trian. The commands are /train, /signalbox whoami. Did you mean /train? Try /train a.',
    ],
    [
      'a subcommand that was meant',
      'ARGUMENT_UNEXPECTED',
      { command: 'train', word: '4', nearest: 'train status', example: 'train a' },
      '/train does not understand 4. It takes no further words. Did you mean /train status? Try /train a.',
    ],
    [
      'a flag that was meant',
      'ARGUMENT_UNEXPECTED',
      { command: 'train', word: 'a=1', nearest: '-p a=1', example: 'train a' },
      '/train does not understand a=1. It takes no further words. Did you mean -p a=1? Try /train a.',
    ],
    [
      'a project that was meant',
      'PROJECT_UNKNOWN',
      { word: 'shwo', allowed: ['show'], nearest: 'show', example: 'train show' },
      'There is no project shwo. The projects are show. Did you mean show? Try /train show.',
    ],
    [
      'a choice of two words',
      'PARAMETER_INVALID',
      { word: 'x', name: 'net', allowed: ['big net'], nearest: 'big net', example: 'train a' },
      'x is not a value for the parameter net. It takes big net. Did you mean big net? Try /train a.',
    ],
  ];
  for (const [name, code, details, says] of rows)
    test(name, () => {
      assert.equal(faultLine(fault(code, details, '/')), says);
      assert.equal(faultLine(fault(code, details)), says.replaceAll(/\/(?=train|trian|signalbox)/g, ''));
    });
});
