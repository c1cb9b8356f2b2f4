import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig, withoutSecrets } from '../../src/config.ts';
import { SignalboxError } from '../../src/core/errors.ts';
import { loadPolicy, parsePolicy } from '../../src/files/policy-file.ts';

const root = join(import.meta.dirname, '../..');

function faultOf(work: () => unknown) {
  try {
    work();
  } catch (err) {
    if (err instanceof SignalboxError) return err.fault;
    throw err;
  }
  return null;
}

const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({
    type: 'pkcs1',
    format: 'pem',
  })
  .toString();

describe('the agent beside the service', () => {
  test('gets no secret, and of no integration a half that would keep it from starting', () => {
    const env = {
      ...{
        SLACK_CLIENT_ID: '1.1',
        SLACK_CLIENT_SECRET: 's',
        SIGNALBOX_SECRET_KEY: 'k',
        SLACK_BOT_TOKEN: 'x',
      },
      ...{ GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: pem, GITHUB_CLIENT_ID: 'i', GITHUB_CLIENT_SECRET: 's' },
      ...{ MLFLOW_TRACKING_URI: 'http://localhost:5000', MLFLOW_TRACKING_USERNAME: 'reader' },
      ...{ MLFLOW_TRACKING_PASSWORD: 's', DATABASE_URL: 'postgres://u:p@h/d' },
    };
    const others = { GITHUB_ACTIONS: 'true', PATH: '/bin', SIGNALBOX_DATA: 'data', LOG_LEVEL: 'info' };
    const left = withoutSecrets({ ...env, ...others });
    assert.deepEqual(left, others);
    assert.equal(
      faultOf(() => loadConfig(left)),
      null,
    );
  });
});

