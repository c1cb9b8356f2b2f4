import type { Actor, GitHubPlace, Place, Role, SlackPlace } from './actor.ts';
import type { Alert } from './alerts/alert-keys.ts';
import type { Heard } from './alerts/judge-alert.ts';
import type { BaselineFilter, BaselineWish } from './baseline.ts';
import type { Chart } from './chart.ts';
import type { Check } from './check.ts';
import type { EarlyStop, Trial } from './early-stop.ts';
import type { Elevation, ReviewRefusal, Verdict } from './elevation.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import type { Freeze, FreezeScope } from './freeze.ts';
import type { GitHubSource } from './github-source.ts';
import type { GroupState } from './groups.ts';
import type { CommitApproval, HeadPush } from './head-for.ts';
import type { ProposedHead } from './head-summary.ts';
import type { LostDelivery } from './lost-delivery.ts';
import type { Better } from './metric-direction.ts';
import type { LeftOut, Refusal, RefusedPoint } from './metric-points.ts';
import type { MlflowCursor } from './mlflow.ts';
import type { Pace } from './pace.ts';
import type { Links } from './people.ts';
import type { Policy, Priority } from './project.ts';
import type { Deploying } from './promotion/deployment.ts';
import type { Evaluation } from './promotion/evaluation.ts';
import type { Evidence } from './promotion/evidence.ts';
import type { ModelEnvironment, ModelPolicy } from './promotion/model-keys.ts';
import type {
  Promotion,
  PromotionChange,
  PromotionEvent,
  PromotionTransition,
} from './promotion/promotion.ts';
import type { StepUpWish } from './promotion/step-up.ts';
import type { Model, ModelVersion, NewVersion } from './promotion/version.ts';
import type { Rate } from './rate.ts';
import type { Reply, Tone } from './reply.ts';
import type { PullRequest, RepositoryRef } from './repository-event.ts';
import type { RepositoryFile, Rule, Schedule } from './repository-file.ts';
import type {
  Run,
  RunChange,
  RunEvent,
  RunKind,
  RunSpec,
  RunState,
  StoppingReason,
  StopReason,
  Transition,
} from './run.ts';
import type { Decision, Room } from './scheduler/world.ts';
import type { Sweep, SweepMember, SweepSpec } from './sweep.ts';
import type { Delivery } from './webhook.ts';

/* ---- runs ---- */

export interface NewRun {
  /** Unique per wish; a run that carries it already is returned instead of a second one. */
  key: string;
  spec: RunSpec;
  priority: Priority;
  requestedBy: Actor;
  place: Place;
  at: Date;
}

export interface RunFilter {
  kinds?: readonly RunKind[];
  /** Accounts, as `actorKey` writes them: whoever asked by any of them. */
  requesters?: readonly string[];
  project?: string;
  team?: string;
  states?: readonly RunState[];
  limit: number;
  /** Only runs with a smaller number: the next page. */
  before?: number;
}

/** As it was reported: `sortPoints` says whether it is kept. */
export interface MetricPoint {
  name: string;
  step: number;
  value: number;
  /** The run named no step; it is the number of the line among such. */
  counted?: true | undefined;
}

/** A value and where it stood; of equal ones the lowest step. */
export interface MetricExtreme {
  value: number;
  step: number;
}

/** What is known of one metric of a run. `step` and `value` are its last: of the highest step that its newest attempt reported. */
export interface MetricSummary {
  name: string;
  step: number;
  value: number;
  /** Points, of all attempts. */
  count: number;
  least: MetricExtreme;
  most: MetricExtreme;
  /** The step of what it reported last, where that was not finite: then `value` is not its last word. */
  notFinite?: number;
}

export interface MetricSeries {
  name: string;
  /** By step. */
  points: { step: number; value: number }[];
}

/** What of one node a run was given. */
export interface RunShare {
  pool: string;
  node: string;
  kind: 'gpu' | 'cpu';
  /** As the machine counts them. */
  indices: number[];
}

/** How a run comes forward, and what of its reports was left out. */
export interface Reported {
  leftOut: LeftOut;
  /** Null: it has named no step. */
  pace: Pace | null;
  /** Since when its machine is heard without a gap; null: it is silent. */
  heardSince: Date | null;
  /** The rules over its metrics that held, in the order in which that was said. */
  alerts: FiredAlert[];
}

/** A rule over the metrics of a run that held once. */
export interface FiredAlert extends Alert {
  /** Its place in the list of the run, from 0. */
  rule: number;
  /** Its numbers then, in one sentence. */
  sentence: string;
  at: Date;
}

