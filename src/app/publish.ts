import {
  type ClaimedSurface,
  type Log,
  MessengerError,
  type MessengerPort,
  type RunStore,
  type SurfaceStore,
} from '../core/ports.ts';
import type { Reply } from '../core/reply.ts';
import { isEnd, type Run } from '../core/run.ts';
import { endedReply, runReply } from '../core/run-reply.ts';

export interface PublishPorts {
  surfaces: SurfaceStore;
  runs: RunStore;
  messenger: MessengerPort;
  /** Digest of a reply, to tell whether anything changed. */
  hash(content: Reply): string;
  /** Where what a run made lies, for people. */
  outputOf(run: Run): string | null;
  log: Log;
}

/** A message is edited at most this often: ten quick changes are one update. */
const editPauseMs = 1_500;
const threadPauseMs = 1_000;
const mostFailures = 30;

/**
 * Makes one surface show what is true now. Level-triggered: it renders the present, compares with what was last sent, and sends only
 * a difference. A first post is announced in the row before it leaves, and looked up by its nonce when its end is not known.
 */
export async function publish(id: string, ports: PublishPorts, clock: () => Date): Promise<void> {
  // 1. It is this worker's for some seconds, or somebody else's, or not due.
  const surface = await ports.surfaces.claim(id);
  if (!surface) return;
  try {
    await show(surface, ports, clock);
  } catch (err) {
    await giveBack(surface, err, ports);
  }
}

async function show(surface: ClaimedSurface, ports: PublishPorts, clock: () => Date): Promise<void> {
  // 2. What is true now.
  if (surface.kind === 'ended' && !surface.thread) {
    await ports.surfaces.failed(surface, 'waits for the message of the run', threadPauseMs);
    return;
  }
  const content = await contentOf(surface, ports, clock());
  if (!content) {
    await ports.surfaces.gaveUp(surface, 'its subject is gone');
    return;
  }
  const hash = ports.hash(content);
  if (hash === surface.shownHash) {
    await ports.surfaces.shown(surface, hash, surface.remote, 0);
    return;
  }

  // 3. A first post whose end was never heard of may be there already.
  let { remote } = surface;
  if (!remote && surface.postingSince)
    remote = await ports.messenger.find(surface.place, surface.nonce, surface.postingSince, surface.thread);
  if (!remote && !(await ports.surfaces.posting(surface))) return;

  // 4. Post or edit, and write down what is shown.
  const { place, nonce, thread } = surface;
  const sent = await ports.messenger.send({ place, content, nonce, remote, thread });
  await ports.surfaces.shown(surface, hash, sent.remote ?? remote, editPauseMs);
}

async function contentOf(surface: ClaimedSurface, ports: PublishPorts, now: Date): Promise<Reply | null> {
  if (surface.kind === 'note') return surface.content;
  const run = surface.run === null ? null : await ports.runs.get(surface.run);
  if (!run) return null;
  const metrics = await ports.runs.metrics(run.number);
  const output = isEnd(run.state) ? ports.outputOf(run) : null;
  if (surface.kind === 'ended') return endedReply(run, { metrics, output });
  return runReply(run, { metrics, output, ahead: await ports.runs.ahead(run) }, now);
}

async function giveBack(surface: ClaimedSurface, err: unknown, ports: PublishPorts): Promise<void> {
  const message = err instanceof Error ? err.message : String(err);
  const gone = err instanceof MessengerError && err.outcome === 'gone';
  if (gone || surface.attempts >= mostFailures) {
    ports.log.warn({ err, surface: surface.id }, 'a message is given up');
    await ports.surfaces.gaveUp(surface, message);
    return;
  }
  const wanted = err instanceof MessengerError ? err.afterMs : 0;
  ports.log.info({ err, surface: surface.id }, 'a message waits');
  await ports.surfaces.failed(
    surface,
    message,
    Math.max(wanted, Math.min(60_000, 500 * 2 ** surface.attempts)),
  );
}
