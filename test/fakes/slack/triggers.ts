import { SlackError } from './error.ts';
import type { World } from './world.ts';

const lifeMs = 3_000;

export interface Trigger {
  team: string;
  user: string;
  /** The modal in which it came to be. */
  view: string | null;
  at: number;
  used: boolean;
}

/** Trigger ids: each opens one view, within three seconds. */
export function triggerIds(world: World) {
  const issued = new Map<string, Trigger>();
  return {
    issue(team: string, user: string, view: string | null = null): string {
      const id = `${issued.size + 1}.${world.clock.now()}.${world.secret()}`;
      issued.set(id, { team, user, view, at: world.clock.now(), used: false });
      return id;
    },
    /** Uses it up. Throws `invalid_trigger_id`, `exchanged_trigger_id` or `expired_trigger_id`. */
    take(id: string, team: string): Trigger {
      const trigger = issued.get(id);
      if (!trigger || trigger.team !== team) throw new SlackError('invalid_trigger_id');
      if (trigger.used) throw new SlackError('exchanged_trigger_id');
      if (world.clock.now() - trigger.at > lifeMs) throw new SlackError('expired_trigger_id');
      trigger.used = true;
      return trigger;
    },
  };
}
