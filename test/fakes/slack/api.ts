import { type Args, text } from './args.ts';
import { type Answer, type Call, needScope } from './call.ts';
import { SlackError } from './error.ts';
import type { Method } from './methods.ts';
import type { rateLimits } from './rates.ts';
import type { Token, Workspace, World } from './world.ts';

/** A call as the log keeps it. `team` is empty where the token said none. */
export interface LoggedCall {
  method: string;
  team: string;
  args: Args;
  at: number;
  status: number;
  error: string | null;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Parts {
  world: World;
  methods: ReadonlyMap<string, Method>;
  rates: ReturnType<typeof rateLimits>;
  openConnection(): Answer;
  access(args: Args, basic: string): Answer;
}

/** The Web API: who asks, may they, how often, and then the method. Every call is kept. */
export function webApi({ world, methods, rates, openConnection, access }: Parts) {
  const calls: LoggedCall[] = [];

  /** `authorization` as the header came. */
  function call(name: string, args: Args, authorization: string): HttpAnswer {
    const entry: LoggedCall = {
      method: name,
      team: '',
      args,
      at: world.clock.now(),
      status: 200,
      error: null,
    };
    calls.push(entry);
    try {
      return json(200, { ok: true, ...answer(name, args, authorization, entry) }, scopesOf(authorization));
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      entry.error = error.code;
      if (error.code === 'ratelimited') {
        entry.status = 429;
        return json(
          429,
          { ok: false, error: 'ratelimited' },
          { 'retry-after': String(error.more.retryAfter) },
        );
      }
      return json(200, { ok: false, error: error.code, ...error.more }, scopesOf(authorization));
    }
  }

  function answer(name: string, args: Args, authorization: string, entry: LoggedCall): Answer {
    if (name === 'oauth.v2.access') return access(args, /^Basic (.+)$/i.exec(authorization)?.[1] ?? '');
    const method = methods.get(name);
    if (!method && name !== 'apps.connections.open') throw new SlackError('unknown_method');
    const token = tokenOf(authorization, args);
    if (!method) return connect(token);
    if (token.kind !== 'bot') throw new SlackError('not_allowed_token_type');
    const workspace = workspaceFor(token, args);
    entry.team = workspace.id;
    const wait = rates.take(method.tier, name, workspace.id, text(args, 'channel'));
    if (wait > 0) throw new SlackError('ratelimited', { retryAfter: wait });
    const made: Call = { world, token, workspace, args };
    const scope = typeof method.scope === 'function' ? method.scope(made) : method.scope;
    if (scope) needScope(token, scope);
    return method.run(made);
  }

  function connect(token: Token): Answer {
    if (token.kind !== 'app') throw new SlackError('not_allowed_token_type');
    needScope(token, 'connections:write');
    const wait = rates.take(3, 'apps.connections.open', '', '');
    if (wait > 0) throw new SlackError('ratelimited', { retryAfter: wait });
    return openConnection();
  }

  function tokenOf(authorization: string, args: Args): Token {
    const given = bearer(authorization) || text(args, 'token');
    if (given === '') throw new SlackError('not_authed');
    const token = world.tokens.get(given);
    if (!token) throw new SlackError('invalid_auth');
    if (token.state !== 'live') throw new SlackError(token.state);
    return token;
  }

  /** An organisation's token says with each call which workspace it means, by `team_id` or by what it names. */
  function workspaceFor(token: Token, args: Args): Workspace {
    const all = [...world.workspaces.values()];
    const reach = all.filter(({ id, enterprise }) =>
      token.team ? id === token.team : enterprise?.id === token.enterprise,
    );
    const wanted = text(args, 'team_id');
    if (wanted && token.team === '') {
      const named = reach.find(({ id }) => id === wanted);
      if (!named) throw new SlackError('team_access_not_granted');
      return named;
    }
    const ids = ['channel', 'user', 'user_id', 'channel_id'].map(name => text(args, name)).filter(Boolean);
    const found =
      reach.find(({ users, channels }) => ids.some(id => users.has(id) || channels.has(id))) ?? reach[0];
    if (!found) throw new SlackError('team_not_found');
    return found;
  }

  function scopesOf(authorization: string): Record<string, string> {
    const token = world.tokens.get(bearer(authorization));
    return token ? { 'x-oauth-scopes': [...token.scopes].join(',') } : {};
  }

  return { call, calls };
}

function bearer(authorization: string): string {
  return /^Bearer (.+)$/i.exec(authorization)?.[1] ?? '';
}

function json(status: number, body: Record<string, unknown>, headers: Record<string, string>): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}
