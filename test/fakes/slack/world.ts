import { random } from '../../support/random.ts';
import type { Clock } from './clock.ts';
import { appDefaults, type ChannelKind, type Seed, type SeedApp, type SeedWorkspace } from './seed.ts';

export interface User {
  id: string;
  /** Another workspace's for people who come over Slack Connect. */
  team: string;
  name: string;
  email: string;
  isBot: boolean;
  isGuest: boolean;
  deleted: boolean;
  tz: string;
}

export interface Message {
  type: 'message';
  ts: string;
  user: string;
  text: string;
  team: string;
  subtype?: string;
  bot_id?: string;
  app_id?: string;
  blocks?: unknown[];
  attachments?: unknown[];
  metadata?: Record<string, unknown>;
  thread_ts?: string;
  edited?: { user: string; ts: string };
  reactions?: { name: string; users: string[]; count: number }[];
  files?: { id: string; title: string }[];
}

/** Only `to` sees it, until it is replaced or taken away. */
export interface Ephemeral extends Message {
  to: string;
}

export interface Channel {
  id: string;
  team: string;
  name: string;
  kind: ChannelKind;
  members: Set<string>;
  archived: boolean;
  shared: string[];
  /** By `ts`, in their order. */
  messages: Map<string, Message>;
  /** By the `thread_ts` of their thread. */
  replies: Map<string, Message[]>;
  ephemerals: Ephemeral[];
  lastTs: number;
}

export interface Group {
  id: string;
  handle: string;
  users: string[];
  /** Seconds since 1970 when it was disabled; 0: it was not. */
  disabledAt: number;
  updatedAt: number;
}

export interface Workspace {
  id: string;
  name: string;
  domain: string;
  enterprise: { id: string; name: string } | null;
  orgInstall: boolean;
  bot: { user: string; id: string };
  users: Map<string, User>;
  channels: Map<string, Channel>;
  groups: Group[];
}

export interface Token {
  kind: 'bot' | 'app';
  /** Empty for an app's and for an organisation's token. */
  team: string;
  enterprise: string;
  scopes: Set<string>;
  state: 'live' | 'token_revoked' | 'account_inactive' | 'token_expired';
}

export interface World {
  app: SeedApp;
  clock: Clock;
  workspaces: Map<string, Workspace>;
  tokens: Map<string, Token>;
  /** A new id of a kind that Slack makes up: `B`, `D`, `V`, `F`, ... */
  id(kind: string): string;
  /** Text that nobody guesses; the same for the same run. */
  secret(): string;
}

export function createWorld(seed: Seed, clock: Clock): World {
  let ids = 0;
  const { int } = random(1);
  const world: World = {
    app: { ...appDefaults, ...seed.app },
    clock,
    workspaces: new Map(),
    tokens: new Map(),
    id(kind) {
      ids += 1;
      return `${kind}${String(ids).padStart(9, '0')}X`;
    },
    secret: () => Array.from({ length: 24 }, () => int(0, 35).toString(36)).join(''),
  };
  for (const [token, scopes] of Object.entries(world.app.tokens))
    world.tokens.set(token, {
      kind: 'app',
      team: '',
      enterprise: '',
      scopes: new Set(scopes),
      state: 'live',
    });
  for (const given of seed.workspaces) addWorkspace(world, given);
  return world;
}

function addWorkspace(world: World, given: SeedWorkspace): void {
  const { id, name = id.toLowerCase(), domain = name, enterprise = null, orgInstall = false } = given;
  const bot = given.bot ?? { user: world.id('U'), id: world.id('B') };
  const users = given.users.map(
    (user): User => ({
      id: user.id,
      team: user.from ?? id,
      name: user.name ?? user.id.toLowerCase(),
      email: user.email ?? `${user.id.toLowerCase()}@example.com`,
      isBot: false,
      isGuest: user.guest ?? false,
      deleted: user.deleted ?? false,
      tz: user.tz ?? 'Etc/UTC',
    }),
  );
  const speaker: User = {
    ...{ id: bot.user, team: id, name: 'bot', email: '', isBot: true },
    ...{ isGuest: false, deleted: false, tz: 'Etc/UTC' },
  };
  const workspace: Workspace = {
    ...{ id, name, domain, enterprise, orgInstall, bot },
    users: new Map([...users, speaker].map(user => [user.id, user])),
    channels: new Map(),
    groups: (given.groups ?? []).map(group => ({
      ...group,
      users: [...group.users],
      disabledAt: 0,
      updatedAt: Math.floor(world.clock.now() / 1000),
    })),
  };
  world.workspaces.set(id, workspace);
  for (const { kind = 'public', ...channel } of given.channels ?? [])
    addChannel(workspace, channel.id, channel.name ?? channel.id.toLowerCase(), kind, channel);
  for (const [token, scopes] of Object.entries(given.tokens ?? {}))
    addBotToken(world, workspace, token, scopes);
}

/** A bot's token, for the whole enterprise where the app is installed there. */
export function addBotToken(world: World, workspace: Workspace, token: string, scopes: string[]): void {
  const everywhere = workspace.orgInstall && workspace.enterprise;
  world.tokens.set(token, {
    kind: 'bot',
    team: everywhere ? '' : workspace.id,
    enterprise: workspace.enterprise?.id ?? '',
    scopes: new Set(scopes),
    state: 'live',
  });
}

export function addChannel(
  workspace: Workspace,
  id: string,
  name: string,
  kind: ChannelKind,
  more: { members: string[]; archived?: boolean; shared?: string[] },
): Channel {
  const channel: Channel = {
    ...{ id, name, kind, team: workspace.id, lastTs: 0, ephemerals: [] },
    members: new Set(more.members),
    archived: more.archived ?? false,
    shared: more.shared ?? [],
    messages: new Map(),
    replies: new Map(),
  };
  workspace.channels.set(id, channel);
  return channel;
}

/** Unique in its channel and later than all before it, in seconds with six digits after the point. */
export function nextTs(world: World, channel: Channel): string {
  channel.lastTs = Math.max(world.clock.now() * 1000, channel.lastTs + 1);
  return `${Math.floor(channel.lastTs / 1e6)}.${String(channel.lastTs % 1e6).padStart(6, '0')}`;
}

export function workspaceOf(world: World, id: string): Workspace {
  const workspace = world.workspaces.get(id);
  if (!workspace) throw new Error(`There is no workspace ${id} in the seed.`);
  return workspace;
}
