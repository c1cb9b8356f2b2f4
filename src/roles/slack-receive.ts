import { randomUUID } from 'node:crypto';
import { commands } from '../../commands/index.ts';
import { slackForms } from '../adapters/slack/instant.ts';
import { type Received, slackReceiver } from '../adapters/slack/receive.ts';
import { faultReply } from '../app/deliver.ts';
import { ingest } from '../app/ingest.ts';
import { rejectDesk } from '../app/reject-desk.ts';
import { rollbackDesk } from '../app/rollback-desk.ts';
import { trainDesk } from '../app/train-desk.ts';
import { actorKey } from '../core/actor.ts';
import { withOwnExamples } from '../core/examples.ts';
import type { DeliveryStore } from '../core/ports.ts';
import type { Base } from './base.ts';
import { inPerson } from './slack.ts';

/** Takes what Slack says, whichever way it comes: forms are answered at once, all else is stored for the workers. */
export function receiveSlack(
  base: Base,
  deliveries: Pick<DeliveryStore, 'store'>,
): (text: string, receivedAt: Date) => Promise<Received> {
  const { config, slack, wakeups, audit, log, clock } = base;
  const store: Parameters<typeof slackReceiver>[0]['ingest'] = delivery =>
    ingest(delivery, { deliveries, wakeups });
  if (!config.slack) return slackReceiver({ ingest: store, log });
  const instant = slackForms({
    desks: {
      'model reject': rejectDesk(base),
      get 'model rollback'() {
        return rollbackDesk({ ...base, policy: base.policy(), commands });
      },
      get train() {
        const policy = base.policy();
        return trainDesk({ ...base, policy, commands: withOwnExamples(commands, policy) });
      },
    },
    tokens: slack.tokens,
    apiUrl: config.slack.apiUrl,
    ingest: store,
    refused(actor, code) {
      const entry = {
        actor,
        action: 'delivery.refused',
        subject: actorKey(actor),
        outcome: 'refused',
      } as const;
      const details = { code, source: 'slack', kind: 'form' };
      audit
        .append({ ...entry, details }, clock())
        .catch(err => log.warn({ err, code }, 'a refused form was not written down'));
    },
    async tell(asked, said) {
      const content = faultReply(said);
      const place = await inPerson(asked, slack.messenger);
      await slack.messenger.send({ place, content, nonce: randomUUID(), remote: null, thread: null });
    },
    log,
    clock,
  });
  return slackReceiver({ ingest: store, instant, log });
}