/** Rules over what runs report. */
export interface AlertStore {
  /**
   * Runs at work that have rules and have reported something since they were looked at, or whose time has come, and those that succeeded since
   * and have: with what their newest attempt reported, and the rules that were said already. `reports`: how much of it was seen.
   */
  due(now: Date): Promise<{ run: Run; metrics: Heard[]; fired: number[]; reports: number }[]>;
  /** Which epoch it was at these steps; a run that reports none has none. */
  epochs(run: number, steps: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /**
   * Says it in the run's thread and, before its end, in its history, and stops the run where it `stops`, unless it was said before. Answers the
   * surfaces to look at; null: the run is being stopped, or no longer in that attempt or state, so that it is to be looked at anew.
   */
  fire(
    alert: { run: Run; rule: number; stops: boolean; sentence: string; reason: string; content: Reply },
    now: Date,
  ): Promise<string[] | null>;
  /** They were looked at; again once it has reported more than that, or then. */
  judged(run: Pick<Run, 'number'>, reports: number, again: Date | null): Promise<void>;
}

export interface MetricsTaken {
  taken: number;
  refused: Partial<Record<Refusal, number>>;
}

/** Runs that may have come to a halt. */
export interface StallStore {
  /** Those whose last step came before that. */
  quiet(before: Date): Promise<{ run: Run; pace: Pace; heardSince: Date | null }[]>;
  /**
   * Wants its messages shown again, and says it once in its thread where it was not said of this step; where it has made another one since,
   * nothing is said. Answers the surfaces to look at.
   */
  tell(run: Run, pace: Pace, content: Reply): Promise<string[]>;
}

export interface RunStore {
  /**
   * Stores the run as `queued`, with its events, its surfaces, its audit row and a wish for planning, in one transaction. A repeat of
   * the key returns the first run with `created: false`.
   */
  create(run: NewRun): Promise<{ run: Run; created: boolean }>;
  get(number: number): Promise<Run | null>;
  newestNumber(): Promise<number | null>;
  list(filter: RunFilter): Promise<Run[]>;
  /** The best first, with that metric; without what has no such value. Of equal ones the newest first. */
  sorted(filter: RunFilter, order: RunOrder): Promise<{ run: Run; metric: MetricSummary }[]>;
  /** Those that were asked for at pull requests of a repository and are of this commit, the newest first. */
  atCommit(repo: number, sha: string): Promise<Run[]>;
  /** Runs before this one in its pool's queue. */
  ahead(run: Run): Promise<number>;
  /** What its newest attempt was given, released or not. */
  shares(run: Pick<Run, 'number' | 'attempt'>): Promise<RunShare[]>;
  events(number: number, afterSeq?: number): Promise<(RunEvent & { seq: number })[]>;
  /**
   * Reads the run under a row lock, applies `transition`, and stores run, events, released accelerators, wanted surfaces, audit and
   * the wish for planning in one transaction.
   */
  change(
    number: number,
    change: RunChange,
    now: Date,
    actor: Actor,
  ): Promise<Transition | { ok: false; code: 'not-found' }>;
  /** A run that is shown nowhere is shown there from now on. */
  showAt(number: number, place: Place): Promise<void>;
  metrics(number: number): Promise<MetricSummary[]>;
  /**
   * The curves of these metrics, in this order; a name that the run never reported is left out. Of a metric with more than `most` points
   * (at least 4) at most so many: its first and its last, and whatever stands out.
   */
  series(number: number, names: readonly string[], most: number): Promise<MetricSeries[]>;
  /** What else is known of what a run reports. */
  reported(number: number): Promise<Reported>;
  /**
   * Stores the points that are kept, and remembers of the others that they were not. Idempotent per (run, name, step): the first value
   * stays, except where a later attempt repeats the step. Answers how many are kept now.
   */
  addPoints(
    number: number,
    attempt: number,
    points: readonly MetricPoint[],
    refused?: readonly RefusedPoint[],
    now?: Date,
  ): Promise<MetricsTaken>;
}

/** What a list of runs is sorted by. `best`: of any run, where it is known which way the metric gets better. */
export interface RunOrder {
  metric: string;
  by: 'final' | 'best';
  better: Better | null;
}

export interface NewSweep {
  /** Unique per wish; a sweep that carries it already is returned instead of a second one. */
  key: string;
  spec: SweepSpec;
  members: readonly RunSpec[];
  priority: Priority;
  requestedBy: Actor;
  place: Place;
  at: Date;
}

export interface SweepStore {
  /**
   * Stores the sweep and all its runs, each as `RunStore.create` does but for messages of their own, with the one message of the sweep, in
   * one transaction. A repeat of the key returns what is there with `created: false`.
   */
  create(sweep: NewSweep): Promise<{ sweep: Sweep; runs: Run[]; created: boolean }>;
  get(number: number): Promise<Sweep | null>;
  newestNumber(): Promise<number | null>;
  /** Its runs in the order of their values, each with the sweep's metric and what counts its progress. */
  members(sweep: Pick<Sweep, 'number' | 'spec'>): Promise<SweepMember[]>;
  /** Its open members are to be stopped, whoever sees to that; `false`: it has ended. Of several the first one who asked is kept. */
  cancel(number: number, actor: Actor): Promise<boolean>;
}

/** Sweeps as work for whoever tends them. */
export interface SweepWork {
  /** Those that have not ended and that it is time to look at, some at a time: those after this number. */
  open(after: number, limit: number): Promise<Sweep[]>;
  /** Its message is to be made true, where anything of its members changed since it was wanted last. */
  show(number: number): Promise<void>;
  /** Takes the turn to look at it, and nobody has another for so long; `false`: it is not time yet. */
  turn(number: number, pauseMs: number): Promise<boolean>;
  /** Members at work that nobody has found hopeless, with at least so many values of the sweep's metric. */
  trials(sweep: Sweep, values: number): Promise<(Trial & { run: number })[]>;
  /** One was found hopeless. What was found first stays. */
  found(run: number, stop: EarlyStop, at: Date): Promise<void>;
  /** It ends, if all its members have, once; and that is told once. The messages to show. */
  end(number: number, at: Date): Promise<string[]>;
}

export interface BaselineStore {
  /** Runs that succeeded and that the filter does not rule out, the newest first; only with smaller numbers than `before`. */
  candidates(filter: BaselineFilter, limit: number, before?: number): Promise<Run[]>;
  /** The other run that made what served last in the environment `production` of a model of the project, by the time given; null: none did. */
  inProduction(filter: Pick<BaselineFilter, 'project' | 'run' | 'endedBy'>): Promise<Run | null>;
}

/** Where people can see code. */
export interface CodePages {
  /** How a commit of a project's source differs from another; null: its repository has no such page. */
  diff(source: string, from: string, to: string): string | null;
}

/** What runs are held against where nobody names another. */
export interface Baselines {
  /** `run` null: there is none yet. Null: the run is held against nothing, ever. */
  of(run: Run): Promise<{ wish: BaselineWish; run: Run | null } | null>;
}

export interface RunCosts {
  /** What was held for a run until now or until it let go: accelerator-hours, and what they cost by the prices of those hours. */
  of(run: number, now: Date): Promise<{ hours: number; money: number }>;
}

/* ---- models ---- */

/** What a model is declared as: of which project, and which output of its runs. */
export interface DeclaredModel {
  name: string;
  project: string;
  output: string;
  /** Whether runs of pull requests make versions too. */
  pullRequests: boolean;
}

/** A run that has succeeded with outputs, claimed by whoever looks whether it makes versions. */
export interface Candidate {
  run: number;
  /** When it became one. */
  at: Date;
  claim: number;
  failures: number;
}

export interface ModelStore {
  all(): Promise<Model[]>;
  get(name: string): Promise<Model | null>;
  version(model: string, number: number): Promise<ModelVersion | null>;
  /** The newest first; only with smaller numbers than `before`. */
  versions(model: string, limit: number, before?: number): Promise<ModelVersion[]>;
  /** What a run made. */
  ofRun(run: number): Promise<ModelVersion[]>;
  /** The newest that was made from one of these commits; null: none was. */
  newestOf(model: string, commits: readonly string[]): Promise<ModelVersion | null>;
  /**
   * Notes what a model is. Of one that is new, or of another project or output than before, the newest run that has made its output is looked
   * at; earlier ones make no versions.
   */
  declare(model: DeclaredModel): Promise<void>;
  /** Claims runs that nobody has looked at, those that ended first before the others; one whose metrics are still being read waits a while. */
  claim(limit: number): Promise<Candidate[]>;
  keep(candidate: Candidate): Promise<boolean>;
  /** All versions that it makes are made. */
  looked(candidate: Candidate): Promise<void>;
  /** It is looked at again after `pauseMs`; never where it is given up. */
  failed(candidate: Candidate, error: string, pauseMs: number, givenUp: boolean): Promise<void>;
  /**
   * Makes the version, once for each run: made already, it is answered as it is. Its content is kept from then on. `content`: what it is made
   * of is not kept any more, or is other content than that. `undeclared`: nobody has declared such a model.
   */
  make(
    version: NewVersion,
  ): Promise<
    { ok: true; version: ModelVersion; created: boolean } | { ok: false; code: 'content' | 'undeclared' }
  >;
}

/** What a repository's `.signalbox.yml` says on its default branch; `content` is null where there is none. */
export interface ModelFile {
  source: string;
  sha: string;
  content: string | null;
  readAt: Date;
}

export interface ModelFileStore {
  /** As they were read last. */
  all(sources: readonly string[]): Promise<ModelFile[]>;
  /**
   * Those that were not read since (null: for a minute), each for one caller, and what time it is there; others get them again after a
   * while.
   */
  take(sources: readonly string[], since: Date | null): Promise<{ source: string; at: Date }[]>;
  read(file: ModelFile): Promise<void>;
  /** It cannot be read now; what it said before still holds. */
  failed(source: string, error: string): Promise<void>;
}

/** What a name in a model's registry is to mean: that of an environment is the version that serves there. */
export interface ModelAlias {
  model: string;
  alias: string;
  /** Null: none serves there any more. */
  number: number | null;
  at: Date;
  /** When somebody else last meant another version by it, and which (as the registry calls it; null: none); it was put back. */
  moved: { to: string | null; at: Date } | null;
}

/** A registry did not do what was asked of it; `missing`: it knows no such model or version. */
export class RegistryError extends Error {
  readonly outcome: 'missing' | 'away' | 'refused' | 'odd';
  constructor(message: string, outcome: RegistryError['outcome'], options?: ErrorOptions) {
    super(message, options);
    this.name = 'RegistryError';
    this.outcome = outcome;
  }
}

/** A place where versions of models are written down. All of it throws `RegistryError`. */
export interface RegistryPort {
  /**
   * Writes a version down, once however often it is asked for, and answers what it is called there. `key`: its own in all installations;
   * `link`: where people see what made it.
   */
  register(name: string, version: ModelVersion, about: { key: string; link: string | null }): Promise<string>;
  /** What a version is called that an alias means; null: there is no such alias. */
  alias(name: string, alias: string): Promise<string | null>;
  /** Lets an alias mean a version that is there; null: none any more. Nothing keeps others from doing so at the same moment. */
  setAlias(name: string, alias: string, remote: string | null): Promise<void>;
  /** Where people see a version. */
  address(name: string, remote: string): string | null;
}

/** A version that is to be written down in a registry. */
export interface RegistryEntry {
  model: string;
  number: number;
  registry: string;
  claim: number;
  failures: number;
}

/** An alias whose meaning is to be looked at. */
export interface AliasLook {
  model: string;
  alias: string;
  number: number | null;
  /** What it meant when it was looked at last, and in which registry; null: that was never. */
  registry: string | null;
  known: string | null;
  moves: number;
  claim: number;
  failures: number;
}

export interface RegistryStore {
  aliases(model?: string): Promise<ModelAlias[]>;
  /** From now on an alias is to mean this version. The one who serves says it; said again it is looked at again. */
  want(model: string, alias: string, number: number | null, now: Date): Promise<void>;
  /** What a version is called in a registry; null: it is not there yet. */
  remote(model: string, number: number, registry: string): Promise<string | null>;
  /** All versions of these models are to be written down in these registries. */
  expect(models: readonly { model: string; registry: string }[]): Promise<void>;
  claimEntries(limit: number): Promise<RegistryEntry[]>;
  keepEntry(entry: RegistryEntry): Promise<boolean>;
  registered(entry: RegistryEntry, remote: string): Promise<void>;
  entryFailed(entry: RegistryEntry, error: string, pauseMs: number): Promise<void>;
  claimAliases(limit: number): Promise<AliasLook[]>;
  keepAlias(look: AliasLook): Promise<boolean>;
  /**
   * It means there what it should. `moved`: what somebody else had let it mean. It is looked at again after `pauseMs` (null: only when it is
   * to mean something else), or at once where it is to mean something else by now.
   */
  aligned(
    look: AliasLook,
    seen: {
      registry: string;
      known: string | null;
      moved: { to: string | null } | null;
      pauseMs: number | null;
    },
    now: Date,
  ): Promise<void>;
  aliasFailed(look: AliasLook, error: string, pauseMs: number): Promise<void>;
  /** Somebody says that something of these models has changed in their registry: their aliases are looked at now. */
  changed(models: readonly string[]): Promise<void>;
}

/** What is known of the registries, for those who look. */
export interface RegistryView {
  /** By name; of one model, or of all. */
  aliases(model?: string): Promise<ModelAlias[]>;
  /** What a version is called in the registry that its model has now; null: it has no other than Signalbox, or is not there yet. */
  registered(
    version: Pick<ModelVersion, 'model' | 'number'>,
    policy: ModelPolicy | null,
  ): Promise<{ remote: string; address: string | null } | null>;
  /** Where people reach Signalbox; null: nowhere that is known. */
  address: string | null;
}

/** What is declared now, in `signalbox.yml` and in the repositories. */
export interface ModelPolicies {
  all(): Promise<ReadonlyMap<string, ModelPolicy>>;
}

/** A version that has come to serve somewhere, and when. */
export interface Served {
  version: number;
  at: Date;
}

export interface NewPromotion
  extends Pick<
    Promotion,
    | 'kind'
    | 'model'
    | 'version'
    | 'environment'
    | 'before'
    | 'requestedBy'
    | 'place'
    | 'reason'
    | 'needed'
    | 'expiresAt'
  > {
  /** The intent's key: a promotion that carries it already is returned instead of a second one. */
  key: string;
  /** Where else it has a message, such as the pull request of the run that made the version. */
  alsoAt: readonly Place[];
  at: Date;
}

/** A version that serves in an environment, since when, and by which promotion. */
export interface Live {
  environment: string;
  version: number;
  promotion: number;
  since: Date;
}

export interface PromotionStore {
  /**
   * Stores it as `evaluating`, with its message, event and audit row, in one transaction. One of the same model and environment whose
   * rollout has not begun is superseded in it, unless it is for the same version: then that one is answered, `created: false`, as it is
   * where one is moving to that version, and where a rollback is open, which no promotion takes the place of. Where other than `before` serves
   * by now, a rollback is not stored, and what has brought that is answered.
   */
  create(
    wish: NewPromotion,
  ): Promise<{ promotion: Promotion; created: boolean; superseded: Promotion | null }>;
  get(number: number): Promise<Promotion | null>;
  /** Those that are not over, the oldest first. */
  open(): Promise<Promotion[]>;
  /** The newest first; only with smaller numbers than `before`. */
  ofModel(model: string, limit: number, before?: number, environment?: string): Promise<Promotion[]>;
  events(number: number): Promise<(PromotionEvent & { seq: number; evidence: string | null })[]>;
  /** What serves in each environment of a model: the versions of its last promotions that came to their end well. */
  live(model: string): Promise<Live[]>;
  /** The version that served in an environment before the one that serves there; null: none did. */
  servedBefore(model: string, environment: string): Promise<number | null>;
  /** All versions that have served in an environment, each once, with when it last came to; the latest first. */
  served(model: string, environment: string): Promise<Served[]>;
  /** Whether a version has served in an environment at any time. */
  wasLive(model: string, version: number, environment: string): Promise<boolean>;
  /**
   * Reads it under a row lock, applies `changed`, and stores it, its events, answers, evidence, wanted messages and audit row in one
   * transaction. `busy`: another one's rollout is under way there, or has ended since this one was judged beside what served, and this
   * one's may not begin.
   */
  change(
    number: number,
    change: PromotionChange,
    now: Date,
    actor: Actor,
    /** With `judged`: what its digest stands for. */
    evidence?: Evidence,
  ): Promise<PromotionTransition | { ok: false; code: 'not-found' | 'busy' }>;
  /**
   * Stores the run that evaluates its version, and that it waits for it, in one transaction; the run that it waited for before is stopped in
   * it. Nothing where the promotion waits for another run than `instead` by now. Once it is not evaluated any more its run is stopped with it.
   */
  evaluate(
    number: number,
    wish: { spec: RunSpec; instead: number | null },
    now: Date,
  ): Promise<PromotionTransition | { ok: false; code: 'not-found' | 'busy' }>;
  /** Runs that have evaluated a version, with all of their metrics: the first of each key. */
  evaluations(model: string, version: number): Promise<Evaluation[]>;
  /** What was decided on. */
  evidence(number: number, digest: string): Promise<Evidence | null>;
  /** The id by which a button in this place of Slack says what it is about; the same one again. `id`: random, for a new one. */
  button(wish: { id: string; promotion: number; evidence: string; place: SlackPlace }): Promise<string>;
  /** What a button is about, where it was put; null: there is none such there. */
  pressed(id: string, place: Place): Promise<{ promotion: number; evidence: string } | null>;
  /**
   * What its message at an issue or pull request showed at a time: the digest of the evidence where it asked for an answer, else its state.
   * Null: nothing.
   */
  shownAt(number: number, place: GitHubPlace, at: Date): Promise<string | null>;
  /** Says something once in the threads of its messages; a repeat of the key says nothing. */
  remark(number: number, key: string, content: Reply): Promise<void>;
}

/** What keeps a rollout from beginning, or from going on, each as one sentence; null: nothing does. */
export interface RolloutHeld {
  frozen: string | null;
  quiet: string | null;
}

/** Brings a promotion that is approved to where it serves. */
export interface RolloutPort {
  /** Whether there is a way to this target now. */
  reaches(target: string): boolean;
  /** Takes it one step further, as far as that is known to be time; done again, it goes on from where it is. */
  next(promotion: Promotion, held: RolloutHeld, now: Date): Promise<void>;
}

/** One promotion as it is to be decided on now. */
export interface Looked {
  promotion: Promotion;
  /** Null: it is no longer declared what it asks for, or not measured yet. */
  evidence: Evidence | null;
  environment: ModelEnvironment | null;
}

export interface PromotionDesk {
  /** Gathers the evidence, and stores what follows from it; what is over or moving stays as it is. Null: there is no such promotion. */
  look(number: number, now: Date): Promise<Looked | null>;
  reaches(target: string): boolean;
}

/* ---- logs ---- */

export interface LogStore {
  /** The pool that the attempt was given to; null: there is no such attempt. */
  poolOf(number: number, attempt: number): Promise<string | null>;
  /** Bytes of the attempt's log that are known. */
  size(number: number, attempt: number): Promise<number>;
  /**
   * Appends when `offset` is exactly what is known, else stores nothing. Answers what is known now. Points found in the text are stored
   * in the same transaction, so that neither is ever there twice.
   */
  append(
    number: number,
    attempt: number,
    offset: number,
    text: string,
    points: MetricPoint[],
  ): Promise<number>;
  /** Text from `offset` (bytes) on, at most `limit` bytes, cut at a line's end where there is one. `dropped`: that offset is no longer kept. */
  read(
    number: number,
    attempt: number,
    offset: number,
    limit: number,
  ): Promise<{ text: string; next: number; dropped: boolean }>;
  /** The last lines. */
  tail(number: number, attempt: number, lines: number): Promise<string[]>;
}

/* ---- what runs stood on, and what they made ---- */

/** A file by its content. */
export interface FileDigest {
  /** With `/` between folders, relative to where it was looked for. */
  name: string;
  /** `sha256:` and 64 hexadecimal digits. */
  sha256: string;
  bytes: number;
}

/** A declared output of an attempt, kept by content. */
export interface Artifact extends FileDigest {
  attempt: number;
}

/** What the machine of an attempt says of itself; null: it cannot tell. */
export interface MachineFacts {
  node: string;
  system: string;
  cpus: number;
  memoryMb: number;
  accelerators: { model: string; count: number }[];
  /** Version of the accelerators' driver. */
  driver: string | null;
  python: string | null;
  /** The files in the source that say what is installed. */
  locks: FileDigest[];
  /** One digest for all of `locks`; null where there are none. */
  environment: string | null;
}

/** What a run held, added up over its attempts. */
export interface Held {
  acceleratorHours: number;
  /** By the prices of when they were given out, in the currency of the policy. */
  cost: number;
}

export interface RunRecord {
  artifacts: Artifact[];
  /** Of the newest attempt that has said something. */
  inputs: FileDigest[];
  machine: MachineFacts | null;
  held: Held;
}

export interface RecordStore {
  /** The outputs of the newest attempt that has any, by name. Those of a run that succeeded are whole. */
  artifacts(run: number): Promise<Artifact[]>;
  /** Digests of the declared inputs by name, of the newest attempt that has any. */
  inputs(run: number): Promise<Record<string, string>>;
  of(run: number, now: Date): Promise<RunRecord>;
  /** What a machine says before the command starts. Said again, the first word stays. */
  began(
    run: number,
    attempt: number,
    said: { inputs: readonly FileDigest[]; machine: MachineFacts },
  ): Promise<void>;
  /** Content that is about to be named by an artifact: from now on it is not removed for a day. Those that are not stored, or are being removed. */
  expect(files: readonly FileDigest[]): Promise<string[]>;
  /** It is in the store now. `false`: it is being removed. */
  stored(content: { sha256: string; bytes: number }): Promise<boolean>;
  /** All outputs of an attempt at once, each of which is stored; else nothing, and which are not. */
  keep(run: number, attempt: number, files: readonly FileDigest[]): Promise<string[]>;
  /** Whether any output of the attempt is kept. */
  hasOutputs(run: number, attempt: number): Promise<boolean>;
  /**
   * Takes some content that nobody has wanted for a day, that no artifact names and nobody holds: nobody else is given it within the hour,
   * and it counts as gone.
   */
  takeUnused(most: number): Promise<string[]>;
  /** It was removed from the store. */
  removed(sha256: string): Promise<void>;
}

/** Where the content of artifacts is kept, by its digest (`sha256:...`): written once, never changed. */
export interface ArtifactStore {
  /**
   * Keeps what the stream brings, if that is exactly this content; until all of it was compared nobody finds it. Repeated, it is harmless.
   * Throws `ContentMismatch`, after which nothing of it is kept.
   */
  put(
    content: AsyncIterable<Uint8Array>,
    expected: { sha256: string; bytes: number },
  ): Promise<{ sha256: string; bytes: number }>;
  /** Null: it is not here. */
  open(sha256: string): Promise<{ bytes: number; content: AsyncIterable<Uint8Array> } | null>;
  has(sha256: string): Promise<boolean>;
  /** Also where it is not here. */
  remove(sha256: string): Promise<void>;
}

/**
 * Reads all of a content and answers its first bytes, `most` at most; null: it is not in the store. Throws `ContentMismatch` where it is
 * other content.
 */
export type ContentExaminer = (
  content: Pick<FileDigest, 'sha256' | 'bytes'>,
  most: number,
) => Promise<Uint8Array | null>;

/** What arrived is not what was announced. */
export class ContentMismatch extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContentMismatch';
  }
}

