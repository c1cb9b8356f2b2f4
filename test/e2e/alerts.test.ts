import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type House, openHouse } from './house.ts';
import { until } from './until.ts';

const files = {
  // Reports as the libraries do, and goes on for as long as it is let.
  'diverge.py': `import json, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("saved", flush=True), sys.exit(0)))
for step, loss in enumerate([0.9, 0.5, float("nan")]):
    print(json.dumps({"step": step, "loss": loss}), flush=True)
while True:
    time.sleep(0.05)
`,
  'broken.py': `def fit(rows):
    return rows["labels"]

fit({})
`,
  'memory.py': 'bytearray(1 << 60)\n',
};
const projects = `  diverge:
    team: research
    source: repository
    command: [python3, diverge.py]
    grace: 5s
    alerts:
      - { when: 'loss is NaN', do: stop }
      - { when: 'loss < 0.6 after step 1' }
      - { when: 'val_los > 1' }
  broken: { team: research, source: repository, command: [python3, broken.py] }
  memory: { team: research, source: repository, command: [python3, memory.py] }
`;

describe('rules and failures, end to end', () => {
  let house: House;
  before(async () => {
    house = await openHouse({}, { files, projects });
  });
  after(() => house?.close());

  test('a run that diverges is stopped by its rule, and says so in its thread', async () => {
    const { people, service } = house;
    const newest = await house.newest();
    await people.says(service().url, '/train diverge');
    const run = await house.reaches(newest + 1, 'failed');
    assert.deepEqual(run.failure?.class, 'stopped-by-rule');
    assert.equal(run.failure?.message, 'Its rule "loss is NaN" held: loss is not finite at step 2.');
    assert.ok(run.failure?.lines.includes('saved'), 'it had its grace period');
    assert.equal(run.attempt, 1);
    assert.deepEqual(run.metrics?.loss, { value: 0.5, step: 1, points: 2, notFiniteAt: 2 });
    const text = await until('its messages', async () => {
      const said = JSON.stringify(await people.messages());
      const isAll = ['is stopped by a rule', 'was stopped by a rule', 'val_los'].every(one =>
        said.includes(one),
      );
      return isAll && said;
    });
    assert.match(text, /loss is not finite at step 2/);
  });

  const failures: [project: string, kind: string, message: string][] = [
    ['broken', 'code-error', "The command ended with exit code 1: KeyError: 'labels' (broken.py, line 2)"],
    ['memory', 'out-of-memory', 'The command ended with exit code 1: MemoryError (memory.py, line 1)'],
  ];
  for (const [project, kind, message] of failures)
    test(`${project}: ${kind}`, async () => {
      const { number } = await house.request({ project });
      const { failure } = await house.reaches(number, 'failed');
      assert.deepEqual([failure?.class, failure?.message], [kind, message]);
    });
});
