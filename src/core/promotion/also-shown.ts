import { hasMessages, type Place } from '../actor.ts';
import type { Run } from '../run.ts';
import type { ModelEnvironment } from './model-keys.ts';

/**
 * Where a promotion is shown besides where it was asked for: where the run that made the version is talked about, and in the channel that
 * the environment names.
 */
export function alsoShownAt(
  run: Pick<Run, 'place'> | null,
  { channel }: Pick<ModelEnvironment, 'channel'>,
  asked: Place,
): Place[] {
  const of = run && isConversation(run.place) ? [run.place] : [];
  return [...of, ...(channel === undefined ? [] : [channelOf(channel, asked)])];
}

/** On an issue nothing was trained; a pull request is where the code is talked about. */
function isConversation(place: Place): boolean {
  return hasMessages(place) && (place.kind !== 'github' || place.pull);
}

/** Nobody's own: where Signalbox was not invited, it is shown to nobody instead. */
function channelOf(text: string, asked: Place): Place {
  const [team = '', channel = ''] = text.split('/');
  const isSame = asked.kind === 'slack' && asked.team === team;
  const enterprise = isSame && asked.enterprise !== undefined ? { enterprise: asked.enterprise } : {};
  return { kind: 'slack', team, ...enterprise, channel, user: '' };
}
