import { createPrivateKey, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

/** Who signs in at the provider, and what it reports of that. */
export interface SignIn {
  account: string;
  acr?: string;
  amr?: string[];
  /** Seconds since 1970; now when absent. */
  at?: number;
  /** It is refused with this instead. */
  error?: string;
}

const client = { client_id: 'signalbox', client_secret: 'a-client-secret' };

/**
 * A real OpenID Connect provider on this machine. Whoever is sent there signs in as `signIn` says, without a page; its own verified addresses
 * are `accounts`, by subject.
 */
export async function openProvider(
  backUrl: string,
  accounts: Record<string, { email?: string; email_verified?: boolean }>,
) {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('there is no port');
  const issuer = `http://127.0.0.1:${address.port}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'one' };
  const state = {
    signIn: { account: '' } as SignIn,
    /** It answers nothing. */
    away: false,
    /** What the claims of its ID tokens are, where they are not its own. */
    claims: (own: Record<string, unknown>) => own,
    /** It signs with a key of somebody else. */
    forged: false,
    /** The address that browsers were sent to last. */
    asked: null as URL | null,
  };
  const provider = new Provider(issuer, {
    clients: [{ ...client, redirect_uris: [backUrl] }],
    jwks: { keys: [jwk as never] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], email: ['email', 'email_verified'] },
    acrValues: ['phr', 'pwd'],
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_, { uid }) => `/sign-in/${uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...accounts[sub] }) }),
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client?.clientId ?? '',
        accountId: ctx.oidc.session?.accountId ?? '',
      });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
  });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  provider.use(async (ctx, next) => {
    await next();
    const { body } = ctx as { body?: { id_token?: string } };
    if (!ctx.path.endsWith('/token') || !body?.id_token) return;
    const key = state.forged ? stranger : createPrivateKey({ key: jwk, format: 'jwk' });
    body.id_token = resigned(body.id_token, state.claims, key);
  });
  const handle = provider.callback();
  server.on('request', (request, response) => {
    if (state.away) return void request.socket.destroy();
    const url = new URL(request.url ?? '/', issuer);
    if (url.pathname === '/auth') state.asked = url;
    if (!url.pathname.startsWith('/sign-in/')) return void handle(request, response);
    const { account, acr, amr, at, error } = state.signIn;
    const login = { accountId: account, acr, amr, ts: at ?? Math.floor(Date.now() / 1_000) };
    provider
      .interactionFinished(request, response, error === undefined ? { login } : { error })
      .catch(err => {
        response.statusCode = 500;
        response.end(String(err));
      });
  });
  return {
    issuer,
    state,
    environment: {
      OIDC_ISSUER: issuer,
      OIDC_CLIENT_ID: client.client_id,
      OIDC_CLIENT_SECRET: client.client_secret,
    },
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type TestProvider = Awaited<ReturnType<typeof openProvider>>;

function resigned(
  token: string,
  claims: (own: Record<string, unknown>) => Record<string, unknown>,
  key: ReturnType<typeof createPrivateKey>,
): string {
  const [header = '', payload = ''] = token.split('.');
  const own = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const signed = `${header}.${Buffer.from(JSON.stringify(claims(own))).toString('base64url')}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}

export interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

/** One browser: it keeps the cookies of each place apart, and follows nothing by itself. */
export function browser(kept = new Map<string, Map<string, string>>()) {
  async function go(address: string, form?: Record<string, string>): Promise<Answer> {
    const { host } = new URL(address);
    const own = kept.get(host) ?? new Map<string, string>();
    kept.set(host, own);
    const cookie = [...own].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(address, {
      redirect: 'manual',
      headers: cookie === '' ? {} : { cookie },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '') own.delete(name);
      else own.set(name, value);
    }
    return { status: response.status, text: await response.text(), headers: response.headers };
  }
  return {
    go,
    /** Presses the one button of a page; answers the address that the browser is sent to by the page that comes. */
    async press(address: string): Promise<{ answer: Answer; to: string | null }> {
      const page = await go(address);
      const [, action] = /<form method="post" action="([^"]+)">/.exec(page.text) ?? [];
      if (action === undefined) return { answer: page, to: null };
      const answer = await go(new URL(action, address).href, fieldsIn(page.text));
      const [, to] = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(answer.text) ?? [];
      return { answer, to: to?.replaceAll('&#38;', '&') ?? null };
    },
    /** Goes on at the provider until it sends the browser somewhere else. */
    async through(address: string): Promise<string> {
      const { host } = new URL(address);
      for (let at = address, left = 10; left > 0; left -= 1) {
        const { headers, status, text } = await go(at);
        const next = headers.get('location');
        if (next === null) throw new Error(`the provider stays at ${at}: ${status} ${text.slice(0, 300)}`);
        at = new URL(next, at).href;
        if (new URL(at).host !== host) return at;
      }
      throw new Error('the provider leads nowhere');
    },
  };
}

function fieldsIn(page: string): Record<string, string> {
  const found = page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]+)">/g);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value]));
}
