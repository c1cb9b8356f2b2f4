import type { Bench, Outcome, Row } from './bench.ts';
import type { Contestant } from './contestant.ts';
import { median, percentile, rounded } from './numbers.ts';
import { type Measured, openLoop } from './open-loop.ts';
import { inPlace } from './place.ts';
import { openStored, startServer, startSignalbox } from './signalbox.ts';
import { slashCommand } from './slash-command.ts';

const secret = 'bench-signing-secret';
const perSecond = 500;
const rounds = 5;
const roundS = 5;
const warmUpS = 5;
/** The beginning of each round, in which caches fill again, is sent and not counted. */
const uncountedS = 0.5;
const connections = 32;

/**
 * Slack's slash commands, signed, 500 every second: Signalbox, which stores each durably before it acknowledges, beside a bare Bolt that
 * keeps nothing, and beside the floor. Throws when one was refused, or when there is more or less in the store than was acknowledged.
 */
export const slackAck: Bench = {
  name: 'slack-ack',
  about: 'slash commands acknowledged, 500 a second, beside a bare Bolt',
  run: async say => {
    const variables = { SLACK_SIGNING_SECRET: secret, SLACK_BOT_TOKEN: 'xoxb-bench' };
    return await inPlace(variables, say, async (place, keep) => {
      const contestants = [
        keep(await startSignalbox(place)),
        keep(await startServer('bolt', place)),
        keep(await startServer('node-http', place)),
      ];
      const stored = keep(await openStored(place));
      const { acks, ...outcome } = await compare(contestants, say);
      const [acked, kept] = [acks.get('signalbox') ?? 0, await stored.count()];
      say(`${acked} commands acknowledged by Signalbox, ${kept} stored`);
      if (acked !== kept) throw new Error(`${acked} commands were acknowledged, and ${kept} are stored.`);
      return outcome;
    });
  },
};

async function compare(
  contestants: Contestant[],
  say: (line: string) => void,
): Promise<Outcome & { acks: Map<string, number> }> {
  const acks = new Map<string, number>();
  const measured = new Map<string, Round[]>(contestants.map(({ who }) => [who, []]));
  const load = async (one: Contestant, seconds: number): Promise<Round> => {
    const count = Math.round(seconds * perSecond);
    const requests = Array.from({ length: count }, () => slashCommand(secret, new Date()));
    const result = await openLoop({ port: one.port, perSecond, requests, connections });
    acks.set(one.who, (acks.get(one.who) ?? 0) + acknowledged(one.who, result));
    return roundOf(result);
  };

  for (const one of contestants) await load(one, warmUpS);
  for (let i = 1; i <= rounds; i += 1) {
    for (const one of i % 2 ? contestants : contestants.toReversed()) {
      const round = await load(one, uncountedS + roundS);
      measured.get(one.who)?.push(round);
      say(`round ${i}: ${one.who} ${JSON.stringify(round)}`);
    }
  }

  const rows = contestants.map(({ who }) => rowOf(who, measured.get(who) ?? []));
  const p99 = (who: string) => rows.find(row => row.who === who)?.p99_ms ?? Number.NaN;
  return { rows, ratio: rounded(p99('signalbox') / p99('bolt')), acks };
}

/** All of them, or none of the figures would count. */
function acknowledged(who: string, { statuses }: Measured): number {
  const others = [...statuses.keys()].filter(status => status !== 200);
  if (others.length > 0) throw new Error(`${who} answered ${JSON.stringify(Object.fromEntries(statuses))}.`);
  return statuses.get(200) ?? 0;
}

type Round = Record<'per_s' | 'p50_ms' | 'p99_ms' | 'max_ms' | 'late_p99_ms', number>;

function roundOf({ latenciesMs, lateMs, seconds }: Measured): Round {
  const from = uncountedS * perSecond;
  const [latencies, late] = [latenciesMs.subarray(from), lateMs.subarray(from)];
  return {
    per_s: rounded(latenciesMs.length / seconds),
    p50_ms: rounded(percentile(latencies, 0.5)),
    p99_ms: rounded(percentile(latencies, 0.99)),
    max_ms: rounded(percentile(latencies, 1)),
    late_p99_ms: rounded(percentile(late, 0.99)),
  };
}

/** Each figure is the median of the rounds' figures. */
function rowOf(who: string, measured: Round[]): Row {
  const middle = (name: keyof Round) => median(measured.map(round => round[name]));
  return {
    who,
    per_s: middle('per_s'),
    p50_ms: middle('p50_ms'),
    p99_ms: middle('p99_ms'),
    max_ms: middle('max_ms'),
    late_p99_ms: middle('late_p99_ms'),
  };
}
