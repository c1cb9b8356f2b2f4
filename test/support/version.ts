import type { Pool } from 'pg';
import type { ModelVersion } from '../../src/core/promotion/version.ts';
import { octocat } from './run.ts';
import { summaryOf } from './summary.ts';

/** A version of the model `digits`. */
export function versionOf(changes: Partial<ModelVersion> = {}): ModelVersion {
  return {
    ...{ model: 'digits', number: 7, run: 42, attempt: 1, project: 'digits', output: 'model.json' },
    ...{ sha256: `sha256:${'5f'.repeat(32)}`, bytes: 18_432, source: '/projects/digits' },
    sha: '9f2c41d07be3a5518c6b0d9e4f7a21c3d5e6f708',
    metrics: [
      { ...summaryOf('val_accuracy', 25, 0.9312), most: { value: 0.9418, step: 21 } },
      { ...summaryOf('val_loss', 25, 0.2217), least: { value: 0.2093, step: 21 } },
      summaryOf('learning_rate', 25, 0.001),
    ],
    directions: { val_accuracy: { better: 'higher' }, val_loss: { better: 'lower' } },
    primaryMetric: 'val_accuracy',
    inputs: {
      'data/train.csv.gz': `sha256:${'a1'.repeat(32)}`,
      'data/test.csv.gz': `sha256:${'b2'.repeat(32)}`,
    },
    signature: { inputs: [{ name: 'pixels', shape: [64] }], outputs: [{ name: 'digit', type: 'integer' }] },
    card: '# Digits\n\nReads handwritten digits of 8 by 8 pixels.',
    trainedBy: octocat,
    at: new Date('2026-01-01T12:00:00Z'),
    ...changes,
  };
}

/** The same in a database, whose run is there. */
export async function insertVersion(pool: Pool, changes: Partial<ModelVersion> = {}): Promise<ModelVersion> {
  const version = versionOf(changes);
  const { model, number, run, project, output, sha256 } = version;
  await pool.query(
    `insert into models (name, project, output, newest) values ($1, $2, $3, $4)
     on conflict (name) do update set newest = excluded.newest`,
    [model, project, output, number],
  );
  await pool.query(
    `insert into contents (sha256, bytes, state) values ($1, $2, 'stored') on conflict do nothing`,
    [sha256, version.bytes],
  );
  await pool.query(
    `insert into model_versions (model, number, run, attempt, project, output, sha256, bytes, source, sha, metrics, directions,
       primary_metric, inputs, signature, card, trained_by, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
    [
      ...[model, number, run, version.attempt, project, output, sha256, version.bytes, version.source],
      ...[version.sha, JSON.stringify(version.metrics), JSON.stringify(version.directions)],
      ...[version.primaryMetric, JSON.stringify(version.inputs), JSON.stringify(version.signature)],
      ...[version.card, JSON.stringify(version.trainedBy), version.at],
    ],
  );
  return version;
}
