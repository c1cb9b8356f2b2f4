import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Page, PageRequest, RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault } from '../../core/errors.ts';
import { htmlPage } from '../../core/html-page.ts';
import type { Dispatched, Intent } from '../../core/intent.ts';
import type { Person } from '../../core/people.ts';
import type {
  AuditLog,
  Log,
  OnceStore,
  PromotionStore,
  Signer,
  StepUp,
  StepUpStore,
} from '../../core/ports.ts';
import type { Policy } from '../../core/project.ts';
import { promotionName, promotionTitle } from '../../core/promotion/promotion-reply.ts';
import { isOther, lacksFactor, type StepUpWish, type Vouched } from '../../core/promotion/step-up.ts';
import { type VisitRefusal, visit, visitReasons } from '../../core/visit.ts';
import { OidcError, type OidcProvider, type VisitSecrets } from './provider.ts';

interface LinkOptions {
  /** Where people reach Signalbox. */
  publicUrl: string;
  signer: Signer;
  once: OnceStore;
  stepUps: StepUpStore;
  clock: () => Date;
}

interface PageOptions extends LinkOptions {
  provider: OidcProvider;
  /** Of the provider, as people know it. */
  host: string;
  acr: readonly string[];
  promotions: Pick<PromotionStore, 'get'>;
  /** Who somebody is at this moment. */
  personOf(wish: StepUpWish): Promise<{ person: Person; people: Policy['people'] }>;
  dispatch(intent: Intent): Promise<Dispatched>;
  audit: Pick<AuditLog, 'append'>;
  log: Log;
}

/** The id of what is stored: nothing of it is in an address. */
const aboutSchema = z.strictObject({ id: z.string() });

function stepUpVisit({ publicUrl, signer, once, clock }: LinkOptions) {
  return visit({
    ...{ name: 'step-up', about: aboutSchema, publicUrl, signer, once, clock },
    random: bytes => randomBytes(bytes).toString('base64url'),
    digest: text => createHash('sha256').update(text).digest('base64url'),
  });
}

/** Makes the addresses that those who approve are given. */
export function stepUpLinks(options: LinkOptions): StepUp {
  const pages = stepUpVisit(options);
  return {
    isOn: true,
    async startAddress(wish, key, until) {
      const id = await options.stepUps.ask({
        ...{ id: randomBytes(16).toString('base64url'), key, until, wish },
      });
      return await pages.startAddress({ id }, until);
    },
  };
}

type Asked = { id: string; wish: StepUpWish };

/**
 * The pages by which somebody shows a second factor for an approval. The link counts once: from the moment that the provider has said that it
 * is them, and how. Until then they may try again. What follows is as if they had pressed Approve just then: the same rules count, as of then.
 */
