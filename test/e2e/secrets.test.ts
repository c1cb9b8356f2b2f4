import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formsOfValue } from '../../src/core/hide-secrets.ts';
import { type House, openHouse } from './house.ts';
import { until } from './until.ts';

const skip = process.platform !== 'linux' && 'reads /proc';

/** The second one is fit to name a metric, the third one begins with the first. */
const values = {
  WANDB_API_KEY: 'wandb+key/with=signs&9f8e7d6c5b4a',
  HF_TOKEN: 'plain_value_of_hf_1a2b3c4d5e',
  WANDB_LONG: 'wandb+key/with=signs&9f8e7d6c5b4a-and-more',
  MERGE_KEY: 'only-for-what-was-merged-77aa',
  OTHER_KEY: 'of-another-project-88bb99cc',
};

/** Shows what it has, in every way in which a program may show it by accident. */
const leak = `import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
const { WANDB_API_KEY: value = '', HF_TOKEN: name = '', SIGNALBOX_PARAM_GATE: gate } = process.env;
const say = text => new Promise(done => process.stdout.write(text, done));
const pause = ms => new Promise(done => setTimeout(done, ms));
await say('sha256 ' + createHash('sha256').update(value).digest('hex') + '\\n');
await say('seen ' + Object.keys(process.env).filter(key => /^(WANDB|HF|MERGE|OTHER)_/.test(key)).sort() + '\\n');
await say('plain ' + value + '\\n');
await say('half ' + value.slice(0, 9));
await pause(300);
await say(value.slice(9) + '\\n');
await say('base64 ' + Buffer.from(value).toString('base64') + '\\n');
await say('basic ' + Buffer.from('user:' + value).toString('base64') + '\\n');
await say('url ' + encodeURIComponent(value) + '\\n');
await say('longer ' + value + '-and-more\\n');
await say(JSON.stringify({ [name]: 0.5, loss: 0.5, step: 1 }) + '\\n');
await say('metric ' + name + '=0.5 step=2\\n');
await say('waiting\\n');
while (gate && !existsSync(gate)) await pause(50);
process.stderr.write('Error: nobody is known as ' + value);
process.exit(3);
`;

const projects = `  leaky:
    team: research
    source: repository
    command: [${JSON.stringify(process.execPath)}, leak.mjs]
    parameters: { gate: { type: text, default: "" } }
    secrets: { WANDB_API_KEY: {}, HF_TOKEN: { triggers: [command, api] }, MERGE_KEY: { triggers: [merge] } }
  needy:
    team: research
    source: repository
    command: [cat, version.txt]
    secrets: { NOWHERE_KEY: {} }
`;

const own = mkdtempSync(join(tmpdir(), 'signalbox-secrets-'));
const secretsFile = join(own, 'secrets.yml');
const { OTHER_KEY, ...ofLeaky } = values;
writeFileSync(secretsFile, JSON.stringify({ leaky: ofLeaky, show: { OTHER_KEY } }), { mode: 0o600 });
after(() => rmSync(own, { recursive: true, force: true }));

/** In whose text a value stands, in any form; the bytes of Postgres are shown in hexadecimal digits. */
function leaksIn(where: string, text: string): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    formsOfValue(value)
      .filter(form => text.includes(form))
      .map(form => `${name} as ${form} in ${where}`),
  );
}

function leaksBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap(entry => {
    if (!entry.isFile()) return [];
    const path = join(entry.parentPath, entry.name);
    try {
      return leaksIn(path, readFileSync(path, 'latin1'));
    } catch {
      // The database had it for a moment.
      return [];
    }
  });
}

function commandLines(): string {
  const lines = readdirSync('/proc').map(name => {
    try {
      return /^\d+$/.test(name) ? readFileSync(`/proc/${name}/cmdline`, 'utf8') : '';
    } catch {
      return '';
    }
  });
  return lines.join('\n');
}

