import { type Access, hasRank } from '../access.ts';
import { type Role, roles } from '../actor.ts';

/** Whose approvals count: everybody with a role, or the people of a team. */
export type Approvers = { role: Role } | { team: string };

/** `approver`, `team:vision`; null where it is neither. */
export function readApprovers(text: string): Approvers | null {
  const role = roles.find(one => one === text);
  if (role !== undefined) return hasRank(role, 'trainer') ? { role } : null;
  const team = /^team:(.+)$/.exec(text)?.[1];
  return team === undefined ? null : { team };
}

/** Somebody as they are at the moment of the press. */
export interface Answering {
  role: Role;
  teams: readonly string[];
  /** Whether they are, under any of their accounts, who asked for the promotion, or for the run that made the version. */
  asked: boolean;
  trained: boolean;
}

/** `people with the role approver`, `team vision` */
export function approversName(approvers: Approvers): string {
  return 'role' in approvers ? `people with the role ${approvers.role} or above` : `team ${approvers.team}`;
}

/**
 * Whether somebody's answer to a promotion counts. Nobody approves their own: neither what they asked for nor what they trained. To reject
 * is for whoever could approve, and for those two as well.
 */
export function mayAnswer(
  says: 'approve' | 'reject',
  approvers: Approvers,
  { role, teams, asked, trained }: Answering,
): Access {
  const isOne = 'role' in approvers ? hasRank(role, approvers.role) : teams.includes(approvers.team);
  const todo = `Ask ${approversName(approvers)}${asked || trained ? ', other than you' : ''}.`;
  if (says === 'reject' && (asked || trained)) return { ok: true };
  if (asked) return { ok: false, reason: 'You asked for it, and nobody approves their own promotion.', todo };
  if (trained)
    return { ok: false, reason: 'The run that made it is yours, and nobody approves their own model.', todo };
  if (isOne) return { ok: true };
  const yours = 'role' in approvers ? `yours is ${role}` : 'you are not in it';
  return { ok: false, reason: `It is decided by ${approversName(approvers)}, and ${yours}.`, todo };
}
