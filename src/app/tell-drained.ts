import { hasMessages, type Place } from '../core/actor.ts';
import { capital } from '../core/format.ts';
import { scopeName } from '../core/freeze.ts';
import type { FreezeStore, SurfaceStore, Wakeups } from '../core/ports.ts';
import { reply } from '../core/reply.ts';

export interface TellDrainedPorts {
  freezes: Pick<FreezeStore, 'drained' | 'told'>;
  surfaces: Pick<SurfaceStore, 'addNote'>;
  wakeups: Wakeups;
}

/** Tells whoever drains a pool that its last run has ended. Made again after a crash, it is still said once. */
export async function tellDrained(ports: TellDrainedPorts, now: Date): Promise<void> {
  for (const { freeze, place } of await ports.freezes.drained()) {
    if (hasMessages(place)) {
      const title = `${capital(scopeName(freeze.scope))} is empty: its last run has ended.`;
      const name = freeze.scope.kind === 'all' ? '' : ` ${freeze.scope.name}`;
      const text = ['Nothing starts there until ', { command: `signalbox undrain${name}` }, '.'];
      const said = reply(title, [{ kind: 'text', text }], { tone: 'success' });
      const surface = await ports.surfaces.addNote(`drained:${freeze.id}`, lasting(place), said);
      ports.wakeups.wake([`surface:${surface}`]);
    }
    await ports.freezes.told(freeze.id, now);
  }
}

/** The address for answers holds for half an hour only. */
function lasting(place: Place): Place {
  return place.kind === 'slack' ? { ...place, responseUrl: undefined } : place;
}
