import { commands } from '../../commands/index.ts';
import { faultReply } from '../../src/app/deliver.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { tellDrained } from '../../src/app/tell-drained.ts';
import type { Actor } from '../../src/core/actor.ts';
import type { Elevation } from '../../src/core/elevation.ts';
import type { Freeze } from '../../src/core/freeze.ts';
import type { AuditEntry, AuditRow, Token } from '../../src/core/ports.ts';
import type { Policy } from '../../src/core/project.ts';
import type { Reply } from '../../src/core/reply.ts';
import { later, noon } from '../support/live-run.ts';
import { type Memory, memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';
import type { Shown } from './replies.ts';

const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const place = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } as const;
const staffed: Policy = {
  ...policy,
  people: [
    { slack: 'T1/U1', name: 'octocat', role: 'operator', teams: ['research'] },
    { slack: 'T1/U2', name: 'hubot', role: 'trainer', teams: ['research'] },
  ],
};
const digits = policy.projects.digits;
const guarded: Policy = {
  ...staffed,
  environments: { production: { needs: 'operator', description: 'the models that customers see' } },
  projects: digits ? { digits: { ...digits, runsIn: 'production' } } : {},
};

const lab = { kind: 'pool', name: 'lab' } as const;
const frozen: Freeze = {
  ...{ id: 1, kind: 'freeze', scope: { kind: 'all' }, by: octocat, since: later(-900) },
  why: 'the shared file system is being moved, which takes until about three in the afternoon',
};
const draining: Freeze = {
  id: 2,
  kind: 'drain',
  scope: lab,
  why: 'new disks',
  by: octocat,
  since: later(-60),
};
const held = [38, 40, 41].map((run, index) => ({
  pool: 'lab',
  node: 'gpu-1',
  kind: 'gpu' as const,
  index,
  run,
}));
const elevation: Elevation = {
  ...{ id: 7, actor: hubot, why: 'runs fill the disk of gpu-1', review: null },
  ...{ openedAt: noon, until: later(3_600), endedAt: null },
};
const ended: Elevation = { ...elevation, id: 6, openedAt: later(-9_000), until: later(-5_400) };

const entries: AuditEntry[] = [
  {
    actor: octocat,
    action: 'run.requested',
    subject: 'run:42',
    outcome: 'done',
    details: { project: 'digits', sha: '9f2c41d07be3a5518c6b0d9e4f7a21c3d5e6f708' },
  },
  {
    actor: hubot,
    action: 'command.refused',
    subject: 'run:42',
    outcome: 'refused',
    details: { code: 'ACCESS_DENIED', words: 'train cancel 42', place: 'slack' },
  },
  {
    actor: { kind: 'token', id: 't1', name: 'ci' },
    action: 'token.refused',
    subject: 'token:t1',
    outcome: 'refused',
    details: { code: 'TOKEN_SCOPE', wanted: 'admin', place: 'http' },
  },
  {
    actor: { kind: 'system', id: 'signalbox', name: 'Signalbox' },
    action: 'webhook.refused',
    subject: 'webhook:slack',
    outcome: 'refused',
    details: { count: 501, reason: '501 refused: signature-wrong 500, no-timestamp 1' },
  },
  {
    actor: hubot,
    action: 'breakglass.opened',
    subject: 'breakglass:7',
    outcome: 'done',
    details: { why: elevation.why },
  },
];
const audit: AuditRow[] = entries.map((entry, i) => ({ ...entry, seq: 1_204 + i, at: later(i * 7) }));

const token: Token = {
  ...{ id: 'tk_4fz81c', name: 'ci', scopes: ['runs:read', 'runs:write'], pool: null },
  ...{ createdAt: later(-864_000), lastUsedAt: later(-120), revokedAt: null },
};
const tokens: Token[] = [
  token,
  { ...token, id: 'tk_9ak2mm', name: 'agent-lab', scopes: ['agent'], pool: 'lab', lastUsedAt: null },
  { ...token, id: 'tk_1xw7qd', name: 'old-notebook', revokedAt: later(-3_600) },
];

/** The answer to what somebody types in this world. */
async function said(words: string, world: Partial<Memory>, actor = octocat, by = staffed): Promise<Reply> {
  const ports = memoryPorts(memory(world));
  const silent = { ...ports.audit, append: async () => undefined };
  const intent = { key: 'slack:1', actor, place, wish: { kind: 'words', words } } as const;
  const deps = { commands, policy: by, ports: { ...ports, audit: silent } };
  const result = await dispatch(intent, deps, later(60));
  return result.ok ? result.reply : faultReply(result.fault);
}

async function drainedNotice(): Promise<Reply> {
  const notes: Reply[] = [];
  const addNote = async (_key: string, _place: unknown, content: Reply) => String(notes.push(content));
  const freezes = { drained: async () => [{ freeze: draining, place }], told: async () => undefined };
  await tellDrained({ freezes, surfaces: { addNote }, wakeups: { wake() {} } }, later(60));
  const [notice] = notes;
  if (!notice) throw new Error('nobody was told');
  return notice;
}

/** What operators pull, and what they and others see of it. */
export async function levers(): Promise<Record<string, Shown>> {
  const at = (reply: Reply): Shown => ({ reply, now: later(60) });
  return {
    audit: at(await said('signalbox audit', { audit })),
    'audit-none': at(await said('signalbox audit #9', {})),
    freeze: at(await said('signalbox freeze --pool lab --why "new driver"', { freezes: [frozen] })),
    unfreeze: at(await said('signalbox unfreeze', { freezes: [frozen, draining] })),
    drain: at(await said('signalbox drain lab --why "new disks"', { held })),
    'drain-list': at(await said('signalbox drain', { freezes: [draining], held })),
    drained: { ...at(await drainedNotice()), askedIn: 'C1' },
    undrain: at(await said('signalbox undrain lab', { freezes: [frozen, draining] })),
    'asked-frozen': at(await said('train digits', { freezes: [frozen] })),
    'wrong-environment': at(await said('train digits', {}, hubot, guarded)),
    breakglass: at(await said('signalbox breakglass --why "runs fill the disk of gpu-1"', {}, hubot)),
    'breakglass-again': at(await said('signalbox breakglass --why x', { elevations: [elevation] }, hubot)),
    'breakglass-end': at(await said('signalbox breakglass end', { elevations: [{ ...elevation }] }, hubot)),
    'breakglass-list': at(await said('signalbox breakglass list', { elevations: [ended, elevation] })),
    'breakglass-reviewed': at(
      await said('signalbox breakglass review 6 --verdict wrong --note "nothing was full; ask first"', {
        elevations: [{ ...ended }],
      }),
    ),
    tokens: at(await said('signalbox tokens', { tokens })),
  };
}
