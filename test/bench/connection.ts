import { connect, type Socket } from 'node:net';

/** A kept connection to an HTTP/1.1 server that carries one request at a time. */
export interface Connection {
  /** Writes a whole request; `done` hears the status when all of the answer is there, 0 when the connection broke. */
  send(request: Buffer, done: (status: number) => void): void;
  close(): void;
}

/** A socket and no HTTP client: what measures must cost as little as it can. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = await open(port);
  let waiting: ((status: number) => void) | null = null;
  let seen = '';

  function finish(status: number): void {
    const done = waiting;
    waiting = null;
    seen = '';
    done?.(status);
  }

  socket.on('data', chunk => {
    seen += chunk.toString('latin1');
    if (isWhole(seen)) finish(Number(seen.slice(9, 12)));
  });
  socket.on('error', () => finish(0));
  socket.on('close', () => finish(0));

  return {
    send: (request, done) => {
      if (socket.destroyed) return done(0);
      waiting = done;
      socket.write(request);
    },
    close: () => socket.destroy(),
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = answer.slice(0, end).toLowerCase();
  if (head.includes('\r\ntransfer-encoding: chunked')) return answer.endsWith('0\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  return answer.length - end - 4 >= Number(length ?? 0);
}
