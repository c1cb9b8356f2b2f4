import { isRecord } from './args.ts';
import type { Delivery, deliverer } from './deliver.ts';
import { actorOf, channelName, placeOf, type Who } from './payload.ts';
import type { responseUrls } from './response-url.ts';
import type { triggerIds } from './triggers.ts';
import { nextTs, type World } from './world.ts';

interface Parts {
  world: World;
  triggers: ReturnType<typeof triggerIds>;
  urls: ReturnType<typeof responseUrls>;
  out: ReturnType<typeof deliverer>;
}

export interface Slash extends Who {
  channel: string;
  /** With its slash. */
  command: string;
  text?: string;
  /** Changes fields before they are signed, as an attacker with the secret could, or another version of Slack. */
  alter?(fields: Record<string, unknown>): Record<string, unknown>;
}

/** What came of a command. `shown`: what the person sees at once. */
export interface SlashResult {
  delivery: Delivery;
  triggerId: string;
  responseUrl: string;
  shown: 'nothing' | 'answer' | 'operation_timeout' | 'dispatch_failed' | 'invalid_answer';
}

/** Somebody types a command. The answer within three seconds is shown to them, or to all with `response_type: in_channel`. */
export function slashCommands({ world, triggers, urls, out }: Parts) {
  return async (slash: Slash): Promise<SlashResult> => {
    const { user, command } = slash;
    const { workspace, name } = actorOf(world, slash);
    const channel = placeOf(workspace, slash.channel, user);
    if (channel.archived) throw new Error(`${channel.id} is archived: nobody can type there.`);
    const place = { workspace, channel, user };
    const triggerId = triggers.issue(workspace.id, user);
    const responseUrl = urls.issue('commands', place);
    const { enterprise } = workspace;
    const fields = {
      token: 'verification-token',
      team_id: workspace.id,
      team_domain: workspace.domain,
      ...(enterprise && { enterprise_id: enterprise.id, enterprise_name: enterprise.name }),
      channel_id: channel.id,
      channel_name: channelName(channel),
      user_id: user,
      user_name: name,
      command,
      text: slash.text ?? '',
      api_app_id: world.app.id,
      is_enterprise_install: String(workspace.orgInstall),
      response_url: responseUrl,
      trigger_id: triggerId,
    };
    const payload = slash.alter?.(fields) ?? fields;
    const delivery = await out.deliver({ type: 'slash_commands', payload, accepts: true });
    const { problem, body } = delivery.ack;
    const result = { delivery, triggerId, responseUrl };
    if (problem) {
      const error = problem === 'http_timeout' ? 'operation_timeout' : 'dispatch_failed';
      const text = `${command} failed with the error "${error}"`;
      const ts = nextTs(world, channel);
      channel.ephemerals.push({ type: 'message', ts, user: 'USLACKBOT', team: workspace.id, text, to: user });
      return { ...result, shown: error };
    }
    const said = typeof body === 'string' ? { text: body } : body;
    if (!isRecord(said) || Object.keys(said).length === 0) return { ...result, shown: 'nothing' };
    try {
      urls.say({ ...place, original: null }, said);
      return { ...result, shown: 'answer' };
    } catch {
      return { ...result, shown: 'invalid_answer' };
    }
  };
}
