import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type House, openHouse } from '../e2e/house.ts';
import { until } from '../e2e/until.ts';
import { noMlflow, quietMlflow, startMlflow, type TestMlflow } from '../support/mlflow.ts';

/** As anybody would write it: none of them knows of Signalbox. */
const scripts = {
  'curve.py': `import mlflow
mlflow.set_experiment("digits")
with mlflow.start_run(run_name="a name of its own"):
    mlflow.log_param("lr", 0.1)
    for step in range(50):
        mlflow.log_metric("val/loss", 1 / (step + 1), step=step)
    mlflow.log_metric("accuracy", 0.25)
    mlflow.log_metric("accuracy", float("nan"))
    mlflow.log_metric("accuracy", 0.75)
    mlflow.log_metric("gradient", float("inf"), step=1)
    mlflow.log_metric("gradient", float("-inf"), step=2)
    mlflow.log_metric("gradient", 3, step=3)
    mlflow.log_metric("early", 1, step=-1)
    mlflow.log_metric("early", 2, step=1)
    mlflow.log_metric("a name with spaces", 1)
    with mlflow.start_run(nested=True):
        mlflow.log_metric("nested", 1)
with mlflow.start_run():
    mlflow.log_metric("val/loss", 1000, step=60)
    mlflow.log_metric("tested", 0.5)
`,
  'many.py': `import mlflow
from mlflow.entities import Metric
with mlflow.start_run() as run:
    for batch in range(12):
        points = [Metric("loss", 1 / (1 + step), step + 1, step) for step in range(batch * 1000, batch * 1000 + 1000)]
        mlflow.MlflowClient().log_batch(run.info.run_id, metrics=points)
`,
  'gated.py': `import mlflow, os, time
def wait(path):
    while not os.path.exists(path):
        time.sleep(0.05)
with mlflow.start_run():
    for step in range(5):
        mlflow.log_metric("loss", step, step=step)
    print("half", flush=True)
    wait(os.environ["SIGNALBOX_PARAM_GATE"])
    for step in range(5, 10):
        mlflow.log_metric("loss", step, step=step)
`,
  'without.py': 'print(1)\n',
  'environment.sh': 'env | grep ^MLFLOW | sort\n',
};

const environment = JSON.stringify(quietMlflow);

function projects(python: string): string {
  const project = (name: string, command: string[], more = '') =>
    `  ${name}: { team: research, source: repository, command: ${JSON.stringify(command)}, environment: ${environment}${more} }\n`;
  const gate = ', parameters: { gate: { type: text, default: /nowhere } }';
  return [
    project('curve', [python, 'curve.py']),
    project('many', [python, 'many.py']),
    project('gated', [python, 'gated.py'], gate),
    project('without', [python, 'without.py']),
    project('environment', ['sh', 'environment.sh']),
  ].join('');
}