describe('environment', () => {
  const slack = { SLACK_SIGNING_SECRET: 's3cret-value', SLACK_BOT_TOKEN: 'xoxb-1' };
  const key = Buffer.alloc(32, 7).toString('base64');
  const several = {
    SLACK_SIGNING_SECRET: 's3cret-value',
    SLACK_CLIENT_ID: '1.1',
    SLACK_CLIENT_SECRET: 'client-s3cret',
    SIGNALBOX_SECRET_KEY: key,
  };
  const oidc = {
    ...{ OIDC_ISSUER: 'https://login.example.com', OIDC_CLIENT_ID: 'signalbox' },
    OIDC_CLIENT_SECRET: 's3cret-value',
  };
  const mlflow = { MLFLOW_TRACKING_URI: 'http://localhost:5000', MLFLOW_TRACKING_USERNAME: 'reader' };
  const rows: { name: string; env: Record<string, string>; code: string | null; says?: RegExp }[] = [
    { name: 'empty', env: {}, code: null },
    { name: 'a port', env: { PORT: '8080' }, code: null },
    { name: 'port 0', env: { PORT: '0' }, code: null },
    { name: 'a port that is none', env: { PORT: 'eighty' }, code: 'ENV_INVALID', says: /PORT/ },
    { name: 'a port beyond the last', env: { PORT: '65536' }, code: 'ENV_INVALID', says: /PORT/ },
    { name: 'a log level', env: { LOG_LEVEL: 'debug' }, code: null },
    {
      name: 'keys of AWS that are there for other reasons',
      env: { AWS_ACCESS_KEY_ID: 'AKIA', AWS_REGION: '' },
      code: null,
    },
    { name: 'a bucket of AWS', env: { ARTIFACTS_URL: 's3://bucket/a/b', AWS_REGION: 'eu-1' }, code: null },
    {
      name: 'a bucket elsewhere',
      env: {
        ARTIFACTS_URL: 's3://bucket',
        ARTIFACTS_S3_ENDPOINT: 'http://s3:9000',
        ARTIFACTS_S3_PATH_STYLE: 'true',
      },
      code: null,
    },
    {
      name: 'a bucket of AWS without its region',
      env: { ARTIFACTS_URL: 's3://bucket' },
      code: 'ENV_HALF',
      says: /AWS_REGION/,
    },
    {
      name: 'an S3 endpoint without a bucket',
      env: { ARTIFACTS_S3_ENDPOINT: 'http://s3:9000' },
      code: 'ENV_HALF',
      says: /ARTIFACTS_URL is missing/,
    },
    {
      name: 'a path style without a bucket',
      env: { ARTIFACTS_S3_PATH_STYLE: 'false' },
      code: 'ENV_HALF',
      says: /ARTIFACTS_URL is missing/,
    },
    {
      name: 'half a key for a bucket',
      env: { ARTIFACTS_URL: 's3://bucket', AWS_REGION: 'eu-1', AWS_ACCESS_KEY_ID: 'AKIA' },
      code: 'ENV_HALF',
      says: /AWS_SECRET_ACCESS_KEY is missing/,
    },
    {
      name: 'the other half',
      env: { ARTIFACTS_URL: 's3://bucket', AWS_REGION: 'eu-1', AWS_SECRET_ACCESS_KEY: 's3cret-value' },
      code: 'ENV_HALF',
      says: /AWS_ACCESS_KEY_ID is missing/,
    },
    { name: 'no bucket', env: { ARTIFACTS_URL: 'https://bucket' }, code: 'ENV_INVALID', says: /s3:\/\// },
    {
      name: 'a prefix with a space',
      env: { ARTIFACTS_URL: 's3://bucket/a/ b' },
      code: 'ENV_INVALID',
      says: /ARTIFACTS_URL/,
    },
    {
      name: 'no limit for artifacts',
      env: { ARTIFACTS_MAX_MB: '0' },
      code: 'ENV_INVALID',
      says: /ARTIFACTS_MAX_MB/,
    },
    { name: 'an unknown log level', env: { LOG_LEVEL: 'loud' }, code: 'ENV_INVALID', says: /LOG_LEVEL/ },
    {
      name: 'a GitHub App that is told things',
      env: { GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: pem, GITHUB_WEBHOOK_SECRET: 'new, old' },
      code: null,
    },
    {
      name: 'what MLflow tells, without MLflow',
      env: { MLFLOW_WEBHOOK_SECRET: 's3cret-value' },
      code: 'ENV_HALF',
      says: /MLFLOW_TRACKING_URI is missing.*MLFLOW_WEBHOOK_SECRET is set/,
    },
    {
      name: 'an empty one among its secrets',
      env: { MLFLOW_TRACKING_URI: 'http://localhost:5000', MLFLOW_WEBHOOK_SECRET: 's3cret-value,' },
      code: 'ENV_INVALID',
      says: /MLFLOW_WEBHOOK_SECRET/,
    },
    {
      name: 'a webhook secret without its app',
      env: { GITHUB_WEBHOOK_SECRET: 's3cret-value' },
      code: 'ENV_HALF',
      says: /GITHUB_APP_ID is missing.*GITHUB_WEBHOOK_SECRET is set/,
    },
    {
      name: 'an empty webhook secret beside one',
      env: { GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: pem, GITHUB_WEBHOOK_SECRET: 's3cret-value,' },
      code: 'ENV_INVALID',
      says: /GITHUB_WEBHOOK_SECRET/,
    },
    { name: 'a GitHub App', env: { GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: pem }, code: null },
    {
      name: 'a GitHub App with its key in one line',
      env: { GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: pem.replaceAll('\n', '\\n') },
      code: null,
    },
    {
      name: 'a GitHub App with its key in base64',
      env: { GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: Buffer.from(pem).toString('base64') },
      code: null,
    },
    {
      name: 'a GitHub App with half a key',
      env: { GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: pem.slice(0, 200) },
      code: 'ENV_INVALID',
      says: /GITHUB_PRIVATE_KEY/,
    },
    {
      name: 'a GitHub App without a key',
      env: { GITHUB_APP_ID: '7' },
      code: 'ENV_HALF',
      says: /GITHUB_PRIVATE_KEY is missing.*GITHUB_APP_ID is set/,
    },
    {
      name: 'a key without its GitHub App',
      env: { GITHUB_PRIVATE_KEY: pem },
      code: 'ENV_HALF',
      says: /GITHUB_APP_ID is missing/,
    },
    {
      name: 'a GitHub client without its secret',
      env: { GITHUB_CLIENT_ID: 'Iv1.1' },
      code: 'ENV_HALF',
      says: /GITHUB_CLIENT_SECRET is missing/,
    },
    { name: 'both halves of Slack', env: slack, code: null },
    {
      name: 'Slack without token',
      env: { SLACK_SIGNING_SECRET: 's' },
      code: 'ENV_HALF',
      says: /SLACK_BOT_TOKEN/,
    },
    {
      name: 'Slack without secret',
      env: { SLACK_BOT_TOKEN: 'x' },
      code: 'ENV_HALF',
      says: /SLACK_SIGNING_SECRET/,
    },
    { name: 'MLflow', env: { MLFLOW_TRACKING_URI: 'https://mlflow.example.com/ml/' }, code: null },
    { name: 'MLflow by user', env: { ...mlflow, MLFLOW_TRACKING_PASSWORD: 's3cret-value' }, code: null },
    {
      name: 'MLflow with a user and no password',
      env: mlflow,
      code: 'ENV_HALF',
      says: /MLFLOW_TRACKING_PASSWORD is missing.*MLFLOW_TRACKING_USERNAME is set/,
    },
    {
      name: 'MLflow with a password and no user',
      env: { MLFLOW_TRACKING_URI: 'http://localhost:5000', MLFLOW_TRACKING_PASSWORD: 's3cret-value' },
      code: 'ENV_HALF',
      says: /MLFLOW_TRACKING_USERNAME is missing.*MLFLOW_TRACKING_PASSWORD is set/,
    },
    {
      name: 'a token for no MLflow',
      env: { MLFLOW_TRACKING_TOKEN: 's3cret-value' },
      code: 'ENV_HALF',
      says: /MLFLOW_TRACKING_URI is missing.*MLFLOW_TRACKING_TOKEN is set/,
    },
    {
      name: 'a token for MLflow that breaks a header',
      env: { MLFLOW_TRACKING_URI: 'http://localhost:5000', MLFLOW_TRACKING_TOKEN: 's3cret-value\nx: y' },
      code: 'ENV_INVALID',
      says: /MLFLOW_TRACKING_TOKEN/,
    },
    ...[
      'databricks',
      'file:///tmp/mlruns',
      'sqlite:///mlflow.db',
      'localhost:5000',
      'http://user:s3cret-value@localhost:5000',
      'http://localhost:5000/?a=b',
      'http://localhost:5000/#/experiments/0',
    ].map(uri => ({
      name: `MLflow at ${uri}`,
      env: { MLFLOW_TRACKING_URI: uri },
      code: 'ENV_INVALID',
      says: /MLFLOW_TRACKING_URI.*without a user and a password/,
    })),
    { name: 'a second factor', env: oidc, code: null },
    { name: 'one of this machine', env: { ...oidc, OIDC_ISSUER: 'http://127.0.0.1:9000' }, code: null },
    { name: 'one by name', env: { ...oidc, OIDC_ACR: 'phr phrh' }, code: null },
    {
      name: 'a second factor without a secret',
      env: { OIDC_ISSUER: oidc.OIDC_ISSUER, OIDC_CLIENT_ID: 'signalbox' },
      code: 'ENV_HALF',
      says: /OIDC_CLIENT_SECRET is missing.*OIDC_ISSUER is set/,
    },
    {
      name: 'a second factor without a provider',
      env: { OIDC_CLIENT_ID: 'signalbox', OIDC_CLIENT_SECRET: 's3cret-value' },
      code: 'ENV_HALF',
      says: /OIDC_ISSUER is missing.*OIDC_CLIENT_ID is set/,
    },
    {
      name: 'the name of a second factor alone',
      env: { OIDC_ACR: 'phr' },
      code: 'ENV_HALF',
      says: /OIDC_ISSUER is missing.*OIDC_ACR is set/,
    },
    ...['http://login.example.com', 'login.example.com', 'https://login.example.com/?tenant=1'].map(
      issuer => ({
        name: `a second factor of ${issuer}`,
        env: { ...oidc, OIDC_ISSUER: issuer },
        code: 'ENV_INVALID',
        says: /OIDC_ISSUER/,
      }),
    ),
    { name: 'Slack over sockets', env: { SLACK_APP_TOKEN: 'xapp-1', SLACK_BOT_TOKEN: 'xoxb-1' }, code: null },
    { name: 'Slack over both', env: { ...slack, SLACK_APP_TOKEN: 'xapp-1' }, code: null },
    {
      name: 'sockets without token',
      env: { SLACK_APP_TOKEN: 'xapp-1' },
      code: 'ENV_HALF',
      says: /SLACK_BOT_TOKEN is missing.*SLACK_APP_TOKEN is set/,
    },
    {
      name: 'a bot token for sockets',
      env: { ...slack, SLACK_APP_TOKEN: 'xoxb-1' },
      code: 'ENV_INVALID',
      says: /SLACK_APP_TOKEN.*xapp-/,
    },
    { name: 'Slack in several workspaces', env: several, code: null },
    { name: 'several and one', env: { ...several, SLACK_BOT_TOKEN: 'xoxb-1' }, code: null },
    { name: 'several, two keys', env: { ...several, SIGNALBOX_SECRET_KEY: `${key},${key}` }, code: null },
    { name: 'a key alone', env: { SIGNALBOX_SECRET_KEY: key }, code: null },
    ...['SLACK_CLIENT_ID', 'SLACK_CLIENT_SECRET', 'SIGNALBOX_SECRET_KEY', 'SLACK_SIGNING_SECRET'].map(
      name => ({
        name: `several without ${name}`,
        env: Object.fromEntries(Object.entries(several).filter(([other]) => other !== name)),
        code: 'ENV_HALF',
        says: new RegExp(`${name} is missing`),
      }),
    ),
    ...['', key.slice(1), `${key},`, `${key},short`, Buffer.alloc(16).toString('base64')].map(value => ({
      name: `the key ${JSON.stringify(value.replaceAll(key, 'KEY'))}`,
      env: { ...several, SIGNALBOX_SECRET_KEY: value },
      code: 'ENV_INVALID',
      says: /SIGNALBOX_SECRET_KEY.*32 bytes/,
    })),
    { name: 'workspaces', env: { ...several, SLACK_WORKSPACES: 'T0123ABCD,E0123ABCD' }, code: null },
    ...['', 'T1, T2', 'example.slack.com', 'U1'].map(value => ({
      name: `the workspaces ${JSON.stringify(value)}`,
      env: { ...several, SLACK_WORKSPACES: value },
      code: 'ENV_INVALID',
      says: /SLACK_WORKSPACES/,
    })),
    {
      name: 'an empty signing secret',
      env: { ...slack, SLACK_SIGNING_SECRET: '' },
      code: 'ENV_INVALID',
      says: /SLACK_SIGNING_SECRET/,
    },
    {
      name: 'a Slack that is no web address',
      env: { ...slack, SLACK_API_URL: 'file:///etc' },
      code: 'ENV_INVALID',
      says: /SLACK_API_URL/,
    },
  ];
  for (const row of rows) {
    test(row.name, () => {
      const fault = faultOf(() => loadConfig(row.env));
      assert.equal(fault?.code ?? null, row.code);
      if (row.says) assert.match(JSON.stringify(fault), row.says);
      for (const value of Object.values(row.env))
        if (value.length > 5) assert.ok(!fault?.what.includes(value) && !fault?.why.includes(value));
    });
  }

  test('values of secrets are known to the redactor, others are not', () => {
    assert.deepEqual(loadConfig({ ...slack, PORT: '1234', DATABASE_URL: 'postgres://x' }).secrets.sort(), [
      'postgres://x',
      's3cret-value',
      'xoxb-1',
    ]);
  });
});

test('what a child is given has no secret in it, and is configured by no half', () => {
  const env = {
    ...{ PATH: '/bin', SIGNALBOX_DATA: '/data', DATABASE_URL: 'postgres://x', SLACK_CLIENT_ID: '1.1' },
    ...{
      SLACK_SIGNING_SECRET: 'one',
      SLACK_CLIENT_SECRET: 'two',
      GITHUB_APP_ID: '7',
      GITHUB_PRIVATE_KEY: pem,
    },
    ...{ GITHUB_WEBHOOK_SECRET: 'three', GITHUB_CLIENT_ID: 'Iv1.1', GITHUB_CLIENT_SECRET: 'four' },
  };
  const given = withoutSecrets(env);
  assert.deepEqual(given, { PATH: '/bin', SIGNALBOX_DATA: '/data' });
  assert.equal(loadConfig(given).github.app, null);
});

test('each of several keys is a secret, and the first is the first', () => {
  const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map(one => one.toString('base64'));
  const { secrets, secretKeys } = loadConfig({ SIGNALBOX_SECRET_KEY: `${first},${second}` });
  assert.deepEqual(secrets, [`${first},${second}`, first, second]);
  assert.deepEqual(
    secretKeys.map(one => one[0]),
    [1, 2],
  );
});

describe('signalbox.yml', () => {
  const whole = `teams:
  research: {}
pools:
  lab: { slots: 4 }
projects:
  digits:
    team: research
    source: ./digits
    command: [python3, train.py, '{lr}']
    parameters:
      lr: { type: number, default: 0.1 }
people:
  - { slack: T1/U1, name: the approver, role: approver, teams: [research] }
`;
  const change = (from: string, to: string) => {
    assert.ok(whole.includes(from), from);
    return whole.replace(from, to);
  };
  const rows: { name: string; text: string; at?: string; word?: string; says?: RegExp }[] = [
    { name: 'whole', text: whole },
    { name: 'empty', text: '' },
    { name: 'only comments', text: '# nothing yet\n' },
    {
      name: 'an unknown key at the top',
      text: change('teams:', 'team:'),
      at: '1:1',
      word: 'team',
      says: /Did you mean teams/,
    },
    {
      name: 'an unknown key of a project',
      text: change('    source:', '    sorce:'),
      at: '8:5',
      word: 'sorce',
      says: /Did you mean source/,
    },
    {
      name: 'an unknown key of a pool',
      text: change('slots', 'slot'),
      at: '4:10',
      word: 'slot',
      says: /slots/,
    },
    {
      name: 'a missing key',
      text: change('    source: ./digits\n', ''),
      at: '6:3',
      says: /projects\.digits\.source/,
    },
    { name: 'a value of another type', text: change('slots: 4', 'slots: four'), at: '4:10', says: /number/ },
    { name: 'zero slots', text: change('slots: 4', 'slots: 0'), at: '4:10' },
    { name: 'an unknown role', text: change('role: approver', 'role: boss'), at: '13:41', says: /operator/ },
    {
      name: 'a project of no team',
      text: change('team: research', 'team: reserch'),
      at: '7:5',
      word: 'reserch',
      says: /Did you mean research/,
    },
    {
      name: 'a project in an environment',
      text: change('    team:', '    runsIn: production\n    team:').concat(
        'environments: { production: { needs: operator } }\n',
      ),
    },
    {
      name: 'a project in no environment that there is',
      text: change('    team:', '    runsIn: prodution\n    team:').concat(
        'environments: { production: { needs: operator } }\n',
      ),
      at: '7:5',
      word: 'prodution',
      says: /There is no such environment.*Did you mean production/,
    },
    {
      name: 'an environment for less than those who train',
      text: `${whole}environments: { production: { needs: viewer } }\n`,
      at: '14:31',
      says: /trainer/,
    },
    {
      name: 'an environment that says nobody',
      text: `${whole}environments: { production: {} }\n`,
      at: '14:17',
    },
    { name: 'a person of no team', text: change('[research]', '[sales]'), at: '13:65', word: 'sales' },
    { name: 'two Slack users of one person', text: change('slack: T1/U1', 'slack: [T1/U1, T2/U1]') },
    { name: 'a Slack user without a workspace', text: change('slack: T1/U1', 'slack: U1'), at: '13:7' },
    { name: 'a GitHub login', text: change('slack: T1/U1', 'github: octo-cat') },
    { name: 'what is no GitHub login', text: change('slack: T1/U1', 'github: -cat'), at: '13:7' },
    {
      name: 'a person without an account',
      text: change('slack: T1/U1, ', ''),
      at: '13:5',
      says: /No account of theirs is named/,
    },
    {
      name: 'an account of two people, in another case',
      text: `${change('slack: T1/U1', 'github: octocat')}  - { github: OctoCat, name: another, role: viewer }\n`,
      at: '14:5',
      word: 'github:octocat',
      says: /It belongs to the approver already/,
    },
    { name: 'a command that names no parameter', text: change("'{lr}'", "'{rl}'"), at: '9:34', word: '{rl}' },
    {
      name: 'a bad duration',
      text: change('    source:', '    timeLimit: forever\n    source:'),
      at: '8:5',
      says: /4h/,
    },
    { name: 'a key twice', text: `${whole}teams: {}\n`, at: '14:1' },
    { name: 'broken YAML', text: 'teams: [', at: '1:9' },
    { name: 'a list where a map belongs', text: 'pools: [lab]', at: '1:1' },
    {
      name: 'groups of teams and roles',
      text: `${change('research: {}', 'research: { groups: [slack:T1/S1, github:octo-org/vision] }')}roles: { operator: [slack:T1/S1], viewer: [github:Octo/a.b_c-d] }\n`,
    },
    {
      name: 'a user in place of a group',
      text: change('research: {}', 'research: { groups: [slack:T1/U1] }'),
      at: '2:24',
      says: /must be a Slack user group/,
    },
    {
      name: 'a GitHub team without its organisation',
      text: change('research: {}', 'research: { groups: [github:vision] }'),
      at: '2:24',
    },
    {
      name: 'a group twice in a team, by another case',
      text: change('research: {}', 'research: { groups: [github:octo/vision, github:Octo/Vision] }'),
      at: '2:44',
      says: /stands there twice/,
    },
    {
      name: 'a group under two roles',
      text: `${whole}roles: { viewer: [slack:T1/S1], operator: [slack:T1/S1] }\n`,
      at: '14:44',
      word: 'slack:T1/S1',
      says: /stands under viewer already/,
    },
    {
      name: 'a role that is none',
      text: `${whole}roles: { operators: [slack:T1/S1] }\n`,
      at: '14:10',
      says: /Did you mean operator/,
    },
    { name: '__proto__ as a project is ignored', text: change('  digits:', '  __proto__:') },
  ];
  for (const row of rows) {
    test(row.name, () => {
      const fault = faultOf(() => parsePolicy(row.text, 'signalbox.yml'));
      if (!row.at) return assert.equal(fault, null);
      assert.equal(fault?.code, 'CONFIG_INVALID');
      const all = JSON.stringify(fault);
      assert.ok(fault.what.startsWith(`signalbox.yml:${row.at}: `), all);
      if (row.word) assert.ok(fault.what.includes(row.word), all);
      if (row.says) assert.match(all, row.says);
    });
  }

  test('folders are read from the place of the file; addresses stay as they are', () => {
    const at = (source: string) =>
      parsePolicy(change('./digits', source), '/etc/signalbox/signalbox.yml').projects.digits?.source;
    assert.equal(at('./digits'), '/etc/signalbox/digits');
    assert.equal(at('/srv/digits'), '/srv/digits');
    assert.equal(at('https://git.example.com/digits.git'), 'https://git.example.com/digits.git');
    assert.equal(at('git@git.example.com:team/digits.git'), 'git@git.example.com:team/digits.git');
  });

  test('a file that was named must exist; the default one need not', () => {
    assert.equal(
      faultOf(() => loadPolicy({ configPath: '/nowhere/signalbox.yml', configNamed: true }))?.code,
      'CONFIG_UNREADABLE',
    );
    assert.deepEqual(
      Object.keys(loadPolicy({ configPath: '/nowhere/signalbox.yml', configNamed: false }).pools),
      ['local'],
    );
  });

  const examples: [name: string, projects: string[]][] = [
    ['signalbox.yml', ['digits']],
    ['shared.yml', ['digits']],
    ['demo/three-teams.yml', ['pictures', 'words', 'texts']],
  ];
  for (const [name, projects] of examples)
    test(`examples/${name} is valid`, () => {
      const file = join(root, 'examples', name);
      assert.deepEqual(Object.keys(parsePolicy(readFileSync(file, 'utf8'), file).projects), projects);
    });
});
