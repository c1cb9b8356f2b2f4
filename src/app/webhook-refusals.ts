import { system } from '../core/actor.ts';
import type { AuditLog, Log } from '../core/ports.ts';
import {
  type Delivery,
  type WebhookRefusal,
  type WebhookRefusals,
  webhookRefusals,
} from '../core/webhook.ts';

type Source = Delivery['source'];
type Counts = Map<WebhookRefusal, number>;

export interface CountedRefusals extends WebhookRefusals {
  /** All since the process began, none left out. */
  counts(): { source: Source; why: WebhookRefusal; count: number }[];
  /**
   * Writes down what was refused since the last time, in one row for each source: whoever sends nonsense fills no log. There is nobody to
   * name, so it is Signalbox that says it. Never throws; what could not be written is in the next row.
   */
  flush(): Promise<void>;
}

export function countRefusals(deps: {
  sources: readonly Source[];
  audit: Pick<AuditLog, 'append'>;
  log: Log;
  clock: () => Date;
}): CountedRefusals {
  const { sources, audit, log, clock } = deps;
  const all = new Map<Source, Counts>(sources.map(source => [source, new Map()]));
  let unwritten = new Map<Source, Counts>();

  return {
    refused(source, why) {
      add(all, source, why, 1);
      add(unwritten, source, why, 1);
    },
    counts: () =>
      [...all].flatMap(([source, counts]) =>
        webhookRefusals.map(why => ({ source, why, count: counts.get(why) ?? 0 })),
      ),
    async flush() {
      const taken = unwritten;
      unwritten = new Map();
      for (const [source, counts] of taken) {
        const subject = `webhook:${source}`;
        const entry = { actor: system, action: 'webhook.refused', subject, outcome: 'refused' } as const;
        try {
          await audit.append({ ...entry, details: detailsOf(counts) }, clock());
        } catch (err) {
          log.warn({ err, source }, 'refused deliveries were not written down');
          for (const [why, count] of counts) add(unwritten, source, why, count);
        }
      }
    },
  };
}

function add(to: Map<Source, Counts>, source: Source, why: WebhookRefusal, count: number): void {
  const counts = to.get(source) ?? new Map();
  to.set(source, counts.set(why, (counts.get(why) ?? 0) + count));
}

function detailsOf(counts: Counts) {
  const each = [...counts].sort(([, a], [, b]) => b - a);
  const count = each.reduce((sum, [, one]) => sum + one, 0);
  const reason = `${count} refused: ${each.map(([why, one]) => `${why} ${one}`).join(', ')}`;
  return { count, reason, by: Object.fromEntries(each) };
}
