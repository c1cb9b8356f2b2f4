import * as chat from './api-chat.ts';
import * as conversations from './api-conversations.ts';
import * as users from './api-users.ts';
import type { viewMethods } from './api-views.ts';
import { type Answer, type Call, conversationScope } from './call.ts';
import type { fileStore } from './files.ts';
import type { Tier } from './rates.ts';

export interface Method {
  tier: Tier;
  /** The scope without which it answers `missing_scope`; `null`: none, or the method looks itself. */
  scope: string | ((call: Call) => string) | null;
  run(call: Call): Answer;
}

interface Parts {
  views: ReturnType<typeof viewMethods>;
  files: ReturnType<typeof fileStore>;
}

/** The methods that a bot's token may call, with their tiers as Slack's reference has them. */
export function botMethods({ views, files }: Parts): Map<string, Method> {
  const reading = (call: Call) => conversationScope(call, 'read');
  const remembering = (call: Call) => conversationScope(call, 'history');
  const rows: [name: string, tier: Tier, scope: Method['scope'], run: (call: Call) => Answer][] = [
    ['auth.test', 'free', null, users.authTest],
    ['team.info', 3, 'team:read', users.team],
    ['bots.info', 3, 'users:read', users.bot],
    ['users.info', 4, 'users:read', users.info],
    ['users.list', 2, 'users:read', users.list],
    ['users.lookupByEmail', 3, 'users:read.email', users.lookupByEmail],
    ['usergroups.list', 2, 'usergroups:read', users.groups],
    ['usergroups.users.list', 2, 'usergroups:read', users.groupUsers],
    ['chat.postMessage', 'post', 'chat:write', chat.postMessage],
    ['chat.postEphemeral', 4, 'chat:write', chat.postEphemeral],
    ['chat.update', 3, 'chat:write', chat.updateMessage],
    ['chat.delete', 3, 'chat:write', chat.deleteMessage],
    ['chat.getPermalink', 'free', null, chat.getPermalink],
    ['reactions.add', 3, 'reactions:write', chat.addReaction],
    ['conversations.info', 3, reading, conversations.info],
    ['conversations.history', 3, remembering, conversations.history],
    ['conversations.replies', 3, remembering, conversations.replies],
    ['conversations.list', 2, null, conversations.list],
    ['conversations.members', 4, reading, conversations.members],
    ['conversations.join', 3, 'channels:join', conversations.join],
    ['conversations.open', 3, 'im:write', conversations.open],
    ['views.open', 4, null, views.open],
    ['views.push', 4, null, views.push],
    ['views.update', 4, null, views.update],
    ['views.publish', 4, null, views.publish],
    ['files.getUploadURLExternal', 4, 'files:write', files.getUploadUrl],
    ['files.completeUploadExternal', 4, 'files:write', files.complete],
  ];
  return new Map(rows.map(([name, tier, scope, run]) => [name, { tier, scope, run }]));
}