/* ---- planning ---- */

export interface Accelerator {
  node: string;
  /** Index on the node; CPU slots are counted in their own row with kind `cpu`. */
  index: number;
  kind: 'gpu' | 'cpu';
  /** As Kubernetes names it: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`, `amd.com/gpu`, `cpu`. */
  resource: string;
  /** By what its driver is asked for it, most often a UUID; null: by its index. */
  device: string | null;
  model: string;
  memoryMb: number;
  healthy: boolean;
}

export interface PoolState {
  name: string;
  accelerators: Accelerator[];
  /** Last word from its agent; null: never. */
  seenAt: Date | null;
  reachable: boolean;
}

export interface PlanSnapshot {
  /** `planner.epoch` as read; a plan is committed only while it still stands. */
  epoch: number;
  /** The wishes for planning that this snapshot answers. */
  wantedSeq: number;
  pools: PoolState[];
  /** What operators hold back, in the order in which it was asked for. */
  freezes: Freeze[];
  /** Held accelerators. */
  held: { pool: string; node: string; kind: 'gpu' | 'cpu'; index: number; run: number }[];
  queued: QueuedRun[];
  /** Runs that hold accelerators. */
  working: WorkingRun[];
  /** What teams have had, as of a moment: accelerator-seconds, each halved with every half-life since. What is held comes on top. */
  served: { team: string; served: number; at: Date }[];
  /** What teams have spent since this month's first (UTC) on what they no longer hold. */
  spent: { team: string; amount: number }[];
}

