import { actorOf, type Who } from './payload.ts';
import type { View, Views } from './views.ts';
import type { Channel, Ephemeral, Message, World } from './world.ts';

interface In {
  channel: string;
  team?: string;
}

/** What there is to see in the workspace, past tokens and limits. */
export function readers(world: World, views: Views) {
  function channelOf({ channel: id, team }: In): Channel {
    const all = [...world.workspaces.values()].filter(
      workspace => team === undefined || workspace.id === team,
    );
    const found = all.flatMap(({ channels }) => channels.get(id) ?? [])[0];
    if (!found) throw new Error(`There is no channel ${id}.`);
    return found;
  }

  return {
    /** All messages of a channel with those in threads, oldest first. */
    messages: (place: In): Message[] => [...channelOf(place).messages.values()],
    /** The answers in a thread. */
    thread: (place: In & { ts: string }): Message[] => channelOf(place).replies.get(place.ts) ?? [],
    /** What this person alone sees in a channel. */
    ephemerals: (place: In & { user: string }): Ephemeral[] =>
      channelOf(place).ephemerals.filter(({ to }) => to === place.user),
    /** A person's open modals, the one on top last. */
    modals(who: Who): View[] {
      return views.open(actorOf(world, who).workspace.id, who.user);
    },
    /** What the app has published for this person. */
    home(who: Who): View | null {
      return views.home(actorOf(world, who).workspace.id, who.user) ?? null;
    },
  };
}
