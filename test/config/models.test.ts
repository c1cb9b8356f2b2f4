import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SignalboxError } from '../../src/core/errors.ts';
import { parsePolicy } from '../../src/files/policy-file.ts';
import { readRepositoryFile } from '../../src/files/repository-file.ts';

const around = `teams: { research: {} }
pools: { local: {} }
projects:
  digits: { team: research, source: ., command: [python3], outputs: ['*.json'] }
  remote: { team: research, github: octo-org/remote, command: [python3] }
`;
const whole = `${around}targets:
  digits-staging: { kind: process, pool: local, command: [python3, serve.py], port: 8401 }
  digits-live: { kind: process, pool: local, command: [python3, serve.py], port: 8400, ready: /healthz, projects: [remote] }
  digits-hook: { kind: webhook, url: 'https://deploy.example.com/models', secret: DEPLOY_SECRET }
models:
  digits:
    project: digits
    output: model.json
    card: MODEL.md
    registry: { kind: mlflow, name: digits }
    environments:
      staging: { target: digits-staging, gates: ['val_accuracy >= 0.9'] }
      production:
        target: digits-live
        gates: ['val_accuracy >= production.val_accuracy - 0.005', 'age < 14d']
        approvals: { count: 2, from: team:research }
        expires: 24h
        remind: 4h
        escalate: { after: 8h, to: operator }
        quiet: [ { days: [fri, sat, sun], from: '16:00', to: '24:00', zone: Europe/Berlin } ]
        rollout: { steps: [10, 50, 100], bake: 5m, check: 'errors', holds: '< 0.01' }
`;

function problemOf(text: string): string {
  try {
    parsePolicy(text, 'signalbox.yml');
    return 'none';
  } catch (err) {
    if (!(err instanceof SignalboxError)) throw err;
    return JSON.stringify(err.fault);
  }
}

