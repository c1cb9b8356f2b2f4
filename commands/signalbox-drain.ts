import { hasMessages } from '../src/core/actor.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { type Freeze, freezeItem, unknownPool, workingIn, workingSentence } from '../src/core/freeze.ts';
import { freezeJson } from '../src/core/freeze-json.ts';
import type { PlanSnapshot } from '../src/core/ports.ts';
import { type Inline, reply } from '../src/core/reply.ts';

/** Lets a pool become empty: nothing new starts there, and what works goes on to its end. Without a pool, what is being drained. */
export const signalboxDrain = defineCommand({
  path: ['signalbox', 'drain'],
  summary: 'Let a pool become empty, or see those that do.',
  access: 'operator',
  scope: 'admin',
  arguments: [{ name: 'pool', kind: 'word', summary: 'The pool; without it, see what is being drained.' }],
  flags: [{ name: 'why', kind: 'text', summary: 'What those who wait are told.' }],
  examples: ['signalbox drain local --why "new disks"', 'signalbox drain'],
  needs: ['freezes', 'plan'],
  async run({ pool, why = '' }, { actor, place, policy, key, now }, { freezes, plan }) {
    if (pool === undefined) return list(await plan.snapshot(now));
    const unknown = unknownPool(pool, policy, named => `signalbox drain ${named}`);
    if (unknown) return unknown;
    const scope = { kind: 'pool', name: pool } as const;
    const wish = { key, kind: 'drain', scope, why, by: actor, place, at: now } as const;
    const { freeze, made } = await freezes.freeze(wish);
    const working = workingIn(pool, (await plan.snapshot(now)).held);
    const title = made
      ? `Pool ${pool} is being drained: nothing new starts there.`
      : `Pool ${pool} is being drained already.`;
    const told =
      working.length > 0 && hasMessages(place) && made ? ' You are told when the last has ended.' : '';
    const blocks = [
      { kind: 'text' as const, text: [`${workingSentence(working)}${told}`] },
      { kind: 'list' as const, items: [freezeItem(freeze)] },
    ];
    const data = { made, ...freezeJson(freeze), working };
    return { ok: true, reply: reply(title, blocks, { tone: 'warning', data }) };
  },
});

function list({ freezes, held }: PlanSnapshot): Outcome {
  const found = freezes
    .filter(one => one.kind === 'drain')
    .map(freeze => ({ freeze, working: workingOf(freeze, held) }));
  const data = { drains: found.map(({ freeze, working }) => ({ ...freezeJson(freeze), working })) };
  if (found.length === 0) return { ok: true, reply: reply('No pool is being drained.', [], { data }) };
  const items = found.map(({ freeze, working }): Inline[] => [
    ...freezeItem(freeze),
    `. ${workingSentence(working)}`,
  ]);
  const title =
    found.length === 1 ? 'One pool is being drained:' : `${found.length} pools are being drained:`;
  return { ok: true, reply: reply(title, [{ kind: 'list', items }], { data }) };
}

function workingOf({ scope }: Freeze, held: PlanSnapshot['held']): number[] {
  return scope.kind === 'pool' ? workingIn(scope.name, held) : [];
}
