import { type ColumnType, type Generated, Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import type { Actor, Place } from '../../core/actor.ts';
import type { Verdict } from '../../core/elevation.ts';
import type { FileProblem } from '../../core/file-problem.ts';
import type { Freeze } from '../../core/freeze.ts';
import type { LeftOut } from '../../core/metric-points.ts';
import type { MlflowCursor } from '../../core/mlflow.ts';
import type { Pace } from '../../core/pace.ts';
import type { Accelerator, AuditEntry, MachineFacts, MetricSummary, Surface } from '../../core/ports.ts';
import type { Evidence } from '../../core/promotion/evidence.ts';
import type { Answer, Promotion, PromotionEvent, PromotionState } from '../../core/promotion/promotion.ts';
import type { ToldState } from '../../core/promotion/serving.ts';
import type { ModelVersion } from '../../core/promotion/version.ts';
import type { Reply } from '../../core/reply.ts';
import type { RepositoryFile, RuleButton } from '../../core/repository-file.ts';
import type {
  Failure,
  Preemption,
  Run,
  RunEvent,
  RunKind,
  RunSpec,
  RunState,
  StoppingReason,
} from '../../core/run.ts';
import type { SweepSpec } from '../../core/sweep.ts';
import type { Delivery } from '../../core/webhook.ts';

/** Rows as the driver gives them: `bigint` as number (numbers here stay far below 2^53), `timestamptz` as Date. */
export interface Tables {
  instance: { name: string; value: Buffer };
  runs: {
    number: Generated<number>;
    request_key: string;
    spec: Json<RunSpec>;
    project: string;
    team: string;
    pool: string;
    gpus: number;
    state: RunState;
    priority: number;
    requested_by: Json<Actor>;
    requester: string;
    place: Json<Place>;
    attempt: number;
    preemptions: Generated<number>;
    taken: string | null;
    preempted_by: Json<Preemption> | null;
    extra_s: Generated<number>;
    stopping: StoppingReason | null;
    stopped_by: Json<Actor> | null;
    waiting: Json<NonNullable<Run['waiting']>> | null;
    exit_code: number | null;
    failure: Json<Failure> | null;
    mlflow: string | null;
    created_at: Date;
    queued_at: Date | null;
    started_at: Date | null;
    ended_at: Date | null;
    kind: Generated<RunKind>;
    warned_s: number | null;
    sweep: number | null;
    /** As text, for it may have more digits than a double. */
    approved: ColumnType<string | null, number | null, number | null>;
    approved_by: Json<Actor> | null;
    approved_at: Date | null;
  };
  sweeps: {
    number: Generated<number>;
    request_key: string;
    spec: Json<SweepSpec>;
    requested_by: Json<Actor>;
    place: Json<Place>;
    created_at: Date;
    cancelled_by: Json<Actor> | null;
    ended_at: Date | null;
    seen: string | null;
    next_at: Generated<Date>;
  };
  sweep_stops: { run: number; step: number; value: number; median: number; completed: number; at: Date };
  extensions: { run: number; key: string; by_s: number; at: Date };
  run_events: {
    run: number;
    seq: number;
    type: RunEvent['type'];
    from_state: RunState;
    to_state: RunState;
    actor: Json<Actor>;
    reason: string;
    attempt: number;
    at: Date;
  };
  attempts: {
    run: number;
    attempt: number;
    /** Null: from before runs could change their pool. */
    pool: string | null;
    log_size: Generated<number>;
    log_start: Generated<number>;
  };
  log_chunks: { run: number; attempt: number; at_byte: number; content: Buffer };
  metric_points: { run: number; name: string; step: number; attempt: number; value: number };
  metric_summaries: {
    run: number;
    name: string;
    count: number;
    last_attempt: number;
    last_step: number;
    last_value: number;
    least_value: number;
    least_step: number;
    most_value: number;
    most_step: number;
  };
  metric_reports: {
    run: number;
    names: Generated<number>;
    points: Generated<number>;
    left_out: Json<LeftOut> | null;
    pace: Json<Pace> | null;
    /** Counts what has changed in it. */
    reports: Generated<number>;
    judged: Generated<number>;
    judge_at: Date | null;
  };
  run_alerts: { run: number; rule: number; attempt: number; sentence: string; at: Date };
  planner: {
    id: number;
    epoch: number;
    wanted_seq: number;
    seen_seq: number;
    changed_seq: Generated<number>;
    /** After so long, in seconds, what a team had counts half. */
    half_life_s: Generated<number>;
  };
  agents: { pool: string; seen_at: Date; takes: Generated<boolean>; back_at: Date | null };
  accelerators: {
    pool: string;
    node: string;
    kind: Accelerator['kind'];
    index: number;
    resource: string | null;
    device: string | null;
    model: string;
    memory_mb: number;
    healthy: boolean;
  };
  allocations: {
    id: Generated<number>;
    run: number;
    attempt: number;
    pool: string;
    node: string;
    kind: Accelerator['kind'];
    gpu: number;
    flavor: string | null;
    /** For one hour. */
    price: Generated<number>;
    held_at: Date;
    released_at: Date | null;
  };
  team_served: { team: string; served: number; at: Date };
  team_spent: { team: string; month: string; amount: number };
  deliveries: {
    id: Generated<number>;
    source: Delivery['source'];
    kind: string;
    delivery_id: string;
    body: Buffer;
    body_hash: Buffer;
    /** How the body is kept; null: as it came. */
    encoding: 'zstd' | null;
    received_at: Generated<Date>;
    done_at: Date | null;
    laid_aside: Generated<boolean>;
    error: string | null;
    claims: Generated<number>;
    claimed_until: Generated<Date>;
    next_at: Generated<Date>;
  };
  lost_deliveries: {
    guid: string;
    attempt: number;
    first_at: Date;
    asks: Generated<number>;
    next_at: Date;
  };
  lost_deliveries_read: { id: number; newest: number; next_at: Date };
  surfaces: {
    id: Generated<string>;
    key: string;
    kind: Surface['kind'];
    run: number | null;
    sweep: number | null;
    place: Json<Place>;
    content: Json<Reply> | null;
    /** Of a commit on GitHub, for what belongs to one. */
    sha: string | null;
    nonce: Generated<string>;
    remote: Json<NonNullable<Surface['remote']>> | null;
    shown_hash: string | null;
    posting_since: Date | null;
    wanted_seq: Generated<number>;
    seen_seq: Generated<number>;
    claims: Generated<number>;
    claimed_until: Generated<Date>;
    next_at: Generated<Date>;
    failures: Generated<number>;
    error: string | null;
    gave_up: Generated<boolean>;
    /** For a Home: when somebody looked at it last, and the `planner.changed_seq` that it was last wanted for. */
    opened_at: Date | null;
    seen_change: Generated<number>;
    shown_stage: string | null;
    promotion: number | null;
  };
  promotions: {
    number: Generated<number>;
    request_key: string;
    kind: Promotion['kind'];
    model: string;
    version: number;
    environment: string;
    before: number | null;
    requested_by: Json<Actor>;
    requester: string;
    place: Json<Place>;
    reason: string;
    state: PromotionState;
    evaluation: number | null;
    evidence: string | null;
    needed: number;
    step: number | null;
    step_at: Date | null;
    said: string;
    created_at: Date;
    expires_at: Date;
    ended_at: Date | null;
  };
  promotion_events: {
    promotion: number;
    seq: number;
    type: PromotionEvent['type'];
    from_state: PromotionState;
    to_state: PromotionState;
    actor: Json<Actor>;
    reason: string;
    evidence: string | null;
    at: Date;
  };
  promotion_answers: {
    promotion: number;
    seq: number;
    says: Answer['says'];
    by: Json<Actor>;
    person: string;
    evidence: string;
    reason: string;
    at: Date;
    factor_account: Generated<string | null>;
    factor_at: Generated<Date | null>;
    review: number | null;
  };
  step_ups: {
    id: string;
    request_key: string;
    promotion: number;
    evidence: string;
    actor: Json<Actor>;
    place: Json<Place>;
    reason: string;
    asked_at: Date;
    until: Date;
    used_at: Generated<Date | null>;
  };
  promotion_shown: { surface: string; shown: string; at: Generated<Date> };
  promotion_evidence: { promotion: number; digest: string; content: Json<Evidence>; at: Date };
  promotion_buttons: { id: string; promotion: number; evidence: string; team: string; channel: string };
  promotion_deployments: RegistryWork & {
    promotion: number;
    deployment: number | null;
    wanted: Generated<number>;
    shown: Generated<number>;
    gave_up: Generated<boolean>;
  };
  links: { account: string; person: string; linked_at: Date };
  link_codes: { account: string; hash: Buffer; until: Date };
  synced_groups: {
    name: string;
    ticket: Generated<number>;
    stored: Generated<number>;
    read_at: Date | null;
    gone: Generated<boolean>;
    error: string | null;
    next_at: Date;
  };
  group_members: { group_name: string; account: string };
  github_users: { id: number; account: string };
  github_repositories: { id: number; name: string; installation: number; look_at: Generated<Date> };
  /** Commits that are or were the head of a pull request. */
  github_heads: {
    repo: number;
    sha: string;
    pull: number;
    at: Date;
    problems: Json<readonly FileProblem[]> | null;
    buttons: Json<readonly RuleButton[]>;
  };
  /** What the default branch said of its projects when it was read last. */
  github_files: { repo: number; sha: string; projects: Json<RepositoryFile['projects']> };
  github_schedules: {
    repo: number;
    rule: string;
    cron: string;
    zone: string;
    next_at: Date;
    claimed_until: Generated<Date>;
  };
  /** By which signalbox.yml means a repository. */
  github_names: { name: string; repo: number };
  github_pushes: {
    repo: number;
    pull: number | null;
    branch: string | null;
    before: string | null;
    after: string;
    forced: boolean | null;
    at: Date;
    sight: Generated<boolean>;
  };
  github_looks: {
    repo: number;
    tried_at: Generated<Date>;
    claimed_until: Generated<Date>;
    first_at: Date | null;
    known_until: Date | null;
    whole_at: Generated<Date>;
    tags: Json<Record<string, string>>;
  };
  github_arrivals: {
    repo: number;
    branch: string;
    sha: string;
    pull: number | null;
    settled: boolean;
    at: Generated<Date>;
  };
  github_approvals: { key: string; repo: number; pull: number; sha: string; by: Json<Actor>; at: Date };
  used_states: { nonce: string; until: Date };
  rate_slots: { key: string; free_at: Generated<Date>; held_until: Generated<Date> };
  tokens: {
    id: Generated<string>;
    name: string;
    hash: Buffer;
    scopes: string[];
    pool: string | null;
    created_at: Date;
    last_used_at: Date | null;
    revoked_at: Date | null;
  };
  installations: {
    workspace: string;
    team: string | null;
    enterprise: string | null;
    name: string;
    bot_user: string;
    scopes: string[];
    token: Buffer;
    key_id: string;
    installed_by: string;
    installed_at: Date;
    revoked_at: Date | null;
  };
  freezes: {
    id: Generated<number>;
    key: string;
    kind: Freeze['kind'];
    scope: Freeze['scope']['kind'];
    name: string;
    why: string;
    by: Json<Actor>;
    place: Json<Place>;
    since: Date;
    told_at: Date | null;
    lifted_key: string | null;
    lifted_by: Json<Actor> | null;
    lifted_at: Date | null;
  };
  freeze_idle: {
    key: string;
    stood: number | null;
    at: Generated<Date>;
  };
  elevations: {
    id: Generated<number>;
    key: string;
    person: string;
    actor: Json<Actor>;
    why: string;
    opened_at: Date;
    until: Date;
    ended_key: string | null;
    ended_at: Date | null;
    review_key: string | null;
    reviewed_by: Json<Actor> | null;
    verdict: Verdict | null;
    note: string | null;
    reviewed_at: Date | null;
  };
  contents: {
    sha256: string;
    bytes: number;
    /** `expected`: it may arrive; `stored`: it is there; `going`: it is being removed. */
    state: 'expected' | 'stored' | 'going';
    wanted_at: Generated<Date>;
  };
  artifacts: { run: number; attempt: number; name: string; sha256: string; bytes: number };
  content_holders: { sha256: string; holder: string };
  run_inputs: { run: number; attempt: number; name: string; sha256: string; bytes: number };
  run_machines: { run: number; attempt: number; facts: Json<MachineFacts> };
  serving_holds: {
    model: string;
    environment: string;
    target: string;
    promotion: number;
    stage: number;
    before: number | null;
    at: Date;
  };
  serving: {
    model: string;
    environment: string;
    version: number;
    weight: number;
    settled: boolean;
    promotion: number;
    since: Date;
  };
  serving_ports: { run: number; attempt: number; port: number; ready: boolean; changed_at: Generated<Date> };
  serving_counts: {
    model: string;
    environment: string;
    version: number;
    promotion: number;
    stage: number;
    answers: Generated<number>;
    errors: Generated<number>;
    seconds: Generated<number>;
  };
  serving_told: {
    model: string;
    environment: string;
    promotion: number;
    stage: number;
    states: Json<Record<string, ToldState>>;
    tries: number;
    next_at: Date;
  };
  models: { name: string; project: string; output: string; newest: Generated<number> };
  model_versions: {
    model: string;
    number: number;
    run: number;
    attempt: number;
    project: string;
    output: string;
    sha256: string;
    bytes: number;
    source: string;
    sha: string;
    metrics: Json<readonly MetricSummary[]>;
    directions: Json<ModelVersion['directions']>;
    primary_metric: string | null;
    inputs: Json<Record<string, string>>;
    signature: ColumnType<unknown, string | null, never>;
    card: string | null;
    trained_by: Json<Actor>;
    at: Date;
  };
  model_candidates: {
    run: number;
    at: Generated<Date>;
    claims: Generated<number>;
    claimed_until: Generated<Date>;
    next_at: Generated<Date>;
    failures: Generated<number>;
    error: string | null;
  };
  model_files: {
    source: string;
    sha: string | null;
    content: string | null;
    read_at: Date | null;
    next_at: Generated<Date>;
    error: string | null;
  };
  builtin_aliases: { model: string; alias: string; number: number };
  registry_entries: RegistryWork & { model: string; number: number; registry: string; remote: string | null };
  registry_aliases: RegistryWork & {
    model: string;
    alias: string;
    number: number | null;
    at: Date;
    /** Where `known` was seen. */
    registry: string | null;
    known: string | null;
    moved_to: string | null;
    moved_at: Date | null;
    moves: Generated<number>;
  };
  idempotency: { scope: string; key: string; digest: string; at: Generated<Date> };
  audit: {
    seq: number;
    at: Date;
    actor: Json<Actor>;
    action: string;
    subject: string;
    outcome: AuditEntry['outcome'];
    details: Json<AuditEntry['details']>;
    hash: Buffer;
  };
  mlflow_follows: {
    run: number;
    cursor: Json<MlflowCursor> | null;
    /** The last attempt of which all is read. */
    ended_attempt: Generated<number>;
    failures: Generated<number>;
    claims: Generated<number>;
    claimed_until: Generated<Date>;
    next_at: Generated<Date>;
    done_at: Date | null;
  };
  audit_head: { id: number; seq: number; hash: Buffer };
}

interface RegistryWork {
  claims: Generated<number>;
  claimed_until: Generated<Date>;
  next_at: Generated<Date>;
  failures: Generated<number>;
  error: string | null;
}

/** A jsonb column: read as the value, written as text (the driver would write an array as a PostgreSQL array). */
type Json<T> = ColumnType<T, string, string>;

export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

export interface Database {
  pool: pg.Pool;
  db: Db;
  close(): Promise<void>;
}

const int8 = 20;
const idleTransactionMs = 4_000;

export interface DatabaseOptions {
  /** Connections at most. */
  max?: number;
  connectTimeoutMs?: number;
  statementTimeoutMs?: number;
  onError: (err: Error) => void;
}

/** Opens a small pool. Statements that take longer than `statementTimeoutMs` are ended by the server. */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    // A process that is paused within a transaction must not keep others from the rows that it has locked.
    idle_in_transaction_session_timeout: idleTransactionMs,
    application_name: 'signalbox',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
    },
  });
  // Without a listener an error on an idle connection ends the process.
  pool.on('error', options.onError);
  // The same while it is in use: there the error comes with the statement that it breaks.
  pool.on('connect', client => client.on('error', () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const close = async () => {
    // Ends the pool, but only where Kysely itself has used it.
    await db.destroy();
    if (!pool.ending) await pool.end();
  };
  return { pool, db, close };
}

export function json(value: unknown): string {
  return JSON.stringify(value);
}
