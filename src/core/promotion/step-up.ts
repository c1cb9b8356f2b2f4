import type { Actor, Place } from '../actor.ts';
import { accountsOf, type Person } from '../people.ts';
import type { Policy } from '../policy.ts';

/** That somebody showed a second factor: which account of the provider, and when they did. */
export interface SecondFactor {
  /** `oidc:` and the subject. */
  account: string;
  at: Date;
}

/** The same, for one promotion as it was shown to them. It counts for nothing else. */
export interface FactorFor extends SecondFactor {
  promotion: number;
  evidence: string;
}

/** An approval that waits for a second factor. */
export interface StepUpWish {
  promotion: number;
  evidence: string;
  actor: Actor;
  place: Place;
  /** What they said with it; may be empty. */
  reason: string;
  askedAt: Date;
}

/** What the provider says of whoever sat in front of the browser. */
export interface Vouched {
  subject: string;
  /** Null: none, or one that it has not verified. */
  email: string | null;
  authenticatedAt: Date | null;
  /** How, by names of the provider's own. */
  acr: string | null;
  /** How, by the names of RFC 8176. */
  amr: readonly string[];
}

/** By how much the provider's clock may be behind. */
const clocksMs = 30_000;

/**
 * Why what the provider says is no second factor that was shown for this; null: it is one. By OpenID Connect Core 1.0 (section 3.1.2.1)
 * `acr_values` is a wish, so that the answer is looked at, and so is the time: a provider may pass over `max_age` and `prompt`. `acr`: those
 * of which one must be in the answer; none: `amr` must hold `mfa` (RFC 8176).
 */
export function lacksFactor(
  { authenticatedAt, acr: reached, amr }: Vouched,
  { askedAt, acr }: { askedAt: Date; acr: readonly string[] },
): string | null {
  if (authenticatedAt === null) return 'The provider does not say when you signed in (auth_time).';
  // It comes in whole seconds.
  if (authenticatedAt.getTime() < Math.floor(askedAt.getTime() / 1_000) * 1_000 - clocksMs)
    return 'You signed in there before you were asked to, and the provider did not ask anew.';
  if (acr.length > 0)
    return reached !== null && acr.includes(reached)
      ? null
      : `The provider does not say that you signed in by ${acr.join(' or ')} (acr).`;
  return amr.includes('mfa')
    ? null
    : 'The provider does not say that you signed in with a second factor (mfa in amr).';
}

type Named = Policy['people'][number];

/** What of signalbox.yml says who somebody is at the provider; empty: nothing does, and nobody may vouch for them. */
export function namedAtProvider({ accounts }: Pick<Person, 'accounts'>, people: Policy['people']): Named[] {
  return people.filter(
    one =>
      accountsOf(one).some(account => accounts.includes(account)) &&
      (one.oidc !== undefined || one.email !== undefined),
  );
}

/**
 * Why an account of the provider is not this person's; null: it is. Only what signalbox.yml names counts: whoever comes first to sign in is
 * nobody by that. An account that fits several persons is none of theirs.
 */
export function isOther(
  vouched: Pick<Vouched, 'subject' | 'email'>,
  person: Pick<Person, 'accounts' | 'name'>,
  people: Policy['people'],
): string | null {
  const own = namedAtProvider(person, people);
  const fits = people.filter(one => fitsAccount(one, vouched));
  const shown = vouched.email ?? vouched.subject;
  const [first] = fits;
  if (!first) return `You signed in as ${shown}, and signalbox.yml names nobody with that account.`;
  const other = fits.find(one => !own.includes(one));
  if (other && fits.length > 1)
    return `You signed in as ${shown}, which fits several persons: ${fits.map(({ name }) => name).join(', ')}.`;
  if (other) return `You signed in as ${shown}, the account of ${other.name}.`;
  return null;
}

/** Where an OIDC account is named it alone counts, and not the address. */
function fitsAccount({ oidc, email }: Named, vouched: Pick<Vouched, 'subject' | 'email'>): boolean {
  if (oidc === undefined) return email !== undefined && isSameAddress(email, vouched.email);
  return oidc === vouched.subject || isSameAddress(oidc, vouched.email);
}

function isSameAddress(one: string, other: string | null): boolean {
  return other !== null && one.toLowerCase() === other.toLowerCase();
}
