import { z } from 'zod';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://mlflow.org/docs/latest/ml/webhooks/: `created` also where an alias is moved, and `deleted`. */
const eventSchema = z.object({
  action: z.enum(['created', 'deleted']),
  data: z.object({ name: z.string().min(1).max(256) }),
});

/** An alias of a registered model means another version. What it means now is asked, for messages come late and in any order. */
export const mlflowAlias = {
  name: 'mlflow-alias',
  source: 'mlflow',
  kind: 'model_version_alias',
  translate(payload: unknown): Translation {
    const parsed = eventSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: 'it is not as MLflow says it' };
    return { kind: 'registry', model: parsed.data.data.name };
  },
} as const satisfies WebhookDefinition;
