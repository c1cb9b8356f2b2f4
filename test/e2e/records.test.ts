import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type House, openHouse } from './house.ts';
import { until } from './until.ts';

const projects = `  model:
    team: research
    source: repository
    inputs: ['*.csv']
    outputs: ['out/**']
    command: [sh, make.sh]
    parameters: { seed: { type: integer, default: 7 } }
  large: { team: research, source: repository, outputs: [large.bin], command: [sh, large.sh] }
  forgetful: { team: research, source: repository, outputs: [model.json], command: ['true'] }
`;
const files = {
  'a.csv': '1,2\n',
  'requirements.txt': 'numpy==2.0\n',
  'make.sh':
    'cd "$SIGNALBOX_OUTPUT_DIR"; mkdir -p "out/a b"; echo weights > "out/a b/mödel.json"; : > out/empty; echo $SIGNALBOX_PARAM_SEED > rest\n',
  'large.sh':
    'truncate -s 400M "$SIGNALBOX_OUTPUT_DIR/large.bin"; echo end >> "$SIGNALBOX_OUTPUT_DIR/large.bin"\n',
};

describe('what a run stands on and makes', () => {
  let house: House;
  before(async () => {
    house = await openHouse({}, { files, projects });
  });
  after(() => house?.close());
  const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

  test('its outputs are kept and handed out, its inputs recorded', async () => {
    const { number } = await house.request({ project: 'model', pool: 'here' });
    const run = await house.reaches(number, 'succeeded', 'failed');
    assert.equal(run.state, 'succeeded');
    assert.deepEqual(run.record?.inputs, [{ name: 'a.csv', sha256: sha256('1,2\n'), bytes: 4 }]);
    assert.deepEqual(run.record?.artifacts, [
      { name: 'out/a b/mödel.json', sha256: sha256('weights\n'), bytes: 8 },
      { name: 'out/empty', sha256: sha256(''), bytes: 0 },
    ]);
    assert.equal(run.record?.seed, 7);
    assert.equal(run.record?.environment?.locks[0]?.name, 'requirements.txt');
    const [first] = (
      (await (await house.call(`/v1/runs/${number}/artifacts`)).json()) as {
        artifacts: { path: string }[];
      }
    ).artifacts;
    const content = await house.call(first?.path ?? '');
    assert.equal(await content.text(), 'weights\n');
    const listed = await house.cli('artifacts', String(number));
    assert.match(listed.stdout, /2 artifacts, 8 B/);
    assert.match(listed.stdout, /out\/a b\/mödel\.json/);
    const status = await house.cli('status', String(number));
    assert.match(status.stdout, /a\.csv/);
    const doctor = await house.cli('doctor');
    assert.match(doctor.stdout, /ok +artifacts +in .*artifacts, at most 20000 MB/);
  });

  test('an output that is not there is told, and the run has failed', async () => {
    const { number } = await house.request({ project: 'forgetful', pool: 'here' });
    const run = await house.reaches(number, 'succeeded', 'failed');
    assert.deepEqual([run.state, run.failure?.class], ['failed', 'output-missing']);
    assert.match(run.failure?.message ?? '', /declared output model\.json/);
  });

  test('the service is killed while an output is sent: it is whole after the next start', async () => {
    const { number } = await house.request({ project: 'large', pool: 'here' });
    const incoming = join(house.dataDir, 'artifacts', 'incoming');
    await until('content to arrive', async () => existsSync(incoming) && readdirSync(incoming).length > 0);
    await house.service().kill();
    await house.restart();
    const run = await house.reaches(number, 'succeeded', 'failed');
    assert.equal(run.state, 'succeeded');
    assert.equal(run.record?.artifacts[0]?.bytes, 400 * 1024 * 1024 + 4);
    const content = await house.call(`/v1/runs/${number}/artifacts/large.bin`);
    const hash = createHash('sha256');
    let last = '';
    for await (const chunk of content.body ?? []) {
      hash.update(chunk);
      last = Buffer.from(chunk).subarray(-4).toString();
    }
    assert.equal(last, 'end\n');
    assert.equal(`sha256:${hash.digest('hex')}`, run.record?.artifacts[0]?.sha256);
  });
});