export interface QueuedRun {
  number: number;
  /** Where it waits now. */
  pool: string;
  /** Where it may go, in the order in which it is tried. */
  pools: readonly string[];
  project: string;
  team: string;
  gpus: number;
  gpuModel: string | null;
  priority: Priority;
  queuedAt: Date;
  /** For each attempt, with all extensions. */
  timeLimitS: number;
  graceS: number;
  kind: RunKind;
  /** The cost that somebody approved; null: nobody has. */
  approved: number | null;
  /** Where the last plan has made room for it; null: nowhere. */
  room: Room | null;
}

export interface WorkingRun {
  number: number;
  kind: RunKind;
  pool: string;
  project: string;
  team: string;
  priority: Priority;
  /** When its attempt was given them. */
  since: Date;
  /** When its command began; null: not yet. */
  startedAt: Date | null;
  timeLimitS: number;
  graceS: number;
  stopping: StoppingReason | null;
  /** Its machine may be refused it still. */
  untaken: boolean;
  /** As it was when it started; null: nobody had named it then. */
  flavor: string | null;
  /** For one accelerator and one hour. */
  price: number;
}

export interface PlanStore {
  snapshot(now: Date): Promise<PlanSnapshot>;
  /**
   * Commits all decisions in one transaction that moves the epoch on; `false` when the epoch had moved: nothing was stored. Only what they
   * change is written. A decision about a run that has changed meanwhile is left out: that change has asked for another plan.
   */
  commit(
    snapshot: Pick<PlanSnapshot, 'epoch' | 'wantedSeq'>,
    decisions: readonly Decision[],
    now: Date,
  ): Promise<boolean>;
  /** Whether something changed since the last committed plan. */
  wanted(): Promise<boolean>;
}

/* ---- what operators hold back, and who is one for a while ---- */

export interface FreezeStore {
  /** Those that stand, in the order in which they were asked for. */
  standing(): Promise<Freeze[]>;
  /**
   * Holds back what it names, with its audit row and a wish for planning; a plan that was made before is discarded. `made: false`: it is
   * held back already, by the one that is returned, unless that is what the same key has made before. A repeat of the key does no more
   * than it did first.
   */
  freeze(wish: {
    key: string;
    kind: Freeze['kind'];
    scope: FreezeScope;
    why: string;
    by: Actor;
    place: Place;
    at: Date;
  }): Promise<{ freeze: Freeze; made: boolean }>;
  /** Ends it, with its audit row and a wish for planning; null where none stands. A repeat of the key returns what it lifted, and lifts no other. */
  lift(wish: {
    key: string;
    kind: Freeze['kind'];
    scope: FreezeScope;
    by: Actor;
    at: Date;
  }): Promise<Freeze | null>;
  /** Drains that stand, whose last run has ended and whose asker does not know yet. */
  drained(): Promise<{ freeze: Freeze; place: Place }[]>;
  /** Their asker knows. */
  told(id: number, at: Date): Promise<void>;
}

export interface ElevationStore {
  newestOf(actor: Actor): Promise<Elevation | null>;
  /**
   * `made: false`: the person has one open under any of their accounts, which is returned, unless the same key has made it. Of two at once
   * one is made.
   */
  open(wish: {
    key: string;
    actor: Actor;
    /** All of the person, the actor's among them. */
    accounts: readonly string[];
    why: string;
    until: Date;
    at: Date;
  }): Promise<{ elevation: Elevation; made: boolean }>;
  /** Ends the open one of any of their accounts; null where there is none. A repeat of the key returns what it ended. */
  end(wish: { key: string; actor: Actor; accounts: readonly string[]; at: Date }): Promise<Elevation | null>;
  /** Stores what a second person thinks of it. A repeat of the key changes nothing. */
  review(wish: {
    key: string;
    id: number;
    by: Actor;
    /** Whether an account is the reviewer's too. */
    isSelf(other: Actor): boolean;
    verdict: Verdict;
    note: string;
    at: Date;
  }): Promise<
    | { ok: true; elevation: Elevation }
    | { ok: false; code: 'unknown' }
    | { ok: false; code: ReviewRefusal; elevation: Elevation }
  >;
  /** Those not reviewed, open or not, the oldest first. */
  unreviewed(limit: number): Promise<Elevation[]>;
}

/* ---- agents ---- */

export interface Assignment {
  run: number;
  attempt: number;
  spec: RunSpec;
  node: string;
  kind: 'gpu' | 'cpu';
  indices: number[];
  /** Set when the attempt is to be stopped. */
  stop: StopReason | null;
  /** See `Run.taken`. */
  taken: string | null;
}

/** A machine's word that it wants to begin an attempt, under a key that it has kept. */
export interface Take {
  run: number;
  attempt: number;
  key: string;
}

export interface AgentStore {
  /** Records that the agent lives and what its machine has; wakes planning when that changed. */
  seen(pool: string, accelerators: Accelerator[], now: Date): Promise<void>;
  /**
   * The attempts that still are the pool's, and that nobody has taken, are taken: Signalbox does not take them back any more. `null`: the
   * agent is from before attempts were taken, or has yet to look around, and may have begun what it has not taken.
   */
  take(pool: string, takes: readonly Take[] | null): Promise<void>;
  /** Attempts that belong on the pool now. */
  assignments(pool: string): Promise<Assignment[]>;
}

/* ---- deliveries and surfaces: rows with work to do ---- */

/**
 * Work on a row is claimed for some seconds by the database's clock, and kept for as long as the worker lives. What a worker writes
 * carries the number of its claim: one that was paused for longer finds that another has taken over, and its late writes change nothing.
 */
export interface Claim {
  claim: number;
}

export interface NewDelivery<Body = string> {
  source: Delivery['source'];
  kind: string;
  deliveryId: string;
  body: Body;
}

export interface DeliveryStore {
  /** Stores durably before it resolves; of bytes, those of the text in UTF-8. `duplicate`: known already. `conflict`: the same id with another body. */
  store(
    delivery: NewDelivery<string | Uint8Array>,
  ): Promise<{ id: number; outcome: 'stored' | 'duplicate' | 'conflict' }>;
  /** Claims it for some seconds; null when it is done, claimed by another, or not due. */
  claim(id: number): Promise<(Delivery & Claim) | null>;
  /** The claim holds for some seconds from now; `false` where it is another's. */
  keep(delivery: { id: number } & Claim): Promise<boolean>;
  done(delivery: { id: number } & Claim): Promise<void>;
  /** Gives it back, to be tried again after a growing pause; after many tries it is laid aside and counted. */
  /** It is tried again after a growing pause, and not before `waitMs`. */
  failed(delivery: { id: number } & Claim, error: string, waitMs?: number): Promise<void>;
  /** Ids of those not done, not claimed and due. */
  due(limit: number): Promise<number[]>;
}