export function stepUpPages(options: PageOptions): { pages: Page[]; edges: RawEdge[] } {
  const { provider, host, acr, stepUps, promotions, personOf, dispatch, audit, log, clock } = options;
  const pages = stepUpVisit(options);

  async function show(request: PageRequest): Promise<RawResponse> {
    const opened = await pages.opened(request);
    if (!opened.ok) return refused(opened.why);
    const asked = await find(opened.about.id);
    if (!asked) return refused('used');
    const { actor, promotion: number, reason } = asked.wish;
    const promotion = await promotions.get(number);
    if (!promotion) return refused('forged');
    return htmlPage({
      status: 200,
      title: `Approve ${promotionName(promotion)} with a second factor`,
      paragraphs: [
        `${promotionTitle(promotion)}, approved by ${actor.name} (${actor.kind}:${actor.id}).`,
        ...(reason === '' ? [] : [`Why: ${reason}`]),
        `${host} asks you to sign in anew. Go on only if that account is yours, and you asked for this yourself a moment ago. Else close this page.`,
      ],
      form: {
        action: pages.paths.start,
        label: `I am ${actor.name}: go on to ${host}`,
        fields: opened.fields,
      },
      headers: { 'set-cookie': opened.cookie },
    });
  }

  async function press(request: RawRequest): Promise<RawResponse> {
    const pressed = await pages.pressed(request);
    if (!pressed.ok) return refused(pressed.why);
    const asked = await find(pressed.about.id);
    if (!asked) return refused('used');
    try {
      const secrets = secretsOf(pressed.secret);
      const address = await provider.authorizeUrl(pages.backUrl, pressed.state, secrets);
      // Not an answer that leads elsewhere: a provider may lead on to others, which no policy of this page can name.
      return htmlPage({
        status: 200,
        title: `Going on to ${host}`,
        paragraphs: [],
        goesTo: { address, label: `Go on to ${host}` },
        headers: { 'set-cookie': pressed.cookie },
      });
    } catch (err) {
      return await failed(err, asked);
    }
  }

  async function back(request: PageRequest): Promise<RawResponse> {
    const returned = await pages.returned(request);
    if (!returned.ok) return refused(returned.why);
    const asked = await find(returned.about.id);
    if (!asked) return refused('used');
    let vouched: Vouched;
    try {
      const cameBack = new URL(`${pages.backUrl}?${request.query}`);
      vouched = await provider.redeem(cameBack, returned.state, secretsOf(returned.secret));
    } catch (err) {
      return await failed(err, asked);
    }
    const { person, people } = await personOf(asked.wish);
    const reason = isOther(vouched, person, people) ?? lacksFactor(vouched, { ...asked.wish, acr });
    if (reason !== null) return await turnedDown(asked, vouched, reason);
    if (!(await stepUps.use(asked.id, clock()))) return refused('used');
    return await approve(asked, vouched);
  }

  /** Null: it has counted already. */
  async function find(id: string): Promise<Asked | null> {
    const found = await stepUps.get(id);
    return found && !found.used ? { id, wish: found.wish } : null;
  }

  async function approve({ id, wish }: Asked, { subject, authenticatedAt }: Vouched): Promise<RawResponse> {
    const { promotion, evidence, actor, place, reason } = wish;
    const result = await dispatch({
      ...{ key: `step-up:${id}`, actor, place },
      factor: { promotion, evidence, account: `oidc:${subject}`, at: authenticatedAt ?? clock() },
      wish: {
        kind: 'call',
        path: ['model', 'approve'],
        values: { promotion: `P${promotion}`, ...(reason === '' ? {} : { reason }) },
      },
    });
    if (!result.ok) return faultPage(result.fault);
    return page(200, 'Your approval counts.', [`${result.reply.title}.`, 'You can close this page.']);
  }

  async function turnedDown({ wish }: Asked, { subject }: Vouched, reason: string): Promise<RawResponse> {
    const { actor, promotion } = wish;
    const entry = { actor, action: 'promotion.factor', subject: `promotion:${promotion}` };
    const details = { code: 'STEP_UP_FAILED', account: `oidc:${subject}`, reason };
    await audit.append({ ...entry, outcome: 'refused', details }, clock());
    log.warn({ promotion, actor: actor.id, reason }, 'a second factor was refused');
    return faultPage(fault('STEP_UP_FAILED', { reason, todo: again }));
  }

  /** The provider is away, or says no: the link is as good as before. */
  async function failed(err: unknown, { wish }: Asked): Promise<RawResponse> {
    if (!(err instanceof OidcError)) throw err;
    log.warn(
      { err, promotion: wish.promotion, actor: wish.actor.id },
      'a second factor could not be asked for',
    );
    const said = fault('STEP_UP_FAILED', { reason: err.message, todo: again });
    return faultPage(err.kind === 'away' ? { ...said, status: 503 } : said);
  }

  function refused(why: VisitRefusal): RawResponse {
    log.warn({ why }, 'a page for a second factor was refused');
    return faultPage(fault('STEP_UP_FAILED', { reason: visitReasons[why], todo: anew }));
  }

  function faultPage({ status, what, why, todo }: Fault): RawResponse {
    return page(status, what, [why, todo].filter(Boolean));
  }

  /** The last one: the browser has nothing to keep any more. */
  function page(status: number, title: string, paragraphs: readonly string[]): RawResponse {
    return htmlPage({ status, title, paragraphs, headers: { 'set-cookie': pages.forget } });
  }

  return {
    pages: [
      { path: pages.paths.start, handle: show },
      { path: pages.paths.back, handle: back },
    ],
    edges: [pages.edge(press)],
  };
}

const again = 'Open the link in Slack again while it is good, or press Approve there for a new one.';
const anew = 'Press Approve in Slack again for a new link.';

function secretsOf(secret: (of: string) => string): VisitSecrets {
  return { nonce: secret('nonce'), verifier: secret('verifier') };
}
