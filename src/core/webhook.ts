import type { Intent } from './intent.ts';

/** One verified and stored message from outside. `body` is the raw text that was signed. */
export interface Delivery {
  id: number;
  source: 'slack';
  /** `command`, `interaction` or `event` for Slack. */
  kind: string;
  /** Unique inside its source; a repeat changes nothing. */
  deliveryId: string;
  body: string;
  receivedAt: Date;
}

/** What a translation makes of a payload: something wanted, or nothing, with the reason for the log. */
export type Translation = { kind: 'intent'; intent: Intent } | { kind: 'ignore'; why: string };

/** One kind of message from one source, as a pure translation. Registered in `webhooks/index.ts`. */
export interface WebhookDefinition {
  name: string;
  source: Delivery['source'];
  kind: string;
  /** `payload` is parsed but not yet trusted to have any shape. */
  translate(payload: unknown, deliveryId: string): Translation;
}