/** What GitHub could not tell, and how far its list was read. */
export interface LostDeliveries {
  /** Takes the turn to look, and forgets what is older; up to which attempt the list was read. Null: it is not time yet. */
  begin(oldest: Date): Promise<number | null>;
  /** What the list says since then, and how far it is read now. */
  record(read: { arrived: string[]; lost: LostDelivery[]; newest: number }): Promise<void>;
  /** Those that may be asked for now, and how often they were. */
  due(limit: number): Promise<(LostDelivery & { asks: number })[]>;
  /** It is about to be asked for, and not again for so long. */
  asking(guid: string, pauseMs: number): Promise<void>;
  forget(guid: string): Promise<void>;
  /** Nobody looks for so long. */
  hold(ms: number): Promise<void>;
}

/**
 * One message somewhere. `run`: shows the present state of a run, edited in place; `check`: the same at a commit on GitHub; `ended`, `preempted`, `stalled`,
 * `alert` and `warning` tell of it in its thread, all but the last once. `sweep`: shows the present state of a sweep
 * and of all its members, edited in place; `sweep-ended` tells its end in its thread. `promotion`, `remark`: the same for a promotion, and
 * once in its thread. `note`: says its content once. `reaction`: a sign at what somebody said. `home`: no message, but
 * one person's Home, where all is shown that concerns them. Of a commit on GitHub: `summary`: the check that sums up its runs; `file`: the
 * check of the `.signalbox.yml` that it brings; `proposal`: what is said of that at its pull request, edited in place.
 */
export interface Surface {
  id: string;
  kind:
    | 'run'
    | 'check'
    | 'ended'
    | 'preempted'
    | 'stalled'
    | 'alert'
    | 'warning'
    | 'sweep'
    | 'sweep-ended'
    | 'note'
    | 'reaction'
    | 'home'
    | 'summary'
    | 'file'
    | 'proposal'
    | 'promotion'
    | 'remark';
  run: number | null;
  promotion: number | null;
  /** Whose message it is, or in whose thread it belongs: a member of a sweep has no message of its own. */
  sweep: number | null;
  place: Place;
  /** For `note`, `reaction`, `preempted`, `stalled`, `alert` and `proposal`. */
  content: Reply | null;
  /** For `summary` and `file`: their commit, and what is known of it. */
  commit: { sha: string; head: ProposedHead | null } | null;
  /** Written into the message's metadata, to find it again after a crash. */
  nonce: string;
  /** Where the message is, once it is known. */
  remote: { channel: string; ts: string } | null;
  /** The run's own message, for those that belong into its thread. */
  thread: { channel: string; ts: string } | null;
  /** There never will be one: it could not be posted. */
  threadGone: boolean;
  /** Hash of what was last sent. */
  shownHash: string | null;
  /** At what stage the run was then (`stageOf`). */
  shownStage: string | null;
  /** When a first post was begun whose end is not known. */
  postingSince: Date | null;
  wantedSeq: number;
  attempts: number;
}

export type ClaimedSurface = Surface & Claim;

/** Leases that end soon, as work for whoever warns their holders. */
export interface LeaseStore {
  /** Those that are held, and whose holder was not warned before the end that they have now. */
  ending(now: Date): Promise<Run[]>;
  /**
   * Its holder is warned, where that can be, before the end that comes with this time limit (seconds); once, however often it is asked.
   * The message, if there is one.
   */
  warn(run: Pick<Run, 'number' | 'place'>, limitS: number): Promise<string | null>;
}

/** What was asked for and held in a stretch of time, of accelerators alone. */
export interface UsageRow {
  /** What is added up. */
  by: 'all' | 'team' | 'person' | 'project';
  /** The team, the project, or the account (`slack:T1/U1`); empty for all together. */
  name: string;
  /** As people see it. */
  shown: string;
  runs: number;
  /** Accelerator-hours: the time limits of what was begun or went on then, whole. */
  askedHours: number;
  /** Accelerator-hours that were held then. */
  heldHours: number;
  /** What they cost, by the prices of when they were given out. */
  cost: number;
}

export interface UsageStore {
  /** The largest of each kind first, at most `limit` of each. */
  between(filter: { since: Date; until: Date; team?: string; limit: number }): Promise<UsageRow[]>;
}

export interface SurfaceStore {
  /** Of a `reaction`, the tone of the content says which. */
  addNote(key: string, place: Place, content: Reply, kind?: 'note' | 'reaction'): Promise<string>;
  /** Somebody looks at their Home: it is to be made true. `isEmpty`: what was shown there is gone. */
  openHome(place: SlackPlace, isEmpty: boolean): Promise<string>;
  /** Homes that somebody opened lately are to be made true where runs or machines changed since; those shown as `moving` now and then. */
  wantHomes(): Promise<void>;
  claim(id: string): Promise<ClaimedSurface | null>;
  /** The claim holds for some seconds from now; `false` where it is another's. */
  keep(surface: ClaimedSurface): Promise<boolean>;
  /** Written before a first post leaves; `false` when the claim is lost. */
  posting(surface: ClaimedSurface): Promise<boolean>;
  /**
   * What is shown now. Not due again before `pauseMs` have passed. Where the claim is another's by now, what was sent so late may stand
   * over something newer: the message is due again, and sent whatever is known to be there. `stage`: of its run;
   * of a Home `moving` where what it shows changes by the clock.
   */
  shown(
    surface: ClaimedSurface,
    hash: string,
    remote: Surface['remote'],
    pauseMs: number,
    stage?: string,
  ): Promise<void>;
  /** To be tried again after `pauseMs`. */
  failed(surface: ClaimedSurface, error: string, pauseMs: number): Promise<void>;
  /**
   * It waits for something else, which is no failure of its own; looked at again after `pauseMs`. Nothing was posted since it was
   * claimed.
   */
  waits(surface: ClaimedSurface, why: string, pauseMs: number): Promise<void>;
  /** Its place cannot show it: it belongs to another one from now on, and is due there at once. */
  move(surface: ClaimedSurface, place: Place, why: string): Promise<void>;
  /** Never tried again: the place is gone, or refused for good. */
  gaveUp(surface: ClaimedSurface, error: string): Promise<void>;
  /** Surfaces of a sweep that do not show what is true. */
  ofSweep(number: number): Promise<string[]>;
  /** Surfaces of a run. */
  ofRun(number: number): Promise<string[]>;
  /** Surfaces of these runs that do not show what is true; some, where there are very many. */
  unshown(runs: readonly number[]): Promise<string[]>;
  /**
   * Ids of those to be shown now, so that of each place some are among them: what was never shown and ends first, then what changed, then
   * progress.
   */
  due(limit: number): Promise<string[]>;
}

/* ---- audit and tokens ---- */

export interface AuditEntry {
  actor: Actor;
  /** `run.request`, `run.cancel`, `token.create`, `command.refused`, ... */
  action: string;
  /** `run:42`, `token:ci`, `pool:local`. */
  subject: string;
  outcome: 'done' | 'refused';
  details: Record<string, unknown>;
}

export interface AuditRow extends AuditEntry {
  /** Its place in the chain, from 1 without gaps. */
  seq: number;
  at: Date;
}

/** What fits all that is given. */
export interface AuditFilter {
  /** Whoever fits any of these. */
  by?: {
    /** `slack:T1/U1`. */
    keys: readonly string[];
    /** An identity without its kind and workspace: `U1`, a token's id. */
    ids: readonly string[];
    /** As people saw them then, in any case. */
    names: readonly string[];
  };
  /** Exactly this; a token is found by its name too. */
  subject?: string;
  action?: string;
  since?: Date;
  limit: number;
}

/**
 * Where the chain breaks. `changed`: the row does not hold what it held. `missing`, `moved`, `inserted`: rows were removed, reordered or
 * put in. `head`: what is known of the chain's end is wrong, or rows after it are.
 */
export interface AuditBreak {
  seq: number;
  kind: 'changed' | 'missing' | 'moved' | 'inserted' | 'head';
  why: string;
}

export interface AuditLog {
  append(entry: AuditEntry, now: Date): Promise<void>;
  /** Newest first. */
  list(filter: AuditFilter): Promise<AuditRow[]>;
  /** Walks the chain from the start; `broken` names the first row that does not fit, `rows` counts those before it. */
  verify(): Promise<{ rows: number; broken: AuditBreak | null }>;
}

export const scopes = ['runs:read', 'runs:write', 'admin', 'agent'] as const;
export type Scope = (typeof scopes)[number];

