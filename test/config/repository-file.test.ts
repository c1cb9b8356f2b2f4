import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/files/policy-file.ts';
import { readRepositoryFile } from '../../src/files/repository-file.ts';

const policy = parsePolicy(
  `teams: { research: {} }
environments: { production: { needs: operator }, staging: { needs: trainer } }
projects:
  digits: { team: research, github: octo-org/digits, command: [python3], gpus: 1, maxGpus: 4, timeLimit: 4h }
  served: { team: research, github: octo-org/digits, command: [python3], runsIn: production }
  staged: { team: research, github: octo-org/digits, command: [python3], runsIn: staging }
  script: { team: research, github: octo-org/digits, command: ['./run.sh'], shell: true }
  other: { team: research, source: ./other, command: [python3] }
`,
  'signalbox.yml',
);
const own = ['digits', 'served', 'staged', 'script'];

const whole = `projects:
  digits:
    command: [python3, train.py, '{lr}']
    parameters:
      lr: { type: number, default: 0.1, min: 0 }
    gpus: 4
    timeLimit: 2h
    primaryMetric: val_auc
rules:
  main:
    project: digits
    on: { merge: { branches: [main], paths: ['model/**'], labels: [train] } }
    parameters: { lr: 0.3 }
    priority: low
`;

describe('.signalbox.yml', () => {
  const change = (from: string, to: string) => {
    assert.ok(whole.includes(from), from);
    return whole.replace(from, to);
  };
  const rule = (on: string, name = 'x') => `rules: { ${name}: { project: digits, on: ${on} } }`;
  const buttons = (amount: number) =>
    `rules:\n${Array.from({ length: amount }, (_, i) => `  x${i}: { project: digits, on: { check: {} } }`).join('\n')}`;
  const rows: { name: string; text: string; says?: [string, string, RegExp][] }[] = [
    { name: 'whole', text: whole },
    { name: 'empty', text: '' },
    {
      name: 'an unknown key at the top',
      text: change('rules:', 'rule:'),
      says: [['9:1', 'rule', /no such key.*rules/]],
    },
    {
      name: 'an unknown key of a rule',
      text: change('priority', 'prority'),
      says: [['14:5', 'prority', /"nearest":"priority"/]],
    },
    {
      name: 'an unknown trigger',
      text: change('merge', 'merged'),
      says: [
        ['12:11', 'merged', /merge/],
        ['12:5', 'rules.main.on', /./],
      ],
    },
    {
      name: 'two at once',
      text: change('gpus: 4', 'gpu: 4').replace('priority', 'prority'),
      says: [
        ['6:5', 'gpu', /gpus/],
        ['14:5', 'prority', /./],
      ],
    },
    {
      name: 'no branches',
      text: change('branches: [main], ', ''),
      says: [['12:11', 'rules.main.on.merge.branches', /./]],
    },
    {
      name: 'a project of another repository',
      text: change('  digits:', '  other:'),
      says: [
        ['2:3', 'other', /names this repository for no such project/],
        ['13:19', 'lr', /no such parameter/],
      ],
    },
    {
      name: 'a rule for a project of another repository',
      text: change('project: digits', 'project: other'),
      says: [['11:5', 'other', /no such project/]],
    },
    {
      name: 'a name from the prototype',
      text: change('project: digits', 'project: constructor'),
      says: [['11:5', 'constructor', /no such project/]],
    },
    { name: 'as many accelerators as it may', text: change('gpus: 4', 'gpus: 4') },
    { name: 'one more', text: change('gpus: 4', 'gpus: 5'), says: [['6:5', '5', /at most 4 \(`maxGpus`\)/]] },
    {
      name: 'one more in a rule',
      text: change('priority: low', 'gpus: 5'),
      says: [['14:5', '5', /at most 4/]],
    },
    { name: 'as long as it may', text: change('timeLimit: 2h', 'timeLimit: 4h') },
    { name: 'longer', text: change('timeLimit: 2h', 'timeLimit: 5h'), says: [['7:5', '5h', /at most 4h/]] },
    {
      name: 'a parameter in the command that is none',
      text: change("'{lr}'", "'{rl}'"),
      says: [['3:34', '{rl}', /names a parameter/]],
    },
    {
      name: 'a parameter of a rule that is none',
      text: change('{ lr: 0.3 }', '{ rl: 0.3 }'),
      says: [['13:19', 'rl', /no such parameter/]],
    },
    {
      name: 'a value that the parameter does not take',
      text: change('lr: 0.3', 'lr: -1'),
      says: [['13:19', '-1', /lr takes/]],
    },
    {
      name: 'a rule for what an operator must start',
      text: 'rules: { x: { project: served, on: { merge: { branches: [main] } } } }',
      says: [['1:15', 'served', /needs the role operator/]],
    },
    {
      name: 'a rule for what every trainer may start',
      text: 'rules: { x: { project: staged, on: { merge: { branches: [main] } } } }',
    },
    {
      name: 'two words for a shell',
      text: 'projects: { script: { command: [a, b] } }',
      says: [['1:23', 'command', /one string/]],
    },
    {
      name: 'source, which it has no say in',
      text: 'projects: { digits: { source: /etc } }',
      says: [['1:23', 'source', /no such key/]],
    },
    {
      name: 'secrets, which it has no say in',
      text: 'projects: { digits: { secrets: { A: {} } } }',
      says: [['1:23', 'secrets', /no such key/]],
    },
    {
      name: 'every trigger',
      text: rule(
        "{ merge: { branches: [main] }, comment: true, check: { label: Go, description: Trains it. }, schedule: { cron: '*/30 3-5 * jan,feb mon-fri', timeZone: America/New_York } }",
      ),
    },
    { name: 'no trigger', text: rule('{}'), says: [['1:32', 'rules.x.on', /at least one of/]] },
    {
      name: 'drift, which is none yet',
      text: rule('{ drift: true }'),
      says: [
        ['1:38', 'drift', /no such key/],
        ['1:32', 'rules.x.on', /./],
      ],
    },
    {
      name: 'comment with something else',
      text: rule('{ comment: quick }'),
      says: [['1:38', 'rules.x.on.comment', /true/]],
    },
    {
      name: 'a rule to be said that is named like a project',
      text: rule('{ comment: true }', 'digits'),
      says: [['1:43', 'digits', /means something else already/]],
    },
    {
      name: 'a rule to be said that is named like a command',
      text: rule('{ check: {} }', 'retry'),
      says: [['1:42', 'retry', /means something else already/]],
    },
    { name: 'a rule of merges may be named so', text: rule('{ merge: { branches: [main] } }', 'retry') },
    { name: 'a label as long as GitHub takes', text: rule(`{ check: { label: '${'x'.repeat(20)}' } }`) },
    {
      name: 'a longer one',
      text: rule(`{ check: { label: '${'x'.repeat(21)}' } }`),
      says: [['1:47', 'rules.x.on.check.label', /20/]],
    },
    {
      name: 'a longer description',
      text: rule(`{ check: { description: '${'x'.repeat(41)}' } }`),
      says: [['1:47', 'rules.x.on.check.description', /40/]],
    },
    { name: 'a name as long as GitHub takes', text: rule('{ check: {} }', 'x'.repeat(20)) },
    {
      name: 'a longer one with a button',
      text: rule('{ check: {} }', 'x'.repeat(21)),
      says: [['1:58', 'x'.repeat(21), /at most 20 characters/]],
    },
    { name: 'three buttons', text: buttons(3) },
    { name: 'four', text: buttons(4), says: [['5:32', 'x3', /at most 3 buttons/]] },
    ...(
      [
        ['0 3 * *', /five fields/],
        ['0 0 3 * * *', /five fields/],
        ['@daily', /five fields/],
        ['60 3 * * *', /0-59/],
        ['0 3 31 2 *', /day of month/],
        ['H 3 * * *', /knows no H/],
        ['0 3 ? * 1', /knows no \\?/],
        ['0 3 * * L', /knows no L/],
        ['*/0 3 * * *', /0 time/],
      ] as const
    ).map(([cron, why]): { name: string; text: string; says: [string, string, RegExp][] } => ({
      name: `the schedule ${cron}`,
      text: rule(`{ schedule: { cron: '${cron}' } }`),
      says: [['1:50', why.source.includes('fields') ? 'rules.x.on.schedule.cron' : cron, why]],
    })),
    {
      name: 'a zone that is none',
      text: rule("{ schedule: { cron: '0 3 * * *', timeZone: Mars/Olympus } }"),
      says: [['1:69', 'Mars/Olympus', /no such time zone/]],
    },
    {
      name: 'what its metrics mean',
      text: "projects: { digits: { metrics: { val/auc: { better: higher, unit: '%' }, loss: { better: lower } }, compare: previous } }",
    },
    {
      name: 'a metric that gets better in no way',
      text: 'projects: { digits: { metrics: { loss: { better: less } } } }',
      says: [['1:42', 'projects.digits.metrics.loss.better', /"higher".*"lower"|higher.*lower/]],
    },
    {
      name: 'a metric without its way',
      text: "projects: { digits: { metrics: { loss: { unit: '%' } } } }",
      says: [['1:34', 'projects.digits.metrics.loss.better', /./]],
    },
    {
      name: 'a name that no metric has',
      text: "projects: { digits: { metrics: { 'a b': { better: lower } } } }",
      says: [['1:34', 'projects.digits.metrics.a b', /name of a metric/]],
    },
    {
      name: 'a unit that nobody sees',
      text: 'projects: { digits: { metrics: { loss: { better: lower, unit: "\u202e" } } } }',
      says: [['1:57', 'projects.digits.metrics.loss.unit', /can be seen/]],
    },
    {
      name: 'held against what serves in production',
      text: 'projects: { digits: { compare: production } }',
    },
    {
      name: 'held against what there is not',
      text: 'projects: { digits: { compare: staging } }',
      says: [['1:23', 'projects.digits.compare', /base.*previous.*production/]],
    },
    {
      name: 'rules over its metrics',
      text: "projects: { digits: { primaryMetric: val_auc, alerts: [{ when: loss is NaN, do: stop }, { when: 'no improvement for 5 epochs' }] } }",
    },
    {
      name: 'a rule that cannot be read',
      text: "projects: { digits: { alerts: [{ when: 'val_auc < 0.8 aftr step 9' }] } }",
      says: [['1:55', 'val_auc < 0.8 aftr step 9', /after/]],
    },
    {
      name: 'another thing to do',
      text: 'projects: { digits: { alerts: [{ when: loss is NaN, do: page }] } }',
      says: [['1:53', 'projects.digits.alerts.0.do', /warn.*stop/]],
    },
    {
      name: 'no improvement of nothing',
      text: 'projects: { digits: { alerts: [{ when: no improvement for 5 epochs }] } }',
      says: [['1:34', 'no improvement for 5 epochs', /no `primaryMetric`/]],
    },
    {
      name: 'no improvement of what has no direction',
      text: 'projects: { digits: { alerts: [{ when: no improvement of speed for 5 epochs }] } }',
      says: [['1:34', 'no improvement of speed for 5 epochs', /which way speed gets better.*metrics/]],
    },
    {
      name: 'no improvement of what the project has given one',
      text: 'projects: { digits: { metrics: { speed: { better: higher } }, alerts: [{ when: no improvement of speed for 5 epochs }] } }',
    },
    { name: 'broken YAML', text: 'rules: [', says: [['1:9', 'the file', /./]] },
    {
      name: 'aliases that grow',
      text: `a: &a [x, x, x, x, x, x, x, x, x]\n${['b', 'c', 'd', 'e', 'f'].map((k, i) => `${k}: &${k} [${Array(9).fill(`*${'abcde'[i]}`).join(', ')}]`).join('\n')}`,
      says: [['1:1', 'the file', /aliases/]],
    },
    { name: 'long', text: '#'.repeat(300_000), says: [['1:1', 'the file', /more than/]] },
  ];
  for (const { name, text, says = [] } of rows)
    test(name, () => {
      const read = readRepositoryFile(text, policy, own);
      const problems = read.ok ? [] : read.problems;
      assert.deepEqual(
        problems.map(({ line, column, word }) => [`${line}:${column}`, word]),
        says.map(([at, word]) => [at, word]),
      );
      for (const [i, [, , pattern]] of says.entries()) assert.match(JSON.stringify(problems[i]), pattern);
    });

  test('nested deeper than can be read', () => {
    assert.equal(readRepositoryFile('['.repeat(100_000), policy, own).ok, false);
  });
});