describe('what a run logs to MLflow becomes its metrics', { skip: noMlflow, timeout: 270_000 }, () => {
  let mlflow: TestMlflow;
  let house: House;
  before(async () => {
    mlflow = await startMlflow();
    house = await openHouse(
      {
        MLFLOW_TRACKING_URI: `${mlflow.url}/`,
        MLFLOW_TRACKING_USERNAME: 'reader',
        MLFLOW_TRACKING_PASSWORD: 'the-password-of-the-reader',
        SIGNALBOX_URL: undefined,
      },
      { files: scripts, projects: projects(mlflow.python) },
    );
  });
  after(async () => {
    await house?.close();
    await mlflow?.close();
  });

  const points = async (run: number) => {
    const rows = await house.query<{ name: string; steps: number[]; values: number[] }>(
      `select name, array_agg(step::float8 order by step) as steps, array_agg(value order by step) as values
       from metric_points where run = ${run} group by name order by name`,
    );
    return Object.fromEntries(rows.map(({ name, ...rest }) => [name, rest]));
  };
  /** Python alone takes seconds to import MLflow. */
  const patienceS = 120;
  const succeeds = async (number: number) => {
    const ended = async () => {
      const run = await house.run(number);
      return run.endedAt !== null && run;
    };
    const run = await until(`the end of #${number}`, ended, patienceS);
    assert.equal(run.state, 'succeeded', await house.log(number));
  };
  const wholly = (run: number) =>
    until(
      `the last look at #${run}`,
      async () =>
        (await house.query(`select run from mlflow_follows where run = ${run} and done_at is not null`))
          .length > 0,
      patienceS,
    );

  test('each curve is whole, and by the rules of every other metric', async () => {
    const { number, sha } = await house.request({ project: 'curve' });
    await succeeds(number);
    await wholly(number);
    const found = await points(number);
    assert.deepEqual(Object.keys(found), [
      'a name with spaces',
      'accuracy',
      'early',
      'gradient',
      'tested',
      'val/loss',
    ]);
    assert.deepEqual(
      found['val/loss']?.steps,
      Array.from({ length: 50 }, (_, step) => step),
    );
    assert.deepEqual(
      found['val/loss']?.values,
      Array.from({ length: 50 }, (_, step) => 1 / (step + 1)),
    );
    // Logged without steps: counted, and the one that is no number is left out.
    assert.deepEqual(found.accuracy, { steps: [0, 2], values: [0.25, 0.75] });
    assert.deepEqual(found.gradient, { steps: [3], values: [3] });
    assert.deepEqual(found.early, { steps: [1], values: [2] });

    const run = await house.run(number);
    assert.match(run.mlflow ?? '', new RegExp(`^${mlflow.url}/#/experiments/\\d+/runs/[0-9a-f]{32}$`));
    const id = run.mlflow?.split('/').at(-1);
    const answer = await fetch(`${mlflow.url}/api/2.0/mlflow/runs/get?run_id=${id}`);
    const { data, info } = ((await answer.json()) as { run: Told }).run;
    const tags = new Map(data.tags.map(({ key, value }) => [key, value]));
    assert.equal(info.run_name, 'a name of its own');
    assert.equal(tags.get('signalbox.run'), String(number));
    assert.equal(tags.get('signalbox.sha'), sha);
    assert.deepEqual(data.params, [{ key: 'lr', value: '0.1' }]);
    // What was left out is told as it is of every run.
    const [left] = await house.query<{ left_out: unknown }>(
      `select left_out from metric_reports where run = ${number}`,
    );
    assert.deepEqual(left?.left_out, {
      notFinite: [
        { name: 'accuracy', count: 1, attempt: 1, step: 1 },
        { name: 'gradient', count: 2, attempt: 1, step: 2 },
      ],
      examples: { step: 'early' },
    });
  });

  test('twelve thousand points come in pages, all of them', async () => {
    const { number } = await house.request({ project: 'many' });
    await succeeds(number);
    await wholly(number);
    const { loss } = await points(number);
    assert.equal(loss?.steps.length, 12_000);
    assert.ok(loss.steps.every((step, at) => step === at && loss.values[at] === 1 / (1 + at)));
  });

  test('a run that logs nothing there has no metrics, and is looked at no more once it has ended', async () => {
    const { number } = await house.request({ project: 'without' });
    await succeeds(number);
    await wholly(number);
    assert.deepEqual(await points(number), {});
    assert.equal((await house.run(number)).mlflow, null);
  });

  test('a command gets the address and the tags, and no credentials', async () => {
    const { number } = await house.request({ project: 'environment' });
    await succeeds(number);
    const lines = (await house.log(number)).trim().split('\n');
    const names = lines.map(line => line.split('=')[0]);
    const expected = ['MLFLOW_RUN_CONTEXT', 'MLFLOW_TRACKING_URI', ...Object.keys(quietMlflow)];
    assert.deepEqual(names, expected.filter(name => name.startsWith('MLFLOW')).sort());
  });

  test('MLflow is killed and comes back, the service is restarted: the run goes on, and nothing is missing', async () => {
    const gate = house.gate('gated');
    const { number } = await house.request({ project: 'gated', parameters: { gate: gate.path } });
    const measured = async () => (await house.run(number)).metrics?.loss?.points;
    await until('the first half', async () => (await measured()) === 5, patienceS);
    await mlflow.kill();
    const said = () =>
      house.service().log.filter(line => line.msg === 'metrics of runs cannot be read from MLflow');
    await until('a word that MLflow is away', () => said().length > 0, patienceS);
    const doctor = await house.cli('doctor');
    assert.match(doctor.stdout, /^broken\s+mlflow\s+.*it does not answer; runs go on/m);
    // It is tried several times, and said once.
    await until(
      'several looks',
      async () => {
        const [row] = await house.query<{ failures: number }>(
          `select failures from mlflow_follows where run = ${number}`,
        );
        return (row?.failures ?? 0) >= 3;
      },
      patienceS,
    );
    assert.equal(said().length, 1);
    assert.equal((await house.run(number)).state, 'running');
    await house.service().stop();
    await mlflow.start();
    await house.restart();
    assert.match((await house.cli('doctor')).stdout, /^ok\s+mlflow\s+.* answers, asked by user/m);
    assert.ok(!existsSync(gate.path));
    gate.open();
    await succeeds(number);
    await wholly(number);
    assert.deepEqual((await points(number)).loss?.values, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

interface Told {
  info: { run_name: string };
  data: { tags: { key: string; value: string }[]; params: { key: string; value: string }[] };
}