export interface Token {
  id: string;
  name: string;
  scopes: Scope[];
  /** For agents: the only pool it may serve. */
  pool: string | null;
  createdAt: Date;
  /** To the minute. */
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export interface TokenStore {
  /** The secret is returned once and stored hashed. */
  create(
    token: { name: string; scopes: Scope[]; pool?: string },
    now: Date,
  ): Promise<{ token: Token; secret: string }>;
  find(secret: string): Promise<Token | null>;
  /** Whose secret it was, of one that is revoked. */
  findRevoked(secret: string): Promise<Token | null>;
  list(): Promise<Token[]>;
  /** By id or name. `by`: who wants it, where that is not the machine's own operator. */
  revoke(id: string, now: Date, by?: Actor): Promise<boolean>;
  /** The token that one attempt's command gets, and its check. Nothing is stored: it is a keyed hash, valid while the attempt is. */
  forAttempt(run: number, attempt: number): Promise<string>;
  attemptOf(secret: string): Promise<{ run: number; attempt: number } | null>;
}

/** Writes down that a token was refused. Nobody waits for it, and it never throws. */
export interface TokenRefusals {
  /** A secret that is no token's now: written down where it was one's that is revoked. Else there is nobody to name. */
  unknown(secret: string, place: Place['kind']): void;
  /** A token that may not do what `word` names: a scope, a pool's agent, another run. */
  beyond(actor: Actor, word: string, place: Place['kind']): void;
}

/** Words that leave Signalbox and come back, such as a button's value: readable by all, and nobody else can make or change them. */
export interface Signer {
  sign(text: string): Promise<string>;
  /** The text that was signed; null where anything of it was changed. */
  read(value: string): Promise<string | null>;
}

/** The Slack app in one workspace, or on a whole organisation (then `team` is null). */
export interface Installation {
  team: string | null;
  enterprise: string | null;
  /** What people call the workspace or the organisation. */
  name: string;
  botToken: string;
  botUser: string;
  scopes: string[];
  /** User id of whoever installed it. */
  installedBy: string;
}

export interface InstallationStore {
  /** Replaces what was there for the workspace or organisation. */
  save(installation: Installation, now: Date): Promise<void>;
  /** The one of the workspace, else of its organisation, unless revoked. Throws `SECRET_KEY_MISSING`. */
  find(team: string | null, enterprise: string | null): Promise<Installation | null>;
  /**
   * `false`: nothing was there to revoke. With `installedBefore`, one that is newer stays; with `botToken`, one that has another token
   * stays.
   */
  revoke(
    which: { team: string | null; enterprise: string | null },
    why: string,
    now: Date,
    only?: { installedBefore?: Date; botToken?: string; botUsers?: readonly string[] },
  ): Promise<boolean>;
}

/* ---- pictures ---- */

export interface PictureLook {
  format: 'png' | 'svg';
  theme: 'light' | 'dark';
}

export interface PicturePort {
  /** The chart as a picture; null: too many wait already. Throws where it cannot be drawn. */
  draw(chart: Chart, look: PictureLook): Promise<Uint8Array | null>;
}

/** Curves of runs, with what they are held against behind them. */
export interface RunCharts {
  /** Of one metric, with at most so many points a curve (60); null: the run has no curve of it. */
  of(run: Run, metric: string, most?: number): Promise<Chart | null>;
  /** Addresses where it can be seen as a picture for some thirty days from then; null: Signalbox has no address of its own. */
  pictures(run: Run, metric: string, from: Date): Promise<{ light: string; dark: string } | null>;
}

/* ---- outside ---- */

export type Resolved =
  | { ok: true; sha: string }
  | { ok: false; code: 'unknown'; refs: string[] }
  | { ok: false; code: 'ambiguous'; reason: string }
  /** `cause`: what was thrown, where it was; it may say when to ask again. */
  | { ok: false; code: 'unavailable'; reason: string; cause?: unknown };

export interface SourceFile {
  /** By its content, as Git names it. */
  id: string;
  /** A link leads anywhere, also out of the repository, and is not followed. */
  isPlain: boolean;
  /** Bytes. */
  size: number;
  text(): Promise<string>;
}

export interface CommitStanding {
  /** The default branch's commit. */
  head: string;
  /** Whether the default branch has it. */
  isInHead: boolean;
  /** The others that have it. */
  branches: string[];
}

export interface SourcePort {
  /** The commit that a ref of a project's source is now, or the digest of a plain folder. */
  resolve(source: string, ref: string): Promise<Resolved>;
  /** The content at a commit as a tar stream. */
  archive(source: string, sha: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Keeps a commit of a repository on GitHub that is named in full, also one that only a pull request has; `unknown`: GitHub gives out no such.
   */
  pin(source: string, sha: string): Promise<Resolved>;
  /** A file of a commit that is kept; null: there is none such. Throws `SOURCE_UNAVAILABLE`. */
  file(source: string, sha: string, path: string): Promise<SourceFile | null>;
  /**
   * Where a commit that is kept stands in a repository on GitHub: the default branch as it is now, and which branches have the commit. Throws
   * `SOURCE_UNAVAILABLE`.
   */
  standing(source: string, sha: string): Promise<CommitStanding>;
  /**
   * The files that differ between two commits that are kept, or between a commit and where its branch left the other (`since: 'fork'`); all
   * of the second where there is no first. Throws `SOURCE_UNAVAILABLE`.
   */
  changed(source: string, from: string | null, to: string, since: 'from' | 'fork'): Promise<string[]>;
  /**
   * Whether a branch of a repository on GitHub has this commit, as far as what was fetched of it says; of other sources `false`. Throws
   * `SOURCE_UNAVAILABLE`.
   */
  isOnBranch(source: string, sha: string, branch: string): Promise<boolean>;
}

/* ---- repositories on GitHub ---- */

export interface RepositoryStore extends HeadStore, RepositoryFileStore {
  /**
   * The app is told of this repository, as it is called now. Answers which of these sources mean it: whichever repository has a name first
   * keeps it, by its id, whatever it is called later; one that went to another owner is none of them, until signalbox.yml names that owner.
   * Of one that none means nothing is stored.
   */
  seen(repository: RepositoryRef, sources: readonly GitHubSource[]): Promise<GitHubSource[]>;
  /** The repository that a name means, or that has this id; null: none was seen. */
  find(source: GitHubSource): Promise<RepositoryRef | null>;
  /** Stores a push, once however often it is told. `pull`: null where it was told of a branch. */
  pushed(push: HeadPush & { repo: number; pull: number | null; branch: string | null }): Promise<void>;
  /** What was told of a pull request's head; `branch`: where it is one of this repository, null where it is a fork's. */
  pushes(repo: number, pull: number, branch: string | null): Promise<HeadPush[]>;
  /** Stores that somebody approved a commit, once for each key. */
  approve(wish: { key: string; repo: number; pull: number; sha: string; by: Actor; at: Date }): Promise<void>;
  approvals(repo: number, pull: number): Promise<CommitApproval[]>;
  /** The last that is known of each head: of a pull request, or of a branch. */
  heads(
    repo: number,
  ): Promise<(Pick<HeadPush, 'after' | 'at'> & { pull: number | null; branch: string | null })[]>;
  /** The rules were asked about a commit that came to a branch, and what they wanted is stored. */
  arrive(arrival: Arrival & { repo: number; branch: string; sha: string }): Promise<void>;
  /** Null: nobody asked them yet. */
  arrival(repo: number, branch: string, sha: string): Promise<Arrival | null>;
  /** Numbers of the runs that a pull request set off and that have not ended. */
  openRuns(repo: number, pull: number): Promise<number[]>;
  /** The pull requests that have such runs. */
  pullsWithRuns(repo: number): Promise<number[]>;
}

export interface Arrival {
  /** The pull request by whose merge it came; null: nobody knew of one. */
  pull: number | null;
  /** Whether that is certain. */
  settled: boolean;
}

/** When repositories are looked at, by the clock of the database. */
export interface LookStore {
  /**
   * Takes the turn to look at a repository, for `claimMs` at most. Null: it is another worker's, or somebody looked less than `everyMs` ago.
   * `isWhole`: for a day nobody read the lists whatever their tags say.
   */
  begin(repo: number, everyMs: number, claimMs: number): Promise<Look | null>;
  /** All up to then is known. */
  done(repo: number, look: Pick<Look, 'tags' | 'isWhole'> & { until: Date }): Promise<void>;
  /** Nobody looks for so long. */
  hold(repo: number, ms: number): Promise<void>;
}

export interface Look {
  /** Since the first look, and up to when. Null: it was never looked at. */
  known: { from: Date; until: Date } | null;
  /** By which GitHub says that a list is as it was. */
  tags: Readonly<Record<string, string>>;
  isWhole: boolean;
}

/** A list as GitHub gives it. `at`: when, by its clock. */
export interface Listed<T> {
  at: Date;
  /** Null: there is none. */
  tag: string | null;
  /** Null: it is as it was when it had the tag that was given. */
  items: T[] | null;
  /** There is more, which was not read. */
  isCut: boolean;
}

/** A branch that is at another commit, as GitHub remembers it. */
export interface BranchMove {
  at: Date;
  branch: string;
  /** Null: the branch is new. */
  before: string | null;
  after: string;
  forced: boolean;
  by: string;
}

/** What is in a repository now, whoever told of it. By its id, whatever it is called. Throws where GitHub cannot be asked. */
export interface RepositoryLists {
  /** As it is called now, and by which installation it is reached; null: it is out of reach, or another one has its name. */
  find(repository: RepositoryRef): Promise<RepositoryRef | null>;
  /** The one that has this name; null: there is none, or the app is not installed there. */
  named(name: string): Promise<RepositoryRef | null>;
  /** Newest first, back to that time. */
  moves(repository: RepositoryRef, since: Date, tag: string | null): Promise<Listed<BranchMove>>;
  openPulls(repository: RepositoryRef, tag: string | null): Promise<Listed<PullRequest>>;
  /** Those that were merged since, by what. */
  merged(
    repository: RepositoryRef,
    since: Date,
    tag: string | null,
  ): Promise<Listed<{ number: number; branch: string; sha: string | null }>>;
  /** How a pull request came to its end; null: it is open, or not there. */
  closed(
    repository: RepositoryRef,
    number: number,
  ): Promise<{ pull: PullRequest; at: Date; by: string; merged: string | null } | null>;
}

/** What is known of the heads of pull requests, and what was merged, by their commits. */
export interface HeadStore {
  /**
   * Stores what was found, and wants it shown: in the check of the file where there is one, in the summary where `isSummed` or there is one
   * already, and in the comment at its pull request. `isChange`: only where something was said there before. What was found of an older head
   * is not said any more. The surfaces that no longer show what is true.
   */
  found(found: {
    place: GitHubPlace;
    sha: string;
    /** When it became the head. */
    at: Date;
    problems: ProposedHead['problems'];
    buttons: ProposedHead['buttons'];
    isSummed: boolean;
    comment: { content: Reply; isChange: boolean } | null;
  }): Promise<string[]>;
}

/** A rule that is due, as it was when it was read last. */
export interface DueSchedule {
  repo: RepositoryRef;
  rule: string;
  /** The moment that it is due for. */
  at: Date;
}

/** What the default branches of repositories say, as they were read last. */
export interface RepositoryFileStore {
  /** What is known of this one is to be looked at again at once. */
  lookSoon(repo: number): Promise<void>;
  /** Repositories that are to be looked at now, and not again for so long by anybody. */
  looks(pauseMs: number): Promise<RepositoryRef[]>;
  /** What the default branch says now. A schedule that is as it was keeps its moment; `next` is that of another one. */
  filed(file: {
    repo: number;
    sha: string;
    projects: RepositoryFile['projects'];
    schedules: { rule: string; schedule: Schedule; next: Date }[];
  }): Promise<void>;
  /** Rules that are due, each for one asker for so long. */
  dueSchedules(now: Date, holdMs: number): Promise<DueSchedule[]>;
  /** It was done, and is due again then; null: it is no more. */
  scheduled(due: DueSchedule, next: Date | null): Promise<void>;
  /** What repositories say of their projects, and the sources that mean them. */
  said(
    sources: readonly GitHubSource[],
  ): Promise<{ source: GitHubSource; projects: RepositoryFile['projects'] }[]>;
}

/** Pull requests as GitHub has them now. Throws where it cannot be asked. */
export interface PullRequestsPort {
  get(repository: RepositoryRef, number: number): Promise<PullRequest | null>;
  /** The one by whose merge this commit came into its base branch; null: there is none. */
  mergedBy(repository: RepositoryRef, sha: string): Promise<PullRequest | null>;
  /** What a review says now; null: it is gone, was dismissed, or says neither. */
  review(repository: RepositoryRef, pull: number, review: number): Promise<'approve' | 'reject' | null>;
}

export interface DeploymentStatus {
  state: 'queued' | 'in_progress' | 'success' | 'failure' | 'error' | 'inactive';
  /** Cut to 140 characters. */
  description: string;
  logUrl: string | null;
  /** Where it is at work. */
  environmentUrl: string | null;
}

/** That a commit goes to an environment, as its repository on GitHub shows it. Throws where GitHub cannot be asked. */
export interface DeploymentsPort {
  /** Begins one, once for each mark, also where the answer was lost: its id. Nothing else has to be green for it. */
  begin(wish: {
    repository: RepositoryRef;
    sha: string;
    environment: string;
    mark: string;
    description: string;
    isProduction: boolean;
    payload?: Readonly<Record<string, string | number>>;
  }): Promise<number>;
  /** Says how it goes; what was said last is not said again. What it replaces is `inactive` only once that is told of it. */
  tell(repository: RepositoryRef, deployment: number, status: DeploymentStatus): Promise<void>;
}

/** A promotion of which something is to be told at its commit. */
export interface DeploymentWork extends Deploying {
  source: string;
  sha: string;
  /** Which made the version. */
  run: number;
  /** Its id on GitHub; null: it was not begun, or nobody heard that it was. */
  deployment: number | null;
  wanted: number;
  failures: number;
  claim: number;
}

/** What is to be shown of promotions on GitHub. It is wanted in the transaction that changes a promotion. */
export interface DeploymentStore {
  /** Each is one asker's for some seconds. */
  claim(limit: number): Promise<DeploymentWork[]>;
  keep(work: DeploymentWork): Promise<boolean>;
  begun(work: DeploymentWork, deployment: number): Promise<void>;
  /** It was told what was so when it was claimed; what came since is told after `pauseMs`. */
  shown(work: DeploymentWork, pauseMs: number): Promise<void>;
  failed(work: DeploymentWork, error: string, pauseMs: number, givenUp: boolean): Promise<void>;
}

type PullFailed = { ok: false; code: ErrorCode; details: ErrorDetails };

/** What a command at a pull request is about. Throws where GitHub cannot be asked. */
export interface PullHeads {
  /**
   * The commit that whoever said it saw, or that they named in `said` (null: none), kept; and the policy as the base branch has it, with the
   * projects of that repository alone.
   */
  at(
    place: GitHubPlace,
    said: string | null,
    policy: Policy,
  ): Promise<
    | {
        ok: true;
        sha: string;
        branch: string;
        /** Where it goes. */
        base: string;
        source: string;
        policy: Policy;
        /** The base branch's, that can be said by their names. */
        rules: Record<string, Rule>;
      }
    | PullFailed
  >;
  /**
   * The policy with what the repository of a project says of it at a commit that was asked for elsewhere than at a pull request. A commit that
   * is in no branch which the default branch trusts (itself, and those of its merge rules) or that was `proposed` is run as the default
   * branch says.
   */
  commit(
    wanted: { project: string; source: string; sha: string; proposed: boolean },
    policy: Policy,
  ): Promise<{ ok: true; policy: Policy } | PullFailed>;
  /** A commit of a fork may run, until something is pushed. */
  approve(
    wish: { place: GitHubPlace; said: string; key: string; by: Actor; role: Role },
    policy: Policy,
  ): Promise<{ ok: true; sha: string } | PullFailed>;
}

/** A place that can show messages. */
export interface MessengerPort {
  /** Posts or edits; `remote` is where it is now. Throws `MessengerError`. */
  send(message: OutgoingMessage): Promise<{ remote: Surface['remote'] }>;
  /**
   * Finds a message by nonce whose post was begun at `since` and never heard of again, in `thread` where it was to go there; null: not
   * there, or the place may not be read.
   */
  find(
    place: Place,
    nonce: string,
    since: Date,
    thread?: Surface['thread'],
    check?: Check,
  ): Promise<Surface['remote']>;
  /** Sets a sign at what somebody said in this place; there already, it stays. Throws `MessengerError`. Absent: there are no signs. */
  react?(place: Place, tone: Tone): Promise<void>;
  /** Shows the Home of the place's person. Throws `MessengerError`. */
  home(place: Place, content: Reply): Promise<{ remote: Surface['remote'] }>;
  /** Where only the person of this place hears it. Throws `MessengerError`. */
  direct(place: Place): Promise<Place>;
}

export interface OutgoingMessage {
  place: Place;
  content: Reply;
  nonce: string;
  remote: Surface['remote'];
  thread: Surface['thread'];
  /** It is a check run of GitHub instead of a message. */
  check?: Check | undefined;
  /** It only says how far something is, and can wait for what matters more. */
  patient?: boolean;
}

/** What may be called how often, counted for all processes together. */
export interface RateBudget {
  /** Takes one of each, or of none: then `waitMs` is how long until all may be there, else 0. */
  reserve(rates: readonly Rate[]): Promise<{ waitMs: number }>;
  /** Nobody gets one of this key for so long. */
  hold(key: string, ms: number): Promise<void>;
}

/**
 * `retry`: later, not before `afterMs`. `elsewhere`: not in this place, the person may be reached directly. `left`: the person is no
 * longer there. `gone`: never. `busy`: it was not even tried, or refused as too much at a time, so that nothing was done.
 */
export class MessengerError extends Error {
  readonly outcome: 'retry' | 'elsewhere' | 'left' | 'gone';
  readonly afterMs: number;
  readonly busy: boolean;
  constructor(
    message: string,
    outcome: MessengerError['outcome'],
    afterMs: number,
    options?: ErrorOptions & { busy?: boolean },
  ) {
    super(message, options);
    this.busy = options?.busy ?? false;
    this.name = 'MessengerError';
    this.outcome = outcome;
    this.afterMs = afterMs;
  }
}

/** Groups of people, where they are kept. Names as `groupName` takes them. */
export interface GroupsPort {
  /** The accounts in it (`slack:T1/U1`, `github:octocat`); null: it is not there, or disabled. Throws `GroupUnreadable`. */
  members(group: string): Promise<readonly string[] | null>;
}

/** Nobody can say now who is in a group. `busy`: only for the moment, as too much was asked at a time. */
export class GroupUnreadable extends Error {
  readonly afterMs: number;
  readonly busy: boolean;
  constructor(message: string, afterMs: number, options?: ErrorOptions & { busy?: boolean }) {
    super(message, options);
    this.name = 'GroupUnreadable';
    this.afterMs = afterMs;
    this.busy = options?.busy ?? false;
  }
}

/* ---- MLflow ---- */

export interface MlflowPoint {
  /** May be NaN or infinite. */
  value: number;
  /** Milliseconds since 1970, by the clock of whoever logged it. */
  timestamp: number;
  step: number;
}

/** A metric with the point that MLflow holds for its latest: that of the highest step. */
export interface MlflowMetric extends MlflowPoint {
  name: string;
}

/** A run in MLflow that carries the tags of Signalbox. */
export interface MlflowRun {
  id: string;
  experiment: string;
  /** By its tag. */
  attempt: number;
  /** Milliseconds since 1970. */
  startedAt: number;
  /** It is part of another. */
  isNested: boolean;
  latest: MlflowMetric[];
}

/** A tracking server of MLflow. Everything here throws `MlflowError`. */
export interface MlflowPort {
  /** Runs with this key in their tags, the oldest first; so many at most. */
  find(key: string, most: number): Promise<MlflowRun[]>;
  /** Null: it is not there, or was deleted. */
  get(id: string): Promise<MlflowRun | null>;
  /** A page of a metric's points by their time; empty where there is no such metric. `next`: the page after it; null: there is none. */
  history(
    id: string,
    name: string,
    token: string | null,
    most: number,
  ): Promise<{ points: MlflowPoint[]; next: string | null }>;
  /** Where people see it. */
  address(run: Pick<MlflowRun, 'id' | 'experiment'>): string;
}

/** `away`: it does not answer, or has too much to do. `refused`: it wants other credentials. `odd`: its answer is none that can be read. */
export class MlflowError extends Error {
  readonly outcome: 'away' | 'refused' | 'odd';
  constructor(message: string, outcome: MlflowError['outcome'], options?: ErrorOptions) {
    super(message, options);
    this.name = 'MlflowError';
    this.outcome = outcome;
  }
}

/** How far the metrics of a run are read from MLflow. */
export interface MlflowFollow extends Claim {
  run: number;
  /** Null: nobody has looked yet. */
  cursor: MlflowCursor | null;
  /** Looks in a row that failed. */
  failures: number;
}

export interface MlflowFollows {
  /** What is in the tags of the run's runs in MLflow, and of no other's in any installation. */
  keyOf(run: number): Promise<string>;
  /** These runs are followed until they have ended and all is read. */
  begin(runs: readonly number[]): Promise<void>;
  /** Claims those that are due: while a run is at work now and then, after an attempt has ended once more. */
  claim(limit: number): Promise<MlflowFollow[]>;
  keep(follow: MlflowFollow): Promise<boolean>;
  /**
   * How far it is read now; nothing where the claim is another's. `address`: where people see it. `endedAttempt`: all is read of an attempt
   * that was over when the look began. `done`: it is never looked at again.
   */
  looked(
    follow: MlflowFollow,
    state: {
      cursor: MlflowCursor;
      address: string | null;
      endedAttempt: number | null;
      done: boolean;
      pauseMs: number;
    },
  ): Promise<void>;
  /** Looked at again after `pauseMs`; never where it is given up. */
  failed(follow: MlflowFollow, pauseMs: number, givenUp: boolean): Promise<void>;
}

/* ---- wake-ups ---- */

/** `deliveries` (those that are due), `surface:<uuid>`, `plan`: says only what to look at. */
export type WakeSubject = 'deliveries' | `surface:${string}` | 'plan';

export interface Wakeups {
  /** Never waits long and never throws: a lost wake-up is made up for by the sweep. */
  wake(subjects: WakeSubject[]): void;
}

export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** All that commands may ask for. */
export interface LinkStore {
  all(): Promise<Links>;
  /**
   * A code with which another account can be linked with this one until then; the same wish gets the same code. An older one of the account
   * is void. Only its digest is kept.
   */
  issue(account: string, wish: string, until: Date): Promise<string>;
  /**
   * Uses up a code: from now on the account belongs with the one that asked for it, and whatever was linked with it. `unknown`: no such code,
   * used or out of time. `own`: it was asked for by the account itself. `taken`: the account is linked with another already.
   */
  redeem(
    account: string,
    code: string,
    actor: Actor,
    now: Date,
  ): Promise<{ ok: true; with: string } | { ok: false; why: 'unknown' | 'own' | 'taken' }>;
  /** Takes an account out of its group. Whether it was in one. */
  unlink(account: string, actor: Actor, now: Date): Promise<boolean>;
}

/** What was read of the groups, and when. */
export interface GroupStore {
  /** The groups in which any of these accounts is; none that was read too long ago. */
  of(accounts: readonly string[], now: Date): Promise<string[]>;
  /** What is known of each, in the same order. */
  states(names: readonly string[]): Promise<GroupState[]>;
  /** Those that are due; they are due again at `again`, for whichever worker asks first. */
  take(names: readonly string[], now: Date, again: Date): Promise<string[]>;
  /** Due again then. */
  postpone(name: string, next: Date): Promise<void>;
  /** A read begins. What it finds is kept under its number, unless something newer is known by then. */
  begin(name: string): Promise<number>;
  /** `members` null: there is no such group. `recovered`: it could not be read before. */
  store(
    name: string,
    ticket: number,
    members: readonly string[] | null,
    now: Date,
  ): Promise<{ stored: boolean; recovered: boolean }>;
  /** It could not be read; due again at `next`. `first`: before, it could. */
  failed(name: string, ticket: number, error: string, next: Date): Promise<{ first: boolean }>;
  /** They are out of it, whatever a read says that began before. */
  remove(name: string, accounts: readonly string[]): Promise<void>;
}

/** A GitHub account: its number never changes, its login may, and somebody else may take the old one then. */
export interface GitHubUser {
  id: number;
  /** `github:octocat` */
  account: string;
}

export interface GitHubUsers {
  /**
   * GitHub says that these logins are theirs now. A link follows an account that has another login by now; one of a login that has gone to
   * somebody else ends.
   */
  seen(users: readonly GitHubUser[], now: Date): Promise<void>;
  /** Links the account of a browser that GitHub vouched for with the one that asked. `taken`: it is another person's. */
  link(
    user: GitHubUser,
    asked: string,
    actor: Actor,
    now: Date,
  ): Promise<{ ok: true } | { ok: false; why: 'taken' }>;
}

/** Words that may be used once. */
export interface OnceStore {
  /** `false`: it was used before. */
  use(nonce: string, until: Date, now: Date): Promise<boolean>;
}

/** The pages on which a person shows that a GitHub account is theirs. */
export interface GitHubLinking {
  /** The address of the first of them, for this actor alone and until then; null: GitHub is not configured. */
  startAddress(actor: Actor, until: Date): Promise<string | null>;
}

/** What links that ask for a second factor are about. */
export interface StepUpStore {
  /** Stores it under a random id, or answers the id under which the same wish (`key`) is stored already. */
  ask(one: { id: string; key: string; until: Date; wish: StepUpWish }): Promise<string>;
  get(id: string): Promise<{ wish: StepUpWish; used: boolean } | null>;
  /** `false`: it was used before. */
  use(id: string, now: Date): Promise<boolean>;
}

/** The pages on which a person shows a second factor for an approval. */
export interface StepUp {
  /** Whether a provider is configured. */
  isOn: boolean;
  /** The address of the first of them, for this wish alone and until then; the same one again for the same `key`. */
  startAddress(wish: StepUpWish, key: string, until: Date): Promise<string>;
}

export interface Ports {
  pulls: PullHeads;
  github: GitHubLinking;
  links: LinkStore;
  groups: Pick<GroupStore, 'of'>;
  runs: RunStore;
  logs: LogStore;
  plan: PlanStore;
  source: SourcePort;
  audit: AuditLog;
  freezes: FreezeStore;
  elevations: ElevationStore;
  tokens: Pick<TokenStore, 'list' | 'revoke'>;
  usage: UsageStore;
  records: Pick<RecordStore, 'of' | 'artifacts'>;
  charts: RunCharts;
  models: Pick<ModelStore, 'all' | 'get' | 'version' | 'versions' | 'ofRun'>;
  modelPolicies: ModelPolicies;
  registry: RegistryView;
  promotions: PromotionStore;
  promotionDesk: PromotionDesk;
  stepUp: StepUp;
  sweeps: SweepStore;
  costs: RunCosts;
  baselines: Baselines;
  pages: CodePages;
}
