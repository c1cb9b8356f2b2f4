import { groupsIn } from '../core/groups.ts';
import { type GroupStore, type GroupsPort, GroupUnreadable, type Log } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { GroupChange } from '../core/webhook.ts';

export interface SyncGroupsPorts {
  groups: GroupStore;
  /** Where the groups are. */
  outside: GroupsPort;
  log: Log;
}

const everyMs = 5 * 60_000;
/** After a failure, so that a short one is over soon. */
const againMs = 60_000;

/**
 * Brings what is known of the groups that `signalbox.yml` names in line with Slack and GitHub: those that are due, which a group is as
 * soon as it is named. Any worker may do it at any time; each group is read by one of them.
 */
export async function syncGroups(policy: Policy, ports: SyncGroupsPorts, clock: () => Date): Promise<void> {
  // 1. Those that are due are this worker's for the time until they are due again.
  const now = clock();
  const due = await ports.groups.take(groupsIn(policy), now, new Date(now.getTime() + everyMs));
  // 2. One after the other: there is no hurry, and others need the budget of calls too.
  for (const group of due) await readGroup(group, ports, clock);
}

/**
 * Something changed in a group, says the place where it is: whoever is said to be gone is out of it at once, whether or not the group can
 * be read now, and then it is read. A group that nobody names is of no interest.
 */
export async function groupChanged(
  { group, removed }: GroupChange,
  policy: Policy,
  ports: SyncGroupsPorts,
  clock: () => Date,
): Promise<void> {
  if (!groupsIn(policy).includes(group)) return;
  if (removed.length > 0) await ports.groups.remove(group, removed);
  await readGroup(group, ports, clock);
}

/** Reads one group and stores who is in it. One that cannot be read keeps its members until they are too old to count. */
async function readGroup(
  group: string,
  { groups, outside, log }: SyncGroupsPorts,
  clock: () => Date,
): Promise<void> {
  const ticket = await groups.begin(group);
  try {
    const members = await outside.members(group);
    const { recovered } = await groups.store(group, ticket, members, clock());
    if (recovered) log.info({ group }, 'a group can be read again');
  } catch (err) {
    if (!(err instanceof GroupUnreadable)) throw err;
    const next = new Date(clock().getTime() + (err.busy ? err.afterMs : Math.max(err.afterMs, againMs)));
    // Too many calls at a time are nobody's trouble: it is read in a moment.
    if (err.busy) return await groups.postpone(group, next);
    const { first } = await groups.failed(group, ticket, err.message, next);
    if (first) log.warn({ err, group }, 'a group cannot be read, its members of before count for a day');
  }
}
