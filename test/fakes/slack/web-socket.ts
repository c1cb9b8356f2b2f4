import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/* The server's side of RFC 6455, as far as Socket Mode needs it: text, ping, pong and close, one frame each. */

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;

export interface WebSocketLine {
  send(text: string): void;
  ping(): void;
  /** Says goodbye and waits for the other side to do so. */
  close(code?: number): void;
  /** Breaks the line, as a network does. */
  drop(): void;
}

interface Listeners {
  onText(text: string): void;
  onEnd(): void;
}

/** Completes the handshake. Throws where the request is none. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  { onText, onEnd }: Listeners,
): WebSocketLine {
  const key = request.headers['sec-websocket-key'];
  if (!key) throw new Error('The request has no Sec-WebSocket-Key.');
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let pending = Buffer.alloc(0);
  let ended = false;

  const write = (opcode: number, payload: Uint8Array) => {
    if (!socket.destroyed && socket.writable) socket.write(frame(opcode, payload));
  };
  const end = () => {
    if (ended) return;
    ended = true;
    onEnd();
  };

  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const read = readFrame(pending);
      if (!read) return;
      pending = pending.subarray(read.size);
      if (read.opcode === opcodes.text) onText(read.payload.toString());
      if (read.opcode === opcodes.ping) write(opcodes.pong, read.payload);
      if (read.opcode === opcodes.close) {
        write(opcodes.close, read.payload.subarray(0, 2));
        socket.end();
        end();
      }
    }
  });
  socket.on('close', end);
  socket.on('error', () => socket.destroy());

  return {
    send: text => write(opcodes.text, Buffer.from(text)),
    ping: () => write(opcodes.ping, Buffer.from('Ping from applink')),
    close(code = 1000) {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      write(opcodes.close, payload);
    },
    drop() {
      socket.destroy();
      end();
    },
  };
}

/** A frame from the server, which is never masked. */
function frame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** The first frame in the bytes, or `null` while it is not whole. A client's frames are masked. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | null {
  if (bytes.length < 2) return null;
  const opcode = bytes.readUInt8(0) & 0x0f;
  const masked = (bytes.readUInt8(1) & 0x80) !== 0;
  const short = bytes.readUInt8(1) & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + (masked ? 4 : 0);
  if (bytes.length < start) return null;
  const length =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < start + length) return null;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (masked)
    for (let at = 0; at < length; at++)
      payload.writeUInt8(payload.readUInt8(at) ^ bytes.readUInt8(start - 4 + (at % 4)), at);
  return { opcode, payload, size: start + length };
}