describe('a secret', { skip }, () => {
  let house: House;
  before(async () => {
    house = await openHouse(
      { SIGNALBOX_SECRETS: secretsFile, LOG_LEVEL: 'trace' },
      { files: { 'leak.mjs': leak }, projects },
    );
  });
  after(() => house.close());

  async function leaksAnywhere(): Promise<string[]> {
    const { people, service, query, dataDir } = house;
    const tables = await query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    );
    assert.ok(tables.length > 10, String(tables.length));
    const found: string[] = [];
    for (const { name } of tables)
      for (const { row } of await query<{ row: string }>(`select t::text as row from ${name} t`))
        found.push(...leaksIn(name, row));
    const messages = await people.messages();
    return [
      ...found,
      ...leaksBelow(dataDir),
      ...leaksIn('the messages', JSON.stringify(messages)),
      ...leaksIn('what Slack was told', JSON.stringify(people.calls)),
      ...leaksIn(
        'the logs of Signalbox',
        service()
          .log.map(line => JSON.stringify(line))
          .join('\n'),
      ),
    ];
  }

  test('reaches the run, and stays on its machine in everything that the run leaves behind', async () => {
    const { people, service, newest, reaches, log, gate, query } = house;
    const one = gate('leaky');
    const number = (await newest()) + 1;
    await people.says(service().url, `/train leaky -p gate=${one.path}`);
    await until('the run to wait', async () => /waiting/.test(await log(number).catch(() => '')));
    const while_ = [...leaksIn('a command line', commandLines()), ...(await leaksAnywhere())];
    assert.deepEqual(while_, []);
    one.open();
    const ended = await reaches(number, 'failed', 'succeeded');
    assert.deepEqual(
      [ended.exitCode, ended.trigger, ended.secrets],
      [3, 'command', ['WANDB_API_KEY', 'HF_TOKEN']],
    );
    const hash = createHash('sha256').update(values.WANDB_API_KEY).digest('hex');
    const basic = Buffer.from(`user:${values.WANDB_API_KEY}`).toString('base64');
    assert.deepEqual((await log(number)).split('\n'), [
      `sha256 ${hash}`,
      'seen HF_TOKEN,WANDB_API_KEY',
      'plain [secret WANDB_API_KEY]',
      'half [secret WANDB_API_KEY]',
      'base64 [secret WANDB_API_KEY]',
      // What shares a group of three with other bytes is not its own.
      `basic ${basic.slice(0, 7)}[secret WANDB_API_KEY]${basic.slice(-2)}`,
      'url [secret WANDB_API_KEY]',
      'longer [secret WANDB_LONG]',
      '{"[secret HF_TOKEN]":0.5,"loss":0.5,"step":1}',
      'metric [secret HF_TOKEN]=0.5 step=2',
      'waiting',
      'Error: nobody is known as [secret WANDB_API_KEY]',
      '',
    ]);
    assert.equal(ended.failure?.lines.at(-1), 'Error: nobody is known as [secret WANDB_API_KEY]');
    assert.deepEqual(
      await query(`select distinct name from metric_points where run = ${number} order by name`),
      [{ name: 'loss' }, { name: 'step' }],
    );
    await until('the message of the end', async () =>
      JSON.stringify(await people.messages()).includes('nobody is known as [secret WANDB_API_KEY]'),
    );
    assert.deepEqual(await leaksAnywhere(), []);
  });

  test('is not there where its triggers do not name this one, nor for another project', async () => {
    const { request, reaches, log } = house;
    const { number } = await request({ project: 'show' });
    const run = await reaches(number, 'succeeded');
    assert.deepEqual([run.trigger, run.secrets], ['api', []]);
    assert.doesNotMatch(await log(number), /WANDB|HF_TOKEN|MERGE_KEY|OTHER_KEY|SIGNALBOX_SECRETS/);
  });

  test('that has no value on the machine fails the run, and says which and where', async () => {
    const { request, reaches } = house;
    const { number } = await request({ project: 'needy' });
    const { failure } = await reaches(number, 'failed');
    assert.equal(failure?.class, 'start-error');
    assert.equal(
      failure?.message,
      `The secret NOWHERE_KEY of needy is missing on the machine. Its agent has no value for it. Put it below needy in ${secretsFile} there, and ask for the run again.`,
    );
  });

  test('that was changed since is the one that the next run gets', async () => {
    const { request, reaches, log } = house;
    const next = 'another-value-of-wandb-0f1e2d3c';
    const leaky = { ...ofLeaky, WANDB_API_KEY: next };
    writeFileSync(secretsFile, JSON.stringify({ leaky, show: { OTHER_KEY } }));
    const { number } = await request({ project: 'leaky' });
    await reaches(number, 'failed');
    const text = await log(number);
    assert.match(text, new RegExp(`^sha256 ${createHash('sha256').update(next).digest('hex')}$`, 'm'));
    assert.ok(!text.includes(next));
  });

  test('doctor says whether the file is fit, and what it lacks', async () => {
    const fit = await house.cli('doctor');
    assert.match(
      fit.stdout,
      /^advice +secrets .*secrets\.yml: 5 values: no value on this machine for needy\.NOWHERE_KEY$/m,
    );
    assert.equal(fit.code, 0);
    chmodSync(secretsFile, 0o640);
    const open = await house.cli('doctor');
    assert.match(
      open.stdout,
      /^broken +secrets +SECRETS_UNFIT: .*Its mode is 0640, which is more than 0600\./m,
    );
    assert.equal(open.code, 1);
    assert.deepEqual(leaksIn('doctor', fit.stdout + open.stdout), []);
  });

  test('in a file that others may read reaches no run', async () => {
    const { request, reaches } = house;
    const { number } = await request({ project: 'leaky' });
    const { failure } = await reaches(number, 'failed');
    assert.match(failure?.message ?? '', /^The secrets file \S+ is not used\. Its mode is 0640/);
    const free = await request({ project: 'version' });
    await reaches(free.number, 'succeeded');
  });
});
