/**
 * What the bot asks for when it is installed: commands, to write where it is spoken to, to share pictures of curves there, to find its own
 * messages again, and to see who is in which user group.
 */
export const botScopes = [
  'channels:history',
  'chat:write',
  'chat:write.public',
  'commands',
  'files:write',
  'groups:history',
  'im:history',
  'im:write',
  'mpim:history',
  'usergroups:read',
] as const;
