/** What a fake Slack starts with. Ids are the test's own: `T…` workspaces, `E…` enterprises, `U…` people, `C…` channels, `S…` groups. */
export interface Seed {
  app?: Partial<SeedApp>;
  workspaces: SeedWorkspace[];
}

export interface SeedApp {
  id: string;
  signingSecret: string;
  clientId: string;
  clientSecret: string;
  /** Where an installation may return to; any when empty. */
  redirectUris: string[];
  /** App-level tokens (`xapp-…`) with their scopes. */
  tokens: Record<string, string[]>;
  /** Everything goes over sockets, as the switch in the app's settings does. */
  socketMode: boolean;
  /** Events that the app has asked for. */
  events: string[];
  /** The block `data_visualization` is rolled out here. */
  charts: boolean;
  /** How long an uploaded file is processed before it is shared, in milliseconds. */
  fileProcessingMs: number;
}

export interface SeedWorkspace {
  id: string;
  name?: string;
  domain?: string;
  enterprise?: { id: string; name: string };
  /** The app is installed on the whole enterprise. */
  orgInstall?: boolean;
  /** The user as which the app speaks. */
  bot?: { user: string; id: string };
  /** Bot tokens (`xoxb-…`) with their scopes. */
  tokens?: Record<string, string[]>;
  users: SeedUser[];
  channels?: SeedChannel[];
  groups?: { id: string; handle: string; users: string[] }[];
}

export interface SeedUser {
  id: string;
  name?: string;
  email?: string;
  deleted?: boolean;
  guest?: boolean;
  /** Comes from this workspace, over Slack Connect. */
  from?: string;
  tz?: string;
}

export interface SeedChannel {
  id: string;
  name?: string;
  kind?: ChannelKind;
  members: string[];
  archived?: boolean;
  /** Other workspaces with which it is shared (Slack Connect). */
  shared?: string[];
}

export type ChannelKind = 'public' | 'private' | 'im' | 'mpim';

export const appDefaults: SeedApp = {
  id: 'A000000001',
  signingSecret: 'signing-secret',
  clientId: '1.1',
  clientSecret: 'client-secret',
  redirectUris: [],
  tokens: {},
  socketMode: false,
  events: [
    'app_home_opened',
    'member_joined_channel',
    'member_left_channel',
    'subteam_members_changed',
    'subteam_updated',
    'user_change',
    'app_uninstalled',
  ],
  charts: false,
  fileProcessingMs: 500,
};

/** All that a bot of this kind of app asks for. */
export const usualScopes = [
  'channels:history',
  'channels:join',
  'channels:read',
  'chat:write',
  'chat:write.public',
  'commands',
  'files:write',
  'groups:history',
  'groups:read',
  'im:history',
  'im:read',
  'im:write',
  'mpim:read',
  'mpim:write',
  'reactions:write',
  'team:read',
  'usergroups:read',
  'users:read',
  'users:read.email',
];
