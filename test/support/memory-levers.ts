import { actorKey } from '../../src/core/actor.ts';
import { isOpen, reviewable } from '../../src/core/elevation.ts';
import { scopeName } from '../../src/core/freeze.ts';
import type { Ports } from '../../src/core/ports.ts';
import type { Memory } from './memory-ports.ts';

const unused = () => {
  throw new Error('no command asks for this');
};

/** What operators hold back, who is one for a while, and tokens: plain values, as `memoryPorts` has the rest. */
export function leverPorts(m: Memory): Pick<Ports, 'freezes' | 'elevations' | 'tokens'> {
  const standing = (kind: string, what: string) =>
    m.freezes.find(one => one.kind === kind && scopeName(one.scope) === what);
  const newest = (person: string) => m.elevations.findLast(one => actorKey(one.actor) === person) ?? null;
  const openOf = (accounts: readonly string[], at: Date) =>
    m.elevations.find(one => accounts.includes(actorKey(one.actor)) && isOpen(one, at));
  return {
    freezes: {
      standing: async () => m.freezes,
      async freeze({ key, kind, scope, why, by, at }) {
        m.calls.push(`${kind} ${scopeName(scope)}`);
        const there = standing(kind, scopeName(scope));
        if (there) return { freeze: there, made: m.keys.get(key) === there.id };
        const freeze = { id: m.freezes.length + 1, kind, scope, why, by, since: at };
        m.freezes.push(freeze);
        m.keys.set(key, freeze.id);
        return { freeze, made: true };
      },
      async lift({ kind, scope }) {
        m.calls.push(`lift ${kind} ${scopeName(scope)}`);
        const there = standing(kind, scopeName(scope)) ?? null;
        m.freezes = m.freezes.filter(one => one !== there);
        return there;
      },
      drained: unused,
      told: unused,
    },
    elevations: {
      newestOf: async actor => newest(actorKey(actor)),
      async open({ key, actor, accounts, why, until, at }) {
        const last = openOf(accounts, at);
        if (last) return { elevation: last, made: m.keys.get(key) === last.id };
        const id = m.elevations.length + 1;
        const elevation = { id, actor, why, openedAt: at, until, endedAt: null, review: null };
        m.elevations.push(elevation);
        m.keys.set(key, id);
        return { elevation, made: true };
      },
      async end({ accounts, at }) {
        const last = openOf(accounts, at);
        if (!last) return null;
        last.endedAt = at;
        return last;
      },
      async review({ id, by, isSelf, verdict, note, at }) {
        const elevation = m.elevations.find(one => one.id === id);
        if (!elevation) return { ok: false, code: 'unknown' };
        const may = reviewable(elevation, by, isSelf(elevation.actor), at);
        if (!may.ok) return { ...may, elevation };
        elevation.review = { by, verdict, note, at };
        return { ok: true, elevation };
      },
      unreviewed: async () => m.elevations.filter(one => one.review === null),
    },
    tokens: {
      list: async () => m.tokens,
      async revoke(id, now, by) {
        m.calls.push(`revoke ${id} by ${by?.name}`);
        const token = m.tokens.find(one => one.id === id && one.revokedAt === null);
        if (token) token.revokedAt = now;
        return token !== undefined;
      },
    },
  };
}
