import type { Ack } from './ack.ts';
import type { deliverer } from './deliver.ts';
import type { Workspace, World } from './world.ts';

/** An event on its way. It is told up to four times, until the app takes it. */
export interface EventDelivery {
  id: string;
  event: Record<string, unknown>;
  attempts: Ack[];
  state: 'trying' | 'taken' | 'given-up' | 'not-asked-for';
  /** The first attempt is over. */
  first: Promise<void>;
  /** It was taken or given up. */
  done: Promise<void>;
}

/** Before the second, third and fourth attempt, in milliseconds. */
const pauses = [0, 60_000, 300_000];

/** The Events API: what happens in a workspace, for those event types that the app has asked for. */
export function eventStream(world: World, { deliver }: ReturnType<typeof deliverer>) {
  const all: EventDelivery[] = [];

  function emit(workspace: Workspace, event: Record<string, unknown>, isShared = false): EventDelivery {
    const id = world.id('Ev');
    const delivery: EventDelivery = { id, event, attempts: [], state: 'trying', ...settled };
    all.push(delivery);
    if (!world.app.events.includes(String(event.type))) {
      delivery.state = 'not-asked-for';
      return delivery;
    }
    const payload = wrap(workspace, id, event, isShared);
    const attempt = async (): Promise<void> => {
      const before = delivery.attempts.at(-1);
      const number = delivery.attempts.length;
      const retry = before && { attempt: number, reason: before.problem ?? 'unknown_error' };
      const { ack } = await deliver({ type: 'events_api', payload, accepts: false, ...(retry && { retry }) });
      delivery.attempts.push(ack);
      if (ack.problem === null) delivery.state = 'taken';
      else if (ack.noRetry || number >= pauses.length) delivery.state = 'given-up';
    };
    delivery.first = attempt();
    delivery.done = delivery.first.then(() => goOn(delivery, attempt));
    return delivery;
  }

  async function goOn(delivery: EventDelivery, attempt: () => Promise<void>): Promise<void> {
    while (delivery.state === 'trying') {
      await pause(pauses[delivery.attempts.length - 1] ?? 0);
      await attempt();
    }
  }

  const pause = (ms: number) =>
    ms === 0 ? Promise.resolve() : new Promise<void>(resolve => world.clock.later(ms, resolve));

  function wrap(workspace: Workspace, id: string, event: Record<string, unknown>, isShared: boolean) {
    const { enterprise, orgInstall, bot } = workspace;
    return {
      token: 'verification-token',
      team_id: workspace.id,
      context_team_id: workspace.id,
      context_enterprise_id: enterprise?.id ?? null,
      ...(enterprise && { enterprise_id: enterprise.id }),
      api_app_id: world.app.id,
      event,
      type: 'event_callback',
      event_id: id,
      event_time: Math.floor(world.clock.now() / 1000),
      authorizations: [
        {
          enterprise_id: enterprise?.id ?? null,
          team_id: orgInstall ? null : workspace.id,
          user_id: bot.user,
          is_bot: true,
          is_enterprise_install: orgInstall,
        },
      ],
      is_ext_shared_channel: isShared,
    };
  }

  return { emit, all };
}

const settled = { first: Promise.resolve(), done: Promise.resolve() };
