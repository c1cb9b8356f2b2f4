/** What the bot asks for when it is installed: commands, to write where it is spoken to, and to find its own messages again. */
export const botScopes = [
  'channels:history',
  'chat:write',
  'chat:write.public',
  'commands',
  'groups:history',
  'im:history',
  'im:write',
  'mpim:history',
] as const;
