import { isRecord, need, structure, text } from './args.ts';
import { type Answer, type Call, ownChannel } from './call.ts';
import { badArguments, SlackError } from './error.ts';
import { addMessage, threadOf } from './messages.ts';
import type { World } from './world.ts';

export interface File {
  id: string;
  team: string;
  name: string;
  title: string;
  length: number;
  bytes: Uint8Array | null;
  state: 'awaited' | 'uploaded' | 'processing' | 'ready';
  channel: string | null;
}

/** Uploads: an address for the bytes, the bytes, and the word that they are complete. Only some time later the file is shared. */
export function fileStore(world: World, origin: () => string) {
  const files = new Map<string, File>();
  const tickets = new Map<string, string>();

  function getUploadUrl({ workspace, args }: Call): Answer {
    const name = need(args, 'filename');
    const length = Number(need(args, 'length'));
    if (!Number.isInteger(length) || length <= 0)
      throw badArguments('must provide an integer [json-pointer:/length]');
    const id = world.id('F');
    const ticket = world.secret();
    const file: File = {
      id,
      team: workspace.id,
      name,
      title: name,
      length,
      bytes: null,
      state: 'awaited',
      channel: null,
    };
    files.set(id, file);
    tickets.set(ticket, id);
    return { upload_url: `${origin()}/upload/v1/${ticket}`, file_id: id };
  }

  /** The status and body with which Slack's upload address answers. */
  function upload(ticket: string, bytes: Uint8Array): { status: number; body: string } {
    const file = files.get(tickets.get(ticket) ?? '');
    if (file?.state !== 'awaited') return { status: 404, body: 'not found' };
    if (bytes.length !== file.length)
      return { status: 400, body: 'the length is not the one that was announced' };
    Object.assign(file, { bytes, state: 'uploaded' });
    return { status: 200, body: `OK - ${bytes.length}` };
  }

  function complete(call: Call): Answer {
    const { workspace, args } = call;
    const given = structure(args, 'files', 'invalid_arguments');
    if (!Array.isArray(given) || given.length === 0) throw badArguments('missing required field: files');
    const wanted = given.filter(isRecord).map(({ id, title }) => ({ file: files.get(String(id)), title }));
    const found = wanted.flatMap(({ file, title }) => {
      if (!file || file.team !== workspace.id || file.state !== 'uploaded')
        throw new SlackError('file_not_found');
      return [{ file, title: typeof title === 'string' ? title : file.name }];
    });
    const place = text(args, 'channel_id');
    if (place !== '' && !/^[CGDZ][A-Z0-9]{8,}$/.test(place))
      throw badArguments('input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel_id]');
    const channel = place === '' ? null : ownChannel(call, place);
    if (channel?.archived) throw new SlackError('posting_to_channel_denied');
    const thread = channel ? threadOf(channel, text(args, 'thread_ts')) : undefined;
    for (const { file, title } of found)
      Object.assign(file, { title, state: 'processing', channel: channel?.id ?? null });
    const shown = found.map(({ file }) => ({ id: file.id, title: file.title }));
    world.clock.later(world.app.fileProcessingMs, () => {
      for (const { file } of found) file.state = 'ready';
      if (!channel) return;
      const comment = { text: text(args, 'initial_comment') };
      addMessage(world, workspace, channel, comment, { files: shown, ...(thread && { thread_ts: thread }) });
    });
    return { files: shown };
  }

  return { getUploadUrl, upload, complete, all: () => [...files.values()] };
}
