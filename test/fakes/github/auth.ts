import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { z } from 'zod';
import { notFound, Refusal } from './error.ts';
import type { Installation, Repo, World } from './world.ts';

/** A token that an installation was given, and what it is good for. */
export interface Token {
  value: string;
  installation: Installation;
  permissions: Record<string, string>;
  /** `null`: all that the installation has. */
  repos: Set<number> | null;
  expires: number;
}

export type Caller = { kind: 'app' } | { kind: 'installation'; token: Token } | { kind: 'nobody' };

const tokenMs = 3_600_000;
/** "The expiration time can be no more than 10 minutes in the future." Clocks may differ by a minute. */
const jwtSeconds = 600;
const skewSeconds = 60;

const headSchema = z.object({ alg: z.literal('RS256'), typ: z.literal('JWT').optional() });
const claimsSchema = z.object({
  iss: z.union([z.string(), z.number()]).transform(String),
  iat: z.number(),
  exp: z.number(),
});

const badCredentials = () => new Refusal(401, 'Bad credentials');
const undecodable = () => new Refusal(401, 'A JSON web token could not be decoded');

/** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app */
export function auth(world: World) {
  const tokens = new Map<string, Token>();
  const key = createPublicKey(world.app.publicKey);

  /** Who asks, by the `authorization` header. */
  function caller(header: string): Caller {
    if (header === '') return { kind: 'nobody' };
    const [, scheme = '', value = ''] = /^(\S+)\s+(\S+)$/.exec(header) ?? [];
    if (!/^(bearer|token)$/i.test(scheme)) throw badCredentials();
    if (value.split('.').length === 3) return app(value);
    return { kind: 'installation', token: live(value) };
  }

  function live(value: string): Token {
    const token = tokens.get(value);
    if (!token || token.expires <= world.clock.now()) throw badCredentials();
    const { installation } = token;
    if (!world.installations.has(installation.id)) throw badCredentials();
    if (installation.suspendedAt !== null) throw new Refusal(403, 'This installation has been suspended');
    return token;
  }

  function app(value: string): Caller {
    const [head = '', claims = '', signature = ''] = value.split('.');
    if (!headSchema.safeParse(jsonOf(head)).success) throw undecodable();
    const signed = Buffer.from(`${head}.${claims}`);
    if (!verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) throw undecodable();
    const read = claimsSchema.safeParse(jsonOf(claims));
    if (!read.success) throw undecodable();
    const { iss, iat, exp } = read.data;
    const now = world.clock.now() / 1000;
    if (iss !== String(world.app.id))
      throw new Refusal(401, "'Issuer' claim ('iss') must be an Integer that is assigned to the app");
    if (iat > now + skewSeconds)
      throw new Refusal(
        401,
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
      );
    if (exp <= now)
      throw new Refusal(
        401,
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
      );
    if (exp > now + jwtSeconds + skewSeconds || exp - iat > jwtSeconds + skewSeconds)
      throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
    return { kind: 'app' };
  }

  function issue(
    installation: Installation,
    wanted: { permissions?: Record<string, string>; repos?: readonly Repo[] },
  ): Token {
    if (installation.suspendedAt !== null) throw new Refusal(403, 'This installation has been suspended');
    for (const [name, right] of Object.entries(wanted.permissions ?? {}))
      if (!allows(installation.permissions, name, right))
        throw new Refusal(422, 'The permissions requested are not granted to this installation.');
    if (wanted.repos?.some(({ id }) => !installation.repos.has(id)))
      throw new Refusal(
        422,
        'There is at least one repository that does not exist or is not accessible to the parent installation.',
      );
    const token: Token = {
      value: `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, 'A')}`,
      installation,
      permissions: wanted.permissions ?? installation.permissions,
      repos: wanted.repos ? new Set(wanted.repos.map(({ id }) => id)) : null,
      expires: world.clock.now() + tokenMs,
    };
    tokens.set(token.value, token);
    return token;
  }

  return {
    caller,
    live,
    issue,
    revoke: (token: Token) => tokens.delete(token.value),
    /** All that were given out, live or not. */
    tokens: () => [...tokens.values()],
  };
}

/** Whether these rights have that one. What the installation lost, its tokens have lost too. */
export function allows(permissions: Record<string, string>, name: string, right: string): boolean {
  const has = permissions[name];
  return has === 'admin' || has === 'write' || (has === 'read' && right === 'read');
}

export function sees({ installation, repos }: Token, repo: Repo): boolean {
  return installation.repos.has(repo.id) && (repos === null || repos.has(repo.id));
}

/** That an installation asks, and nobody else. */
export function tokenOf(caller: Caller): Token {
  if (caller.kind === 'installation') return caller.token;
  throw caller.kind === 'app' ? new Refusal(403, 'Resource not accessible by integration') : notFound();
}

function jsonOf(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return null;
  }
}
