import { counted, formatDuration, formatNumber } from './format.ts';
import { leaseProject } from './lease.ts';
import { formatMoney, typedMoney } from './money.ts';
import type { UsageRow } from './ports.ts';
import { type Inline, type Reply, type ReplyBlock, reply } from './reply.ts';

const sections = [
  ['team', 'By team'],
  ['person', 'By person'],
  ['project', 'By project'],
] as const;

/** What was asked for and held in a stretch of time; `sinceS`: how long it is, in seconds. */
export function usageReply(
  rows: readonly UsageRow[],
  { sinceS, team, currency }: { sinceS: number; team?: string | undefined; currency: string },
): Reply {
  const all = rows.find(row => row.by === 'all');
  const whose = team === undefined ? '' : ` by team ${team}`;
  const data = { sinceSeconds: sinceS, team: team ?? null, currency, rows };
  const span = formatDuration(sinceS);
  if (!all || all.runs === 0)
    return reply(`No accelerator was held${whose} in the last ${span}.`, [], { data });
  const cost = all.cost > 0 ? `, for ${formatMoney(all.cost, currency)}` : '';
  const title = `${hours(all.heldHours)} accelerator-hours were held${whose} in the last ${span}${cost}.`;
  const isPaid = rows.some(row => row.cost > 0);
  const found = sections
    // Of one team there is nothing to compare.
    .filter(([by]) => by !== 'team' || team === undefined)
    .map(([by, heading]) => ({ heading, rows: rows.filter(row => row.by === by) }))
    .filter(one => one.rows.length > 0);
  const [first, ...others] = found;
  const blocks = [
    ...(first ? [table(first.heading, first.rows, currency, isPaid)] : []),
    // A second table would be too wide for a phone.
    ...others.flatMap(one => list(one.heading, one.rows, isPaid ? currency : null)),
  ];
  const small: ReplyBlock = {
    kind: 'context',
    text: [
      `${counted(all.runs, 'run')}. Held: accelerators times the hours that they were given out. `,
      'Asked: times what their time limits allowed.',
    ],
  };
  return reply(title, [...blocks, small], { data });
}

function table(heading: string, rows: readonly UsageRow[], currency: string, isPaid: boolean): ReplyBlock {
  const right = 'right' as const;
  const columns = [
    { title: heading },
    { title: 'Held, h', align: right },
    { title: 'Asked, h', align: right },
    { title: 'Runs', align: right },
    ...(isPaid ? [{ title: `Cost, ${currency}`, align: right }] : []),
  ];
  const cells = rows.map(row => [
    nameOf(row),
    hours(row.heldHours),
    hours(row.askedHours),
    String(row.runs),
    ...(isPaid ? [typedMoney(row.cost)] : []),
  ]);
  return { kind: 'table', columns, rows: cells };
}

function list(heading: string, rows: readonly UsageRow[], currency: string | null): ReplyBlock[] {
  const items = rows.map((row): Inline[] => {
    const cost = currency === null ? '' : `, ${formatMoney(row.cost, currency)}`;
    const held = `: ${hours(row.heldHours)} h held of ${hours(row.askedHours)} h asked, ${counted(row.runs, 'run')}${cost}`;
    return [{ bold: nameOf(row) }, held];
  });
  return [
    { kind: 'heading', text: heading },
    { kind: 'list', items },
  ];
}

function nameOf({ by, shown }: UsageRow): string {
  return by === 'project' && shown === leaseProject ? 'leases' : shown;
}

function hours(amount: number): string {
  return formatNumber(Math.round(amount * 10) / 10);
}
