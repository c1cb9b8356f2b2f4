import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noMlflow, startMlflow } from '../support/mlflow.ts';

test('a real MLflow server starts, is killed, and comes back under the same address', {
  skip: noMlflow,
}, async t => {
  const mlflow = await startMlflow();
  t.after(mlflow.close);
  const health = () => fetch(`${mlflow.url}/health`, { signal: AbortSignal.timeout(2_000) });
  assert.equal(await (await health()).text(), 'OK');
  await mlflow.kill();
  await assert.rejects(health());
  await mlflow.start();
  assert.equal((await health()).status, 200);
});