describe('models and targets in signalbox.yml', () => {
  const change = (from: string, to: string) => {
    assert.ok(whole.includes(from), from);
    return whole.replace(from, to);
  };
  /** Where a text stands, as it is said. */
  const at = (text: string, part: string, within = 0) => {
    const before = text.slice(0, text.indexOf(part) + within);
    return `:${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}: `;
  };

  test('whole, with what is not said', () => {
    const { models, targets } = parsePolicy(whole, 'signalbox.yml');
    assert.deepEqual(Object.keys(models.digits?.environments ?? {}), ['staging', 'production']);
    const { staging, production } = models.digits?.environments ?? {};
    assert.deepEqual(staging, {
      target: 'digits-staging',
      gates: ['val_accuracy >= 0.9'],
      approvals: { count: 1, from: 'approver' },
      stepUp: false,
      expires: 86_400,
      quiet: [],
      rollout: { steps: [100], bake: 300 },
    });
    assert.equal(production?.escalate?.after, 28_800);
    assert.deepEqual(targets['digits-staging'], {
      ...{ kind: 'process', pool: 'local', command: ['python3', 'serve.py'], port: 8401 },
      ...{ ready: '/', readyWithin: 60, gpus: 0, secrets: [], projects: [] },
    });
    assert.equal(models.digits?.pullRequests, false);
  });

  const gate = "'val_accuracy >= 0.9'";
  const rows: { name: string; text: string; says?: RegExp; where?: [string, number?] }[] = [
    { name: 'no registry', text: change('    registry: { kind: mlflow, name: digits }\n', '') },
    { name: 'an output that a pattern means', text: change('output: model.json', 'output: best.json') },
    {
      name: 'an evaluation',
      text: change(
        '    card: MODEL.md\n',
        '    evaluate: { command: [python3, evaluate.py], timeLimit: 24h, gpus: 9 }\n',
      ),
    },
    {
      name: 'an evaluation without a command',
      text: change('    card: MODEL.md\n', '    evaluate: { gpus: 1 }\n'),
      says: /command/,
    },
    {
      name: 'an evaluation that takes longer than its project may',
      text: change('    card: MODEL.md\n', '    evaluate: { command: [python3], timeLimit: 25h }\n'),
      says: /The time limit of digits is 24h/,
      where: ['timeLimit: 25h'],
    },
    {
      name: 'a target that sees a secret of the project',
      text: change(
        "outputs: ['*.json'] }",
        "outputs: ['*.json'], secrets: { KEY: { triggers: [promotion] } } }",
      ).replace('port: 8401 }', 'port: 8401, secrets: [KEY] }'),
    },
    {
      name: 'a target that sees one that is not opened to promotions',
      text: change("outputs: ['*.json'] }", "outputs: ['*.json'], secrets: { KEY: {} } }").replace(
        'port: 8401 }',
        'port: 8401, secrets: [KEY] }',
      ),
      says: /sees KEY, which is no secret of digits whose `triggers` name `promotion`/,
      where: ['target: digits-staging'],
    },
    {
      name: 'an output that no pattern means',
      text: change('output: model.json', 'output: model.onnx'),
      says: /no output of digits/,
      where: ['output: model.onnx'],
    },
    {
      name: 'an output outside of the folder',
      text: change('output: model.json', 'output: ../model.json'),
      says: /inside of the folder/,
    },
    {
      name: 'any output of a project whose repository may declare some',
      text: change('project: digits\n    output: model.json', 'project: remote\n    output: model.onnx'),
    },
    {
      name: 'an unknown project',
      text: change('project: digits', 'project: digit'),
      says: /Did you mean digits\?/,
      where: ['project: digit\n'],
    },
    {
      name: 'an unknown target',
      text: change('target: digits-live', 'target: digits-alive'),
      says: /no such target.*Did you mean digits-live\?/,
      where: ['target: digits-alive'],
    },
    {
      name: 'one target for two environments',
      text: change('target: digits-live', 'target: digits-staging'),
      says: /digits in staging serves there/,
    },
    {
      name: 'one label for two environments',
      text: change('digits-staging, gates', 'digits-staging, label: Promote, gates').replace(
        'expires: 24h',
        'label: promote',
      ),
      says: /It asks for staging already/,
      where: ['label: promote'],
    },
    {
      name: 'a label for each environment',
      text: change('digits-staging, gates', 'digits-staging, label: try, gates').replace(
        'expires: 24h',
        'label: promote',
      ),
    },
    {
      name: 'a kind of target that is none',
      text: change('kind: webhook', 'kind: web'),
      says: /kind/,
    },
    {
      name: 'two targets at one port',
      text: change('port: 8401', 'port: 8400'),
      says: /digits-staging has that port/,
    },
    { name: 'a port beyond the last', text: change('port: 8401', 'port: 65536'), says: /port/ },
    { name: 'a pool that is not there', text: change('pool: local', 'pool: loca'), says: /no such pool/ },
    {
      name: 'a secret that would be something else',
      text: change('DEPLOY_SECRET', 'LD_PRELOAD'),
      says: /secret/,
    },
    { name: 'an address that is none', text: change('https://deploy', 'file://deploy'), says: /https/ },
    {
      name: 'a second factor',
      text: change('approvals: { count: 2, from: team:research }', 'stepUp: true'),
    },
    {
      name: 'a second factor where nobody approves',
      text: change(
        'approvals: { count: 2, from: team:research }',
        'approvals: { count: 0 }\n        stepUp: true',
      ),
      says: /nobody is asked for a second factor/,
      where: ['stepUp: true'],
    },
    {
      name: 'a gate with a typing error',
      text: change(gate, "'val_accuracy >= 0.9 and'"),
      says: /the end/,
      where: ["'val_accuracy >= 0.9 and'", 24],
    },
    {
      name: 'a gate without quotes, and an unknown function',
      text: change(`[${gate}]`, '[val_accuracy >= 0.9 and bets(x) > 1]'),
      says: /bets/,
      where: ['bets'],
    },
    {
      name: 'a gate whose quotes stand for more',
      text: change(gate, `'input(''a'') == 1'`),
      says: /number is expected|text is expected/i,
      where: ["1']"],
    },
    {
      name: 'a gate with signs written as others',
      text: change(gate, '"\\u0076al \\x3e= 0.9 ?"'),
      says: /./,
      where: ['?'],
    },
    { name: 'a gate that says nothing', text: change(gate, "' '"), says: /says nothing/ },
    { name: 'a gate that compares nothing', text: change(gate, 'val_accuracy'), says: /compares nothing/ },
    {
      name: 'approvers that are neither',
      text: change('from: team:research', 'from: everyone'),
      says: /role from trainer on/,
      where: ['from: everyone'],
    },
    {
      name: 'viewers, who decide nothing',
      text: change('from: team:research', 'from: viewer'),
      says: /role from trainer on/,
    },
    {
      name: 'a team that is not there',
      text: change('from: team:research', 'from: team:reserch'),
      says: /no such team.*Did you mean team:research\?/,
    },
    { name: 'nobody needs to approve', text: change('count: 2', 'count: 0') },
    { name: 'half a person', text: change('count: 2', 'count: 0.5'), says: /count/ },
    { name: 'a duration that is none', text: change('expires: 24h', 'expires: soon'), says: /duration/ },
    { name: 'no time at all', text: change('expires: 24h', 'expires: 0s'), says: /duration/ },
    {
      name: 'steps that go down',
      text: change('[10, 50, 100]', '[50, 10, 100]'),
      says: /go up/,
      where: ['steps'],
    },
    { name: 'a step twice', text: change('[10, 50, 100]', '[50, 50, 100]'), says: /go up/ },
    { name: 'steps that end before all', text: change('[10, 50, 100]', '[10, 50]'), says: /end at 100/ },
    { name: 'a step of nothing', text: change('[10, 50, 100]', '[0, 100]'), says: /steps/ },
    { name: 'more than all', text: change('[10, 50, 100]', '[10, 101]'), says: /steps/ },
    { name: 'one step', text: change('[10, 50, 100]', '[100]') },
    {
      name: 'a check without what must hold',
      text: change(", holds: '< 0.01'", ''),
      says: /together/,
      where: ['check'],
    },
    { name: 'what must hold, without a number', text: change("'< 0.01'", "'< x'"), says: /comparison/ },
    { name: 'a zone that nobody knows', text: change('Europe/Berlin', 'Europe/Berlin2'), says: /IANA/ },
    { name: 'a zone without summer', text: change('Europe/Berlin', '+01:00'), says: /IANA/ },
    { name: 'hours of UTC', text: change(', zone: Europe/Berlin', '') },
    { name: 'hours past midnight', text: change("'24:00'", "'06:00'"), says: /written as two/ },
    { name: 'no hour', text: change("'16:00'", "'25:00'"), says: /time of day/ },
    { name: 'no day', text: change('[fri, sat, sun]', '[friday]'), says: /days/ },
    {
      name: 'an environment that would be put first',
      text: change('      production:', "      '1':"),
      says: /starting with a letter/,
    },
    {
      name: 'a channel where promotions are shown',
      text: change('remind: 4h', 'remind: 4h\n        channel: T0123/C0456'),
    },
    {
      name: 'a channel by its name',
      text: change('remind: 4h', "remind: 4h\n        channel: '#models'"),
      says: /must be a workspace and a channel id, as T0123\/C0456/,
    },
    {
      name: 'a key that is mistyped',
      text: change('remind: 4h', 'reminds: 4h'),
      says: /Did you mean remind\?/,
      where: ['reminds'],
    },
  ];
  for (const { name, text, says, where } of rows)
    test(name, () => {
      const found = problemOf(text);
      if (!says) return assert.equal(found, 'none');
      assert.match(found, says);
      if (!where) return;
      const [part, within] = where;
      assert.ok(found.includes(at(text, part, within)), `${at(text, part, within)} in ${found}`);
    });
});

