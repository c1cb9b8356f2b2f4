import { type OidcProvider, oidcProvider } from '../adapters/oidc/provider.ts';
import { stepUpLinks, stepUpPages } from '../adapters/oidc/step-up-pages.ts';
import { onceStore } from '../adapters/postgres/once.ts';
import { stepUpStore } from '../adapters/postgres/step-ups.ts';
import { personBehind } from '../app/who-is.ts';
import type { Config, OidcConfig } from '../config.ts';
import type { Page, RawEdge } from '../core/edge.ts';
import type { StepUp } from '../core/ports.ts';
import type { StepUpWish } from '../core/promotion/step-up.ts';
import type { Adapters, Base } from './base.ts';

type Settings = Pick<Config, 'oidc' | 'publicUrl' | 'host' | 'port'>;
type Stores = Pick<Adapters, 'database' | 'signer'>;

/** What approvals are asked for by. */
export function openStepUp(config: Settings, stores: Stores, clock: () => Date): StepUp {
  if (config.oidc) return stepUpLinks(linkOptions(config, stores, clock));
  return { isOn: false, startAddress: () => Promise.reject(new Error('no OpenID Connect provider')) };
}

/** The pages behind; none where no provider is configured. */
export function openStepUpPages(
  base: Stores &
    Pick<Base, 'policy' | 'links' | 'groups' | 'promotions' | 'audit' | 'dispatch' | 'log' | 'clock'> & {
      config: Settings;
    },
): { pages: Page[]; edges: RawEdge[] } {
  const { config, policy, clock } = base;
  const { oidc } = config;
  if (!oidc) return { pages: [], edges: [] };
  return stepUpPages({
    ...base,
    ...linkOptions(config, base, clock),
    provider: providerOf(oidc, clock),
    host: new URL(oidc.issuer).host,
    acr: oidc.acr,
    async personOf({ actor }: StepUpWish) {
      const now = policy();
      const { person } = await personBehind(actor, now, base, clock());
      return { person, people: now.people };
    },
  });
}

export function providerOf(oidc: OidcConfig, clock: () => Date): OidcProvider {
  return oidcProvider(oidc, clock);
}

function linkOptions({ publicUrl, host, port }: Settings, { database, signer }: Stores, clock: () => Date) {
  const { db } = database;
  return {
    publicUrl: publicUrl ?? `http://${host}:${port}`,
    ...{ signer, once: onceStore(db), stepUps: stepUpStore(db), clock },
  };
}
