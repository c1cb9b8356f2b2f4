import type { Delivery } from '../../fakes/github/hooks.ts';
import type { House } from './house.ts';

/** "GitHub expects a 2xx within ten seconds." */
const patienceMs = 10_000;
/** Of one delivery this many at once. */
const crowd = 100;

/** What was sent, and what was said to it. */
export interface Post {
  /** How often each status was said; 0: nothing. */
  statuses: Map<number, number>;
  /** What Signalbox said that it has. */
  acknowledged: Set<string>;
  /** Once more what was sent before changes nothing, not even what GitHub remembers of it. */
  send(delivery: Delivery, repeat: boolean): Promise<void>;
  /** All of these at the same moment. */
  sendAtOnce(delivery: Delivery): Promise<void>;
}

/** The way from GitHub to Signalbox. While nobody is there, nothing more is sent than was under way. */
export function openPost({ address, open }: Pick<House, 'address' | 'open'>): Post {
  const statuses = new Map<number, number>();
  const acknowledged = new Set<string>();

  async function send(delivery: Delivery, repeat: boolean): Promise<void> {
    const { status, said } = await post(delivery);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (said === 'stored' || said === 'known already') acknowledged.add(delivery.guid);
    const isOk = status >= 200 && status < 300;
    if (!repeat) {
      delivery.statusCode = status || 502;
      delivery.status = isOk ? 'OK' : 'failed to connect to host';
    }
    if (!isOk) await open();
  }

  async function post({ headers, body }: Delivery): Promise<{ status: number; said: string }> {
    const signal = AbortSignal.timeout(patienceMs);
    try {
      const answer = await fetch(address, { method: 'POST', headers, body, signal });
      return { status: answer.status, said: await answer.text() };
    } catch {
      return { status: 0, said: '' };
    }
  }

  return {
    statuses,
    acknowledged,
    send,
    sendAtOnce: async delivery =>
      void (await Promise.all(Array.from({ length: crowd }, () => send(delivery, true)))),
  };
}
