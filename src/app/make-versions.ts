import {
  type Candidate,
  type ContentExaminer,
  ContentMismatch,
  type Log,
  type ModelPolicies,
  type ModelStore,
  type RecordStore,
  type RunStore,
  type SourcePort,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { declaredOf, mayMake, mostJson, signatureIn, versionFrom } from '../core/promotion/made-of.ts';
import type { ModelPolicy } from '../core/promotion/model-keys.ts';
import type { Run } from '../core/run.ts';
import { isReadSince, type ModelFilePorts, readModelFiles } from './model-files.ts';
import { whileKept } from './while-kept.ts';

export interface MakeVersionsPorts extends ModelFilePorts {
  policy(): Policy;
  models: ModelStore;
  policies: ModelPolicies;
  runs: Pick<RunStore, 'get' | 'metrics'>;
  records: Pick<RecordStore, 'artifacts' | 'inputs'>;
  examine: ContentExaminer;
  source: Pick<SourcePort, 'resolve' | 'file'>;
  log: Log;
}

/** Of one worker. */
const atOnce = 2;
const mostPauseMs = 60_000;
/** About a minute. */
const triesForCard = 6;
/** Then somebody else has to look into it; the run can be repeated. */
const giveUpMs = 24 * 3_600_000;

/**
 * Makes versions of what runs put out. Level-triggered: runs that nobody has looked at are in the store, and what is found half done is done
 * again. Any number of workers may do this; a run is one's at a time, and makes one version of a model whoever comes.
 */
export async function makeVersions(ports: MakeVersionsPorts, clock: () => Date): Promise<void> {
  // 1. Models as they are declared now.
  const [declared, known] = await Promise.all([ports.policies.all(), ports.models.all()]);
  for (const [name, model] of declared) {
    const before = known.find(one => one.name === name);
    if (before?.project !== model.project || before.output !== model.output)
      await ports.models.declare(declaredOf(name, model));
  }
  // 2. Runs that have succeeded since.
  for (;;) {
    const candidates = await ports.models.claim(atOnce);
    await Promise.all(candidates.map(candidate => look(candidate, ports, clock)));
    if (candidates.length < atOnce) return;
  }
}

async function look(candidate: Candidate, ports: MakeVersionsPorts, clock: () => Date): Promise<void> {
  const { models, log } = ports;
  try {
    const isDone = await whileKept(
      () => models.keep(candidate),
      () => makeOf(candidate, ports, clock),
    );
    if (isDone) await models.looked(candidate);
    else await models.failed(candidate, 'its repository was not read yet', pauseAfter(candidate), false);
  } catch (err) {
    if (candidate.failures === 0)
      log.warn({ err, run: candidate.run }, 'a version could not be made of a run');
    const givenUp = clock().getTime() - candidate.at.getTime() > giveUpMs;
    if (givenUp) log.error({ err, run: candidate.run }, 'no version is made of a run any more');
    const reason = err instanceof Error ? err.message : String(err);
    await models.failed(candidate, reason, pauseAfter(candidate), givenUp);
  }
}

function pauseAfter({ failures }: Candidate): number {
  return Math.min(mostPauseMs, 1_000 * 2 ** Math.min(failures, 10));
}

/** `false`: what its repository says is not known yet. */
async function makeOf(
  { run: number, at, failures }: Candidate,
  ports: MakeVersionsPorts,
  clock: () => Date,
): Promise<boolean> {
  const run = await ports.runs.get(number);
  if (!run) return true;
  const { project } = run.spec;
  // 1. What was declared when it ended may have been pushed just before.
  await readModelFiles(ports.policy(), { since: at, project }, ports);
  const isKnown = await isReadSince(project, at, ports.policy(), ports.files);
  // 2. A version of each model that is made of it.
  const declared = await ports.policies.all();
  for (const [name, model] of declared) {
    if (!mayMake(run, model)) continue;
    // It may be new in what was read just now.
    await ports.models.declare(declaredOf(name, model));
    await makeOne(run, name, model, failures, ports, clock());
  }
  return isKnown;
}

async function makeOne(
  run: Run,
  name: string,
  model: ModelPolicy,
  failures: number,
  ports: MakeVersionsPorts,
  now: Date,
): Promise<void> {
  const { models, records, runs, log } = ports;
  const [artifacts, inputs, metrics, made] = await Promise.all([
    records.artifacts(run.number),
    records.inputs(run.number),
    runs.metrics(run.number),
    models.ofRun(run.number),
  ]);
  if (made.some(version => version.model === name)) return;
  const artifact = artifacts.find(one => one.name === model.output);
  if (!artifact)
    return log.info({ run: run.number, model: name }, 'a run has not the output that is the model');
  const about = { run: run.number, model: name, sha256: artifact.sha256 };
  try {
    // 1. Its content is still what was kept.
    const isJson = artifact.name.endsWith('.json') && artifact.bytes <= mostJson;
    const content = await ports.examine(artifact, isJson ? mostJson : 0);
    if (!content) return log.error(about, 'the content of an output is gone, and makes no version');
    // 2. What it says of itself.
    const signature = await signatureOf(model, isJson ? content : null, artifacts, ports);
    const card = await cardOf(run, model, failures, ports);
    // 3. The version.
    const found = { metrics, inputs, signature, card };
    const result = await models.make(versionFrom(run, name, artifact, found, now));
    if (!result.ok)
      return log.error({ ...about, code: result.code }, 'no version could be made of an output');
    if (result.created)
      log.info({ ...about, version: result.version.number }, 'a run made a version of a model');
  } catch (err) {
    if (!(err instanceof ContentMismatch)) throw err;
    log.error({ ...about, err }, 'the content of an output was changed, and makes no version');
  }
}

/** After some failures a version goes without its card: its file may be too large, or its repository gone. */
async function cardOf(
  { number, spec }: Run,
  { card }: ModelPolicy,
  failures: number,
  { source, log }: Pick<MakeVersionsPorts, 'source' | 'log'>,
): Promise<string | null> {
  if (card === undefined) return null;
  try {
    const file = await source.file(spec.source, spec.sha, card);
    return file?.isPlain ? await file.text() : null;
  } catch (err) {
    if (failures < triesForCard) throw err;
    log.warn({ err, run: number }, 'a version is made without its card, which cannot be read');
    return null;
  }
}

async function signatureOf(
  model: ModelPolicy,
  output: Uint8Array | null,
  artifacts: Awaited<ReturnType<RecordStore['artifacts']>>,
  { examine }: Pick<MakeVersionsPorts, 'examine'>,
): Promise<unknown> {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (model.signature === undefined) return output && signatureIn(text(output), false);
  const file = artifacts.find(one => one.name === model.signature);
  if (!file || file.bytes > mostJson) return null;
  const content = await examine(file, mostJson);
  return content && signatureIn(text(content), true);
}
