import { generateKeyPairSync } from 'node:crypto';
import type { Bench, Outcome, Row } from './bench.ts';
import { closedLoop } from './closed-loop.ts';
import type { Contestant } from './contestant.ts';
import { median, percentile, rounded } from './numbers.ts';
import { openLoop } from './open-loop.ts';
import { inPlace } from './place.ts';
import { pullRequests } from './pull-request.ts';
import { openStored, startServer, startSignalbox } from './signalbox.ts';

const secret = 'bench-webhook-secret';
const rounds = 5;
/** Enough that what waits for an fsync is not all that there is. */
const connections = 128;
/** The beginning of each part of a round, in which caches fill again, is sent and not counted. */
const uncountedS = 0.5;
const roundS = 3;
const warmUpS = 3;
const steadyPerSecond = 500;
const steadyS = 2;

/**
 * Signed `pull_request` deliveries of 21 kB, as many as are taken: Signalbox, which stores each durably before it acknowledges, beside
 * Probot's server and Octokit's middleware, which keep nothing, and beside the floor. Then 500 of them every second. The ratio is the
 * median of the rounds' ratios. Throws when one was refused, or when there is more or less in the store than was acknowledged.
 */
export const ingest: Bench = {
  name: 'ingest',
  about: 'deliveries of GitHub taken per second, beside Probot and Octokit',
  run: async say => {
    const variables = {
      GITHUB_APP_ID: '1',
      GITHUB_PRIVATE_KEY: aPrivateKey(),
      GITHUB_WEBHOOK_SECRET: secret,
    };
    return await inPlace(variables, say, async (place, keep) => {
      const contestants = [
        keep(await startSignalbox(place)),
        keep(await startServer('probot', place)),
        keep(await startServer('octokit', place)),
        keep(await startServer('node-http', place)),
      ];
      const stored = keep(await openStored(place));
      const { acks, ...outcome } = await compare(contestants, say);
      const kept = await stored.count();
      say(`${acks} deliveries acknowledged by Signalbox, ${kept} stored`);
      if (acks !== kept) throw new Error(`${acks} deliveries were acknowledged, and ${kept} are stored.`);
      return outcome;
    });
  },
};

function aPrivateKey(): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
}

async function compare(
  contestants: Contestant[],
  say: (line: string) => void,
): Promise<Outcome & { acks: number }> {
  let acks = 0;
  const count = (who: string, statuses: Map<number, number>) => {
    const acknowledged = acknowledgedOf(who, statuses);
    if (who === 'signalbox') acks += acknowledged;
  };
  const requests = new Map(contestants.map(({ who }) => [who, pullRequests(secret, pathOf(who))]));
  const nextOf = (who: string) => requests.get(who) ?? pullRequests(secret, pathOf(who));

  const flood = async ({ who, port }: Contestant, seconds: number) => {
    const { latenciesMs, statuses, ...took } = await closedLoop(port, {
      ...{ connections, uncountedS, seconds },
      next: nextOf(who),
    });
    count(who, statuses);
    return {
      per_s: rounded(latenciesMs.length / took.seconds),
      p50_ms: rounded(percentile(latenciesMs, 0.5)),
      p99_ms: rounded(percentile(latenciesMs, 0.99)),
    };
  };
  const steady = async ({ who, port }: Contestant) => {
    const next = nextOf(who);
    const all = Array.from({ length: (uncountedS + steadyS) * steadyPerSecond }, next);
    const load = { port, perSecond: steadyPerSecond, requests: all, connections: 32 };
    const { latenciesMs, statuses } = await openLoop(load);
    count(who, statuses);
    const counted = latenciesMs.subarray(uncountedS * steadyPerSecond);
    return {
      steady_p50_ms: rounded(percentile(counted, 0.5)),
      steady_p99_ms: rounded(percentile(counted, 0.99)),
    };
  };

  for (const one of contestants) await flood(one, warmUpS);
  const measured = new Map<string, Round[]>(contestants.map(({ who }) => [who, []]));
  for (let i = 1; i <= rounds; i += 1) {
    for (const one of i % 2 ? contestants : contestants.toReversed()) {
      const round = { ...(await flood(one, roundS)), ...(await steady(one)) };
      measured.get(one.who)?.push(round);
      say(`round ${i}: ${one.who} ${JSON.stringify(round)}`);
    }
  }
  const of = (who: string) => measured.get(who) ?? [];
  const ratios = of('signalbox').map(({ per_s }, i) => per_s / (of('probot')[i]?.per_s ?? Number.NaN));
  say(`signalbox over probot, by rounds: ${ratios.map(rounded).join(', ')}`);
  return { rows: contestants.map(({ who }) => rowOf(who, of(who))), ratio: rounded(median(ratios)), acks };
}

function pathOf(who: string): string {
  return who === 'octokit' ? '/api/github/webhooks' : '/webhooks/github';
}

/** All of them, or none of the figures would count. */
function acknowledgedOf(who: string, statuses: Map<number, number>): number {
  const others = [...statuses.keys()].filter(status => status !== 200 && status !== 202);
  if (others.length > 0) throw new Error(`${who} answered ${JSON.stringify(Object.fromEntries(statuses))}.`);
  return [...statuses.values()].reduce((sum, one) => sum + one, 0);
}

type Round = Record<'per_s' | 'p50_ms' | 'p99_ms' | 'steady_p50_ms' | 'steady_p99_ms', number>;

/** Each figure is the median of the rounds' figures. */
function rowOf(who: string, measured: Round[]): Row {
  const middle = (name: keyof Round) => median(measured.map(round => round[name]));
  return {
    who,
    per_s: middle('per_s'),
    p50_ms: middle('p50_ms'),
    p99_ms: middle('p99_ms'),
    steady_p50_ms: middle('steady_p50_ms'),
    steady_p99_ms: middle('steady_p99_ms'),
  };
}
