import type { Place } from '../core/actor.ts';
import { MessengerError, type MessengerPort } from '../core/ports.ts';

/** Each place by its own messenger; those of no kind that shows messages refuse. */
export function messengers(byKind: Partial<Record<Place['kind'], MessengerPort>>): MessengerPort {
  const at = ({ kind }: Place): MessengerPort => {
    const found = byKind[kind];
    if (found) return found;
    throw new MessengerError(`A ${kind} place shows no messages.`, 'gone', 0);
  };
  return {
    send: async message => at(message.place).send(message),
    find: async (place, ...rest) => at(place).find(place, ...rest),
    home: async (place, content) => at(place).home(place, content),
    direct: async place => at(place).direct(place),
    async react(place, tone) {
      const { react } = at(place);
      if (!react) throw new MessengerError(`A ${place.kind} place has no signs.`, 'gone', 0);
      await react(place, tone);
    },
  };
}