describe('models in .signalbox.yml', () => {
  const policy = parsePolicy(whole, 'signalbox.yml');
  const read = (text: string) => readRepositoryFile(text, policy, ['remote']);
  const own = `projects: { remote: { outputs: [model.json] } }
models:
  fraud:
    project: remote
    output: model.json
    environments: { production: { target: digits-live } }
`;
  const taken = parsePolicy(
    whole
      .replace('target: digits-live', 'target: digits-hook')
      .replace('from: team:research', 'from: approver'),
    'signalbox.yml',
  );
  const rows: { name: string; text: string; policy?: typeof policy; says?: RegExp }[] = [
    { name: 'its own', text: own, policy: taken },
    { name: 'at a target where another serves', text: own, says: /digits in production serves there/ },
    {
      name: 'at a target that is not opened to it',
      text: own.replace('digits-live', 'digits-staging'),
      says: /does not open it to models of remote/,
    },
    {
      name: 'with a channel where promotions are shown',
      text: own.replace('target: digits-live', 'target: digits-live, channel: T0123/C0456'),
      policy: taken,
      says: /Only signalbox.yml may name a channel/,
    },
    {
      name: 'of a project that is not its own',
      text: own.replace('project: remote', 'project: digits'),
      says: /no such project/,
    },
    {
      name: 'of an output that it does not declare',
      text: own.replace('[model.json]', '[other.json]'),
      policy: taken,
      says: /no output of remote/,
    },
    {
      name: 'with an evaluation on accelerators',
      text: own.replace('output: model.json', 'output: model.json\n    evaluate: { command: [a], gpus: 1 }'),
      policy: taken,
      says: /allows at most 0 for remote/,
    },
    {
      name: 'with a target of its own',
      text: `targets: {}\n${own}`,
      says: /no such key/,
    },
  ];
  for (const { name, text, policy: by = policy, says } of rows)
    test(name, () => {
      const found = by === policy ? read(text) : readRepositoryFile(text, by, ['remote']);
      if (!says) assert.ok(found.ok, JSON.stringify(found));
      else assert.match(found.ok ? 'none' : JSON.stringify(found.problems), says);
    });
});
