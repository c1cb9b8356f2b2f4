import { notOnGitHub } from '../src/core/access.ts';
import { auditPerson, auditSubject } from '../src/core/audit-filter.ts';
import { defineCommand } from '../src/core/command.ts';
import { cleanLine } from '../src/core/format.ts';
import type { AuditRow } from '../src/core/ports.ts';
import { reply } from '../src/core/reply.ts';

const usualLimit = 20;
const longestDetails = 120;
const example = 'signalbox audit #42';

/** Who did what, and what was refused, newest first. */
export const signalboxAudit = defineCommand({
  path: ['signalbox', 'audit'],
  summary: 'See who did what, and what was refused.',
  access: 'operator',
  places: notOnGitHub,
  scope: 'admin',
  arguments: [
    {
      name: 'subject',
      kind: 'word',
      summary: 'Only about this: a run such as #42, or token:ci, slack:T0123.',
    },
  ],
  flags: [
    { name: 'by', kind: 'text', summary: 'Only by this person or token: a name or an identity.' },
    { name: 'since', kind: 'duration', summary: 'Only what is not older than this.' },
    { name: 'action', kind: 'word', summary: 'Only this action, such as run.cancelled or command.refused.' },
    { name: 'limit', kind: 'count', summary: `How many; ${usualLimit} otherwise.`, min: 1, max: 90 },
  ],
  examples: [example, 'signalbox audit --by octocat --since 7d', 'signalbox audit --action command.refused'],
  needs: ['audit', 'links'],
  async run({ subject, by, since, action, limit = usualLimit }, { policy, now }, { audit, links }) {
    const about = subject === undefined ? undefined : auditSubject(subject);
    if (about === null) {
      const allowed = 'a run such as #42, or a kind and a name such as token:ci';
      const details = { word: subject, name: '<subject>', allowed, nearest: `--by ${subject}`, example };
      return { ok: false, code: 'VALUE_INVALID', details };
    }
    const found = await audit.list({
      limit,
      action,
      subject: about,
      by: by === undefined ? undefined : auditPerson(by, policy.people, await links.all()),
      since: since === undefined ? undefined : new Date(now.getTime() - since * 1_000),
    });
    const data = { entries: found.map(entryJson) };
    if (found.length === 0)
      return { ok: true, reply: reply('The audit log has no such entries.', [], { data }) };
    // What a phone shows first is who did what; the newest come first anyway.
    const columns = [
      { title: 'Row', align: 'right' as const },
      { title: 'Who' },
      { title: 'Action' },
      { title: 'Subject' },
      { title: 'Details' },
      { title: 'When (UTC)' },
    ];
    const title =
      found.length === 1
        ? 'One entry of the audit log:'
        : `The newest ${found.length} entries of the audit log:`;
    return { ok: true, reply: reply(title, [{ kind: 'table', columns, rows: found.map(rowOf) }], { data }) };
  },
});

function rowOf({ seq, at, actor, action, subject, details }: AuditRow): string[] {
  const who = actor.kind === 'token' ? `${actor.name} (token)` : actor.name;
  const when = at.toISOString().slice(0, 19).replace('T', ' ');
  return [String(seq), who, action, subject, sentenceOf(details), when];
}

/** The facts of an entry in one line: what was refused with its code, else what people would ask for first. */
function sentenceOf(details: AuditRow['details']): string {
  const { code, words, reason, why, project, sha, name } = details;
  const commit = typeof sha === 'string' ? sha.slice(0, 12) : undefined;
  const facts = [code, words, reason, why, project, commit, name].filter(one => typeof one === 'string');
  return cleanLine(facts.join(': '), longestDetails);
}

function entryJson({ at, ...entry }: AuditRow) {
  return { ...entry, at: at.toISOString() };
}
