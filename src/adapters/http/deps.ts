import type { AgentSyncRequest, AgentSyncResponse } from '../../core/agent-protocol.ts';
import type { Page, RawEdge } from '../../core/edge.ts';
import type { Dispatched, Intent } from '../../core/intent.ts';
import type {
  ArtifactStore,
  FileDigest,
  Log,
  LogStore,
  ModelPolicies,
  ModelStore,
  RecordStore,
  RegistryView,
  RunStore,
  SourcePort,
  TokenRefusals,
  TokenStore,
} from '../../core/ports.ts';

/** One sample for `/metrics`; its labels come from closed vocabularies or from the configuration, never from requests. */
export interface GaugeSample {
  name: string;
  help: string;
  labels: Record<string, string>;
  value: number;
}

export interface Idempotency {
  /** Remembers under one token that `key` stands for the request with this digest. `conflict`: it stands for another one. */
  check(tokenId: string, key: string, digest: string): Promise<'new' | 'same' | 'conflict'>;
}

/** What the API's routes may ask for. */
export interface ApiPorts {
  dispatch(intent: Intent): Promise<Dispatched>;
  runs: Pick<
    RunStore,
    'get' | 'list' | 'events' | 'metrics' | 'series' | 'reported' | 'addPoints' | 'newestNumber'
  >;
  logs: Pick<LogStore, 'read' | 'append' | 'poolOf'>;
  tokens: Pick<TokenStore, 'find' | 'attemptOf'>;
  refusals: TokenRefusals;
  source: Pick<SourcePort, 'archive'>;
  idempotency: Idempotency;
  records: Pick<RecordStore, 'artifacts' | 'of' | 'began'>;
  artifacts: Pick<ArtifactStore, 'open'>;
  models: Pick<ModelStore, 'all' | 'versions'>;
  modelPolicies: ModelPolicies;
  registry: Pick<RegistryView, 'aliases'>;
  /** Keeps the outputs of an attempt, and answers which contents are to be sent first. */
  keepOutputs(run: number, attempt: number, files: readonly FileDigest[]): Promise<string[]>;
  takeContent(
    run: number,
    announced: { sha256: string; bytes: number },
    content: AsyncIterable<Uint8Array>,
  ): Promise<void>;
  agentSync(pool: string, request: AgentSyncRequest, now: Date): Promise<AgentSyncResponse>;
  clock: () => Date;
  /** A new random id. */
  id: () => string;
  pace: Pace;
}

/** Milliseconds, except where it says otherwise. */
export interface Pace {
  /** Between two looks at the store for somebody who follows a run. */
  pollMs: number;
  /** Longest silence on a stream of events. */
  keepAliveMs: number;
  /** How many may follow runs at once. */
  followers: number;
  /** In which a request's headers, and all of a request, must have arrived. */
  headersMs: number;
  requestMs: number;
  /** Longest silence while somebody sends the content of an artifact. */
  silenceMs: number;
}

export const defaultPace: Pace = {
  pollMs: 500,
  keepAliveMs: 15_000,
  followers: 200,
  headersMs: 5_000,
  requestMs: 9_000,
  silenceMs: 60_000,
};

export interface HttpDeps extends Omit<ApiPorts, 'pace'> {
  edges: RawEdge[];
  pages?: readonly Page[];
  health(): Promise<{ ok: boolean; checks: Record<string, string> }>;
  gauges?(): Promise<GaugeSample[]>;
  /** What the process itself has counted since it began. */
  counters?(): GaugeSample[];
  /** Whether an error says that the store cannot be reached; whoever asked may ask again. */
  isAway?(err: unknown): boolean;
  log: Log;
  version: string;
  /** Bytes of edge bodies that may be held in memory at once; 64 MB unless given. */
  bodyBudgetBytes?: number;
  pace?: Partial<Pace>;
}
