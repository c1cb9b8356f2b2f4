import { openConnection } from './connection.ts';

export interface Answered {
  /** In the order of the answers; milliseconds from the moment at which a request was sent. */
  latenciesMs: number[];
  /** How many were answered with each status; 0 is a broken connection. */
  statuses: Map<number, number>;
  /** From the beginning of what is counted to its last answer. Seconds. */
  seconds: number;
}

/**
 * Keeps every connection busy for so long: the next request leaves when the last is answered. What is answered in the first `uncountedS`
 * seconds counts only in `statuses`.
 */
export async function closedLoop(
  port: number,
  options: { connections: number; uncountedS: number; seconds: number; next(): Buffer },
): Promise<Answered> {
  const { connections, uncountedS, seconds, next } = options;
  const all = await Promise.all(Array.from({ length: connections }, () => openConnection(port)));
  const latenciesMs: number[] = [];
  const statuses = new Map<number, number>();
  const from = performance.now() + uncountedS * 1_000;
  const until = from + seconds * 1_000;
  let last = from;

  const lanes = all.map(
    connection =>
      new Promise<void>(resolve => {
        const send = () => {
          const sentAt = performance.now();
          if (sentAt >= until) return resolve();
          connection.send(next(), status => {
            const now = performance.now();
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            if (now >= from) {
              latenciesMs.push(now - sentAt);
              last = now;
            }
            if (status === 0) resolve();
            else send();
          });
        };
        send();
      }),
  );
  await Promise.all(lanes);
  for (const one of all) one.close();
  return { latenciesMs, statuses, seconds: (last - from) / 1_000 };
}
