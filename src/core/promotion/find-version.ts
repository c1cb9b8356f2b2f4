import type { ErrorDetails } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { ModelStore } from '../ports.ts';
import type { Model, ModelVersion } from './version.ts';

type Failed = { ok: false; code: 'MODEL_UNKNOWN' | 'VERSION_UNKNOWN'; details: ErrorDetails };

/** The model of that name, or the error that says which there are. */
export async function findModel(
  name: string,
  models: Pick<ModelStore, 'all'>,
): Promise<{ ok: true; model: Model } | Failed> {
  const all = await models.all();
  const model = all.find(one => one.name === name);
  if (model) return { ok: true, model };
  const allowed = all.map(one => one.name);
  const details = { word: name, allowed, nearest: nearest(name, allowed), example: 'model list' };
  return { ok: false, code: 'MODEL_UNKNOWN', details };
}

/** A version by its number, else the newest; null: the model has none yet. */
export async function findVersion(
  { name, newest }: Model,
  number: number | undefined,
  models: Pick<ModelStore, 'version'>,
): Promise<{ ok: true; version: ModelVersion | null } | Failed> {
  const wanted = number ?? newest;
  const version = wanted === 0 ? null : await models.version(name, wanted);
  if (version || number === undefined) return { ok: true, version };
  const details = {
    ...{ word: number, name, newest: newest === 0 ? undefined : newest },
    example: `model show ${name}`,
  };
  return { ok: false, code: 'VERSION_UNKNOWN', details };
}
