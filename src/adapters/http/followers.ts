import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../../core/ports.ts';
import type { Answer } from './route.ts';

type StreamAnswer = Extract<Answer, { live: boolean }>;

export interface Followers {
  full(): boolean;
  isFollower(response: ServerResponse): boolean;
  /** Sends a stream to its end, or to the end of its reader. */
  send(response: ServerResponse, answer: StreamAnswer): Promise<void>;
  /** Cuts everybody off. A cut stream is not a finished one: its reader knows that there is more. */
  stop(): void;
}

/** Those who follow runs, at most `limit` at once, and whoever else reads a stream. */
export function followerSet(limit: number, log: Log): Followers {
  const following = new Set<ServerResponse>();
  const followers = new WeakSet<ServerResponse>();
  return {
    full: () => following.size >= limit,
    isFollower: response => followers.has(response),
    send: async (response, { status, headers, live, stream }) => {
      const gone = new AbortController();
      if (live) {
        following.add(response);
        followers.add(response);
      }
      response.once('close', () => {
        gone.abort();
        following.delete(response);
      });
      response.writeHead(status, headers);
      response.flushHeaders();
      try {
        await pipeline(Readable.from(stream(gone.signal)), response);
      } catch (err) {
        if (!isReaderGone(err)) log.warn({ err }, 'stream cut off');
      }
    },
    stop: () => {
      for (const response of following) response.destroy();
    },
  };
}

function isReaderGone(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
