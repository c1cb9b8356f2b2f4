import * as client from 'openid-client';
import { z } from 'zod';
import type { Vouched } from '../../core/promotion/step-up.ts';

/** The provider does not answer, or not as it should; or it refuses. The message is a sentence for the person who waits. */
export class OidcError extends Error {
  readonly kind: 'away' | 'refused';
  constructor(message: string, kind: 'away' | 'refused', options?: ErrorOptions) {
    super(message, options);
    this.name = 'OidcError';
    this.kind = kind;
  }
}

export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: string;
  acr: readonly string[];
}

/** What nobody but this browser's visit knows. */
export interface VisitSecrets {
  nonce: string;
  verifier: string;
}

/** An OpenID Connect provider that says who sits in front of a browser, and how they showed it. All of it throws `OidcError`. */
export interface OidcProvider {
  /** Where the browser is sent, to sign in anew. */
  authorizeUrl(backUrl: string, state: string, secrets: VisitSecrets): Promise<string>;
  /** Gives the code that came back for what the provider says, after everything of it is verified. */
  redeem(cameBack: URL, state: string, secrets: VisitSecrets): Promise<Vouched>;
  /** Whether it answers as a provider does. */
  check(): Promise<void>;
}

const timeoutS = 8;
const toleranceS = 30;
/** What the provider says of itself may change. */
const keptMs = 3_600_000;

const claimsSchema = z.object({
  sub: z.string().min(1),
  auth_time: z.number().optional(),
  acr: z.string().optional(),
  amr: z.array(z.string()).optional(),
});
const emailSchema = z.object({ email: z.string(), email_verified: z.literal(true) });

export function oidcProvider(
  { issuer, clientId, clientSecret, acr }: OidcSettings,
  clock: () => Date,
): OidcProvider {
  const host = new URL(issuer).host;
  let known: { configuration: Promise<client.Configuration>; until: number } | null = null;

  function configured(): Promise<client.Configuration> {
    if (known && known.until > clock().getTime()) return known.configuration;
    const configuration = discover();
    const kept = { configuration, until: clock().getTime() + keptMs };
    known = kept;
    configuration.catch(() => {
      if (known === kept) known = null;
    });
    return configuration;
  }

  async function discover(): Promise<client.Configuration> {
    // The answer to a code comes over TLS, or from this machine; its signature is looked at all the same.
    const isLocal = new URL(issuer).protocol === 'http:';
    const execute = [client.enableNonRepudiationChecks, ...(isLocal ? [client.allowInsecureRequests] : [])];
    const metadata = { client_secret: clientSecret, [client.clockTolerance]: toleranceS };
    const options = { execute, timeout: timeoutS };
    try {
      return await client.discovery(new URL(issuer), clientId, metadata, authentication, options);
    } catch (err) {
      throw new OidcError(`The provider ${host} does not answer as it should.`, 'away', { cause: err });
    }
  }

  /** As RFC 7591 has it for a client that says nothing: `client_secret_basic`, where the provider takes it. */
  const authentication: client.ClientAuth = (server, ...rest) => {
    const takes = server.token_endpoint_auth_methods_supported;
    const way =
      takes === undefined || takes.includes('client_secret_basic')
        ? client.ClientSecretBasic(clientSecret)
        : client.ClientSecretPost(clientSecret);
    return way(server, ...rest);
  };

  /** Its verified address: in the ID token, or where the provider says more of them. */
  async function emailOf(
    configuration: client.Configuration,
    token: string,
    claims: client.IDToken,
  ): Promise<string | null> {
    const own = emailSchema.safeParse(claims).data;
    if (own) return own.email;
    if (configuration.serverMetadata().userinfo_endpoint === undefined) return null;
    const said = await client.fetchUserInfo(configuration, token, claims.sub);
    return emailSchema.safeParse(said).data?.email ?? null;
  }

  return {
    async authorizeUrl(backUrl, state, { nonce, verifier }) {
      const configuration = await configured();
      const address = client.buildAuthorizationUrl(configuration, {
        ...{ redirect_uri: backUrl, scope: 'openid email', state, nonce },
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        // Whoever is signed in there shows anew who they are.
        ...{ prompt: 'login', max_age: '0' },
        ...(acr.length > 0 ? { acr_values: acr.join(' ') } : {}),
      });
      return address.href;
    },
    async redeem(cameBack, state, { nonce, verifier }) {
      const configuration = await configured();
      const expected = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
      try {
        const tokens = await client.authorizationCodeGrant(configuration, cameBack, expected);
        const claims = tokens.claims();
        const read = claimsSchema.safeParse(claims).data;
        if (!claims || !read) throw new OidcError(`What ${host} says of you cannot be read.`, 'refused');
        return {
          subject: read.sub,
          email: await emailOf(configuration, tokens.access_token, claims),
          authenticatedAt: read.auth_time === undefined ? null : new Date(read.auth_time * 1_000),
          acr: read.acr ?? null,
          amr: read.amr ?? [],
        };
      } catch (err) {
        throw oidcError(err, host);
      }
    },
    async check() {
      await configured();
    },
  };
}

/** What goes wrong on the way back, in words that hold nothing of tokens or codes. */
function oidcError(err: unknown, host: string): OidcError {
  if (err instanceof OidcError) return err;
  if (err instanceof client.AuthorizationResponseError)
    return new OidcError(`The provider ${host} says ${named(err.error)}.`, 'refused', { cause: err });
  if (err instanceof client.ResponseBodyError) {
    const isItsFault = err.status >= 500 || err.status === 429;
    const says = `The provider ${host} says ${named(err.error)}.`;
    return new OidcError(says, isItsFault ? 'away' : 'refused', { cause: err });
  }
  if (err instanceof client.ClientError && isAnswer(err.code))
    return new OidcError(`What ${host} answered is not what was asked for, or is not from it.`, 'refused', {
      cause: err,
    });
  return new OidcError(`The provider ${host} does not answer as it should.`, 'away', { cause: err });
}

/** Whether an answer came, and was found wrong. */
function isAnswer(code: string | undefined): boolean {
  return /^OAUTH_(?:INVALID_RESPONSE|JWT_|JSON_|KEY_|PARSE_)/.test(code ?? '');
}

function named(error: string): string {
  return /^[a-z_]{1,60}$/.test(error) ? error : 'that it failed';
}
