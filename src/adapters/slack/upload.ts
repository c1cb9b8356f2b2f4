import type { AsBot } from './as-bot.ts';
import { statusError } from './failure.ts';

const timeoutMs = 10_000;

interface Where {
  team: string;
  enterprise?: string | undefined;
  channel: string;
  /** The first message of the thread. */
  thread: string;
}

/**
 * Shares a picture in a thread: an address is asked for, the bytes go there, and Slack is told that they are all (needs `files:write`, and
 * the bot in the channel). Slack reads it by itself, and shows it in the thread some moments later. Throws what a call threw.
 */
export async function sharePicture(
  asBot: AsBot,
  { channel, thread, ...where }: Where,
  { name, title, bytes }: { name: string; title: string; bytes: Uint8Array },
  uploadOrigins: readonly string[],
): Promise<void> {
  const given = await asBot(where, { method: 'files.getUploadURLExternal' }, client =>
    client.files.getUploadURLExternal({ filename: name, length: bytes.length }),
  );
  const { upload_url: address, file_id: id } = given;
  if (!address || !id || !isOf(address, uploadOrigins))
    throw new Error('Slack did not say where the file is to go');
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Uint8Array.from(bytes),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
  if (!response.ok) throw statusError(response.status);
  await asBot(where, { method: 'files.completeUploadExternal' }, client =>
    client.files.completeUploadExternal({ files: [{ id, title }], channel_id: channel, thread_ts: thread }),
  );
}

/** Bytes go nowhere but to Slack. */
function isOf(address: string, origins: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, protocol, hostname } = new URL(address);
  return origins.includes(origin) || (protocol === 'https:' && hostname.endsWith('.slack.com'));
}
