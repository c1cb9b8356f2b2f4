import { z } from 'zod';
import type { Signer } from '../../core/ports.ts';
import type { Delivery, Translation, WebhookDefinition } from '../../core/webhook.ts';

type OnTranslation = (translation: Translation) => Promise<void>;

const actionSchema = z.object({ action: z.string() });

/** What a stored delivery says, by every translation that is for its event and action. */
export function githubUnpack(webhooks: readonly WebhookDefinition[], signer: Pick<Signer, 'read'>) {
  return async (delivery: Delivery, onTranslation: OnTranslation): Promise<void> => {
    const payload = parsed(delivery.body);
    if (payload === undefined) return await onTranslation({ kind: 'ignore', why: 'the payload is no JSON' });
    const action = actionSchema.safeParse(payload).data?.action ?? null;
    const listening = listeners(webhooks, delivery.kind, action);
    if (listening.length === 0) {
      const what = action === null ? delivery.kind : `${delivery.kind} ${action}`;
      return await onTranslation({ kind: 'ignore', why: `nothing listens to GitHub's ${what}` });
    }
    for (const webhook of listening) {
      const said = webhook.translate(payload, delivery.deliveryId);
      await onTranslation(said.kind === 'signed' ? said.read(await signer.read(said.value)) : said);
    }
  };
}

/** The edge looks at no more of it than its beginning. `undefined`: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Those of GitHub's translations that are for an event, and for its action where they name theirs. */
export function listeners(
  webhooks: readonly WebhookDefinition[],
  event: string,
  action: string | null,
): WebhookDefinition[] {
  return webhooks.filter(
    ({ source, kind, events }) =>
      source === 'github' && kind === event && (!events || (action !== null && events.includes(action))),
  );
}
