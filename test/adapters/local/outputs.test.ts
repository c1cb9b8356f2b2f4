import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RunSpec } from '../../../src/core/run.ts';
import { openWorkbench, until, type Workbench } from './workbench.ts';

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('declared outputs and inputs', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await openWorkbench();
  });
  afterEach(() => bench.close());

  const run = (script: string, spec: Partial<RunSpec>) =>
    bench.assign({ command: [`cd "$SIGNALBOX_OUTPUT_DIR"; ${script}`], shell: true, ...spec });
  const namesOf = (key: string) => (bench.kept.get(key) ?? []).map(file => file.name);

  const rows: { name: string; script: string; outputs: string[]; kept: string[]; failure?: RegExp }[] = [
    {
      name: 'one file',
      script: 'echo hi > model.json; echo x > rest',
      outputs: ['model.json'],
      kept: ['model.json'],
    },
    {
      name: 'patterns, folders, an empty file and the same content twice',
      script: 'mkdir -p a/b; : > a/b/empty.bin; echo same > a/one.bin; echo same > two.bin; echo n > no.txt',
      outputs: ['**/*.bin', 'two.*'],
      kept: ['a/b/empty.bin', 'a/one.bin', 'two.bin'],
    },
    {
      name: 'names with odd signs',
      script: `echo 1 > "a b'\\"\\$(x).bin"; echo 2 > 'ä🙂.bin'; echo 3 > '<!channel>.bin'; echo 4 > ...bin`,
      outputs: ['*.bin'],
      kept: ['...bin', '<!channel>.bin', `a b'"$(x).bin`, 'ä🙂.bin'],
    },
    {
      name: 'a link that stays inside',
      script: 'echo hi > epoch5.bin; ln -s epoch5.bin last.bin; mkdir d; ln -s d folder.bin',
      outputs: ['*.bin'],
      kept: ['epoch5.bin', 'last.bin'],
    },
    {
      name: 'nothing for one of them: what is there is kept, and the run fails',
      script: 'echo hi > model.json',
      outputs: ['model.json', 'report.html'],
      kept: ['model.json'],
      failure: /exit code 0.*nothing in \$SIGNALBOX_OUTPUT_DIR for the declared output report\.html/,
    },
    { name: 'nothing at all', script: 'true', outputs: ['*.bin'], kept: [], failure: /nothing in/ },
    {
      name: 'a link that leads out',
      script: 'ln -s /etc/passwd model.bin',
      outputs: ['*.bin'],
      kept: [],
      failure: /model\.bin is a link that leads out/,
    },
    {
      name: 'a folder that is a link which leads out is not entered',
      script: 'ln -s /etc out; echo hi > a.bin',
      outputs: ['out/passwd', 'a.bin'],
      kept: ['a.bin'],
      failure: /nothing in .* out\/passwd/,
    },
    {
      name: 'a link to nothing',
      script: 'ln -s gone a.bin',
      outputs: ['a.bin'],
      kept: [],
      failure: /leads nowhere/,
    },
    { name: 'a pipe', script: 'mkfifo a.bin', outputs: ['a.bin'], kept: [], failure: /a\.bin is no file/ },
    {
      name: 'a name of several lines',
      script: `printf x > "$(printf 'a\\nb.bin')"`,
      outputs: ['*.bin'],
      kept: [],
      failure: /The name of ab\.bin cannot be kept/,
    },
    {
      name: 'a name that is no UTF-8',
      script: `printf x > "$(printf 'a\\377.bin')"`,
      outputs: ['*.bin'],
      kept: [],
      failure: /cannot be kept/,
    },
    {
      name: 'more files than are kept',
      script: 'touch $(seq -f %g.bin 1001)',
      outputs: ['*.bin'],
      kept: [],
      failure: /more than 1000 of them/,
    },
  ];
  for (const { name, script, outputs, kept, failure } of rows)
    test(name, async () => {
      bench.startAgent();
      const key = run(script, { outputs });
      const { exit } = await bench.end(key);
      assert.deepEqual(namesOf(key), kept);
      assert.equal(exit?.code, 0);
      if (failure) assert.match(exit?.failure?.message ?? '', failure);
      else assert.equal(exit?.failure, null);
      if (failure) assert.equal(exit?.failure?.class, 'output-missing');
    });

  test('a command that fails has no outputs, and an end without declared ones is told at once', async () => {
    bench.startAgent();
    const failed = run('echo hi > model.json; exit 3', { outputs: ['model.json'] });
    const plain = run('echo hi > model.json', {});
    assert.equal((await bench.end(failed)).exit?.code, 3);
    assert.equal((await bench.end(plain)).exit?.failure, null);
    assert.deepEqual(bench.state.outputCalls, []);
  });

  const answers: { name: string; answers: (number | 'drop' | null)[]; failure?: RegExp }[] = [
    { name: 'the store is away', answers: [503, 503, null, 503] },
    { name: 'the answer to the content is lost', answers: [null, 'drop'] },
    { name: 'the answer to the last word is lost', answers: [null, null, 'drop'] },
    { name: 'what was sent does not arrive as it was', answers: [null, 422] },
    { name: 'more than is taken', answers: [413], failure: /could not be kept: It is 413/ },
  ];
  for (const row of answers)
    test(row.name, async () => {
      bench.startAgent();
      bench.state.outputAnswers = [...row.answers];
      const key = run('echo hi > model.json', { outputs: ['model.json'] });
      const { exit } = await bench.end(key);
      if (row.failure) assert.match(exit?.failure?.message ?? '', row.failure);
      else assert.deepEqual(bench.kept.get(key), [{ name: 'model.json', sha256: sha256('hi\n'), bytes: 3 }]);
    });

  for (const [i, what] of [
    'before anything was sent',
    'while content is sent',
    'before all is kept',
  ].entries())
    test(`the agent is killed ${what}: the next one brings it away`, async () => {
      const agent = bench.spawnAgent();
      bench.state.outputAnswers = [...Array.from({ length: i }, () => null), 'hang'];
      const key = run('echo hi > model.json', { outputs: ['model.json'] });
      await until('the call', () => bench.state.outputCalls.length === i + 1);
      assert.equal(bench.ends.has(key), false);
      await agent.kill();
      bench.startAgent();
      assert.equal((await bench.end(key)).exit?.failure, null);
      assert.deepEqual(namesOf(key), ['model.json']);
    });

  test('stopped while its outputs are brought away: it is as good as stopped', async () => {
    bench.startAgent();
    bench.state.outputAnswers = ['hang'];
    const key = run('echo hi > model.json', { outputs: ['model.json'] });
    await until('the call', () => bench.state.outputCalls.length === 1);
    bench.stop(key, 'cancel');
    const { exit } = await bench.end(key);
    assert.deepEqual([exit?.stopped, exit?.failure], ['cancel', null]);
    assert.deepEqual(namesOf(key), []);
  });

  test('an output that changes between its digest and its sending is digested again', async () => {
    bench.startAgent();
    bench.state.outputAnswers = [503];
    const key = run('echo hi > model.json', { outputs: ['model.json'] });
    await until('the call', () => bench.state.outputCalls.length === 1);
    writeFileSync(join(bench.folder(key), '../output/model.json'), 'another');
    await bench.end(key);
    assert.deepEqual(bench.kept.get(key), [{ name: 'model.json', sha256: sha256('another'), bytes: 7 }]);
  });

  test('inputs, locks and the machine are recorded before the command can change them', async () => {
    bench.setSource({
      'data/a.csv': '1',
      'data/b.csv': '',
      'data/c.txt': 'no',
      'requirements.txt': 'numpy==2',
    });
    bench.startAgent();
    const key = bench.assign({ command: ['echo 2 > data/a.csv'], shell: true, inputs: ['data/*.csv'] });
    await bench.end(key);
    const said = bench.records.get(key);
    assert.deepEqual(said?.inputs, [
      { name: 'data/a.csv', sha256: sha256('1'), bytes: 1 },
      { name: 'data/b.csv', sha256: sha256(''), bytes: 0 },
    ]);
    assert.deepEqual(said?.machine.locks, [
      { name: 'requirements.txt', sha256: sha256('numpy==2'), bytes: 8 },
    ]);
    assert.match(said?.machine.environment ?? '', /^sha256:/);
    assert.match(said?.machine.python ?? '3.', /^3\./);
  });

  test('the source has no file for a declared input: the command does not start', async () => {
    bench.setSource({ 'a.csv': '1' });
    bench.startAgent();
    const key = bench.assign({ command: ['true'], inputs: ['a.csv', 'data/*.csv'] });
    const { exit } = await bench.end(key);
    assert.equal(exit?.failure?.class, 'start-error');
    assert.match(exit?.failure?.message ?? '', /has nothing for the declared input data\/\*\.csv/);
    assert.equal(bench.records.has(key), false);
  });
});
