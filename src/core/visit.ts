import { z } from 'zod';
import type { PageRequest, RawEdge, RawRequest } from './edge.ts';
import type { OnceStore, Signer } from './ports.ts';

interface VisitOptions<A> {
  /** Sets apart what is signed and kept for these pages: `github`. */
  name: string;
  /** What the visit is about. */
  about: z.ZodType<A>;
  /** All of its pages lie below `/auth/` and its name there. */
  publicUrl: string;
  signer: Signer;
  once: OnceStore;
  clock: () => Date;
  /** So many random bytes as base64url. */
  random(bytes: number): string;
  /** SHA-256 as base64url. */
  digest(text: string): string;
}

export type VisitRefusal = keyof typeof visitReasons;
type Refused = { ok: false; why: VisitRefusal };

/**
 * The way of a browser over a page of Signalbox to another place, which says who sits there, and back. The address of the first page is
 * signed; it says what it is about, and only a button on it goes on. Whoever is lured to another's address sees whose it is; nobody can press
 * the button for them, or finish in their browser what was begun in another, as every step after the first needs the secret that this browser
 * keeps; and what comes back counts once.
 */
export interface Visit<A> {
  paths: { start: string; back: string };
  /** Where the other place sends the browser back to. */
  backUrl: string;
  /** The address of the first page, good until then. */
  startAddress(about: A, until: Date): Promise<string>;
  /** Somebody opens it. `fields`: what the button sends to `paths.start`. */
  opened(
    request: Pick<PageRequest, 'query'>,
  ): Promise<{ ok: true; about: A; fields: Record<string, string>; cookie: string } | Refused>;
  /** Somebody presses the button. `state` goes to the other place; `secret`: see `returned`. */
  pressed(
    request: Pick<RawRequest, 'headers' | 'body'>,
  ): Promise<{ ok: true; about: A; state: string; cookie: string; secret(of: string): string } | Refused>;
  /** They come back. `secret`: 43 signs of base64url, the same as when the button was pressed, which nobody learns from any address. */
  returned(
    request: Pick<PageRequest, 'query' | 'cookie'>,
  ): Promise<{ ok: true; about: A; state: string; secret(of: string): string } | Refused>;
  /** The browser has nothing to keep any more. */
  forget: string;
  /** The page that the button sends to. */
  edge(handle: RawEdge['handle']): RawEdge;
}

export const visitReasons = {
  forged: 'This address did not come from Signalbox.',
  old: 'It took more than ten minutes.',
  'other-browser': 'It was begun in another browser, or the browser keeps no cookies.',
  used: 'It was used before.',
};

/** How long somebody has for what the other place asks of them. */
const lifeMs = 10 * 60_000;
const formBytes = 8_192;
const bytes = { held: 24, nonce: 16 };

export function visit<A>(options: VisitOptions<A>): Visit<A> {
  const { name, publicUrl, signer, once, clock, random, digest } = options;
  const root = `/auth/${name}`;
  const paths = { start: `${root}/start`, back: `${root}/callback` };
  const cookieName = `signalbox_${name}`;
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  const cookie = (value: string) =>
    `${cookieName}=${value}; Path=${root}; Max-Age=${value === '' ? 0 : lifeMs / 1_000}; HttpOnly; SameSite=Lax${secure}`;
  /** Each is good for its own step and no other, nor for anything else that Signalbox signs. */
  const steps = { ask: `${name}-ask`, form: `${name}-form`, state: `${name}-state` } as const;
  const wordsSchema = z.strictObject({
    for: z.enum([steps.ask, steps.form, steps.state]),
    about: options.about,
    /** Milliseconds since 1970. */
    until: z.number(),
    /** Digest of what the browser keeps: that itself goes nowhere. */
    browser: z.string().optional(),
    nonce: z.string().optional(),
  });
  type Words = z.infer<typeof wordsSchema>;

  const sign = (words: Words) => signer.sign(JSON.stringify(words));

  /** What was signed for this step. `held`: what the browser keeps, where that is to be looked at. */
  async function read(
    value: string | null,
    step: keyof typeof steps,
    held?: string,
  ): Promise<{ ok: true; words: Words } | Refused> {
    const words = wordsSchema.safeParse(jsonOf(await signer.read(value ?? ''))).data;
    if (words?.for !== steps[step]) return { ok: false, why: 'forged' };
    if (words.until <= clock().getTime()) return { ok: false, why: 'old' };
    if (held !== undefined && (held === '' || words.browser !== digest(held)))
      return { ok: false, why: 'other-browser' };
    return { ok: true, words };
  }

  function heldIn(cookies: string): string {
    const pairs = cookies.split(';').map(pair => pair.trim().split('='));
    return pairs.find(([key]) => key === cookieName)?.[1] ?? '';
  }

  const secretOf = (held: string, nonce: string) => (of: string) => digest(`${name}:${of}:${nonce}:${held}`);

  return {
    paths,
    backUrl: `${publicUrl}${paths.back}`,
    async startAddress(about, until) {
      const ask = await sign({ for: steps.ask, about, until: until.getTime() });
      return `${publicUrl}${paths.start}?ask=${ask}`;
    },
    async opened({ query }) {
      const asked = await read(query.get('ask'), 'ask');
      if (!asked.ok) return asked;
      const { about, until } = asked.words;
      const held = random(bytes.held);
      const form = await sign({ for: steps.form, about, until, browser: digest(held) });
      return { ok: true, about, fields: { form }, cookie: cookie(held) };
    },
    async pressed({ headers, body }) {
      const fields = new URLSearchParams(new TextDecoder().decode(body));
      const held = heldIn([headers.cookie ?? ''].flat().join('; '));
      const form = await read(fields.get('form'), 'form', held);
      if (!form.ok) return form;
      const { about, browser } = form.words;
      const nonce = random(bytes.nonce);
      const until = clock().getTime() + lifeMs;
      const state = await sign({ for: steps.state, about, until, browser, nonce });
      return { ok: true, about, state, cookie: cookie(held), secret: secretOf(held, nonce) };
    },
    async returned({ query, cookie: cookies }) {
      const held = heldIn(cookies);
      const text = query.get('state') ?? '';
      const state = await read(text, 'state', held);
      if (!state.ok) return state;
      const { about, until, nonce = '' } = state.words;
      if (!(await once.use(nonce, new Date(until), clock()))) return { ok: false, why: 'used' };
      return { ok: true, about, state: text, secret: secretOf(held, nonce) };
    },
    forget: cookie(''),
    edge: handle => ({ path: paths.start, limitBytes: formBytes, handle }),
  };
}

function jsonOf(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}
