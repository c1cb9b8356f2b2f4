import { startFakeSlack } from '../fakes/slack/fake.ts';
import { usualScopes } from '../fakes/slack/seed.ts';

export const signingSecret = 'signing-secret';
const channelsEach = 4;

/** Ids of the workspace with this index: where people type, and who they are. */
export function idsOf(index: number) {
  const number = String(index).padStart(6, '0');
  return {
    team: `T100${number}`,
    user: `U100${number}`,
    bot: `U900${number}`,
    token: `xoxb-${number}`,
    channels: Array.from({ length: channelsEach }, (_, i) => `C${i}00${number}`),
  };
}

/** Many workspaces with their limits of rate, each with some channels and somebody who trains. */
export function openTown(workspaces: number) {
  return startFakeSlack({
    seed: {
      app: { signingSecret },
      workspaces: Array.from({ length: workspaces }, (_, index) => {
        const { team, user, bot, token, channels } = idsOf(index);
        return {
          id: team,
          bot: { user: bot, id: `B900${team.slice(4)}` },
          tokens: { [token]: usualScopes },
          users: [{ id: user, name: 'trainer' }],
          channels: channels.map(id => ({ id, members: [bot, user] })),
        };
      }),
    },
  });
}
