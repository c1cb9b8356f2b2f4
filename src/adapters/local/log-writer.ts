import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Secret, secretHider } from '../../core/hide-secrets.ts';
import { redact } from '../../core/redact.ts';

/** Longer lines are cut. */
const lineLength = 16_384;
const cutNote = ` [cut: a line of more than ${lineLength} characters]`;

/**
 * Writes a command's output as whole lines of clean text into files named for the offset of their first byte, `0.log` first, and removes
 * the oldest beyond `files`. Cleaning here makes an offset in these files the offset in what is delivered: bytes that are no UTF-8, and
 * NUL, become U+FFFD; a lone carriage return ends a line (progress bars); long lines are cut. Secrets are hidden before any of that: the
 * known ones by their value, others by their shape.
 */
export function logWriter(
  folder: string,
  { fileBytes, files }: { fileBytes: number; files: number },
  secrets: readonly Secret[] = [],
) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const hider = secretHider(secrets).stream();
  let rest = '';
  /** The line that goes on was cut: leave out what follows up to its end. */
  let cutting = false;
  let offset = 0;
  let size = 0;
  let file = openSync(join(folder, '0.log'), 'w', 0o600);
  let unwritten = 0;

  function put(lines: string[]): void {
    if (lines.length === 0) return;
    const missing = unwritten > 0 ? [`[${unwritten} lines could not be written: the disk refused them]`] : [];
    let bytes = Buffer.from(`${[...missing, ...lines.map(line => redact(line))].join('\n')}\n`);
    try {
      if (size > 0 && size + bytes.length > fileBytes) rotate();
      while (bytes.length > 0) {
        const written = writeSync(file, bytes);
        bytes = bytes.subarray(written);
        size += written;
        offset += written;
      }
      unwritten = 0;
    } catch {
      // A full disk must not end the run.
      unwritten += lines.length;
    }
  }

  function rotate(): void {
    const next = openSync(join(folder, `${offset}.log`), 'w', 0o600);
    closeSync(file);
    file = next;
    size = 0;
    for (const old of logOffsets(folder).slice(0, -files))
      rmSync(join(folder, `${old}.log`), { force: true });
  }

  function take(text: string, last: boolean): void {
    const parts = (rest + text.replaceAll('\0', '\ufffd')).split(last ? /\r*\n|\r+/ : /\r*\n|\r+(?!\r*$)/);
    rest = parts.pop() ?? '';
    const lines = parts.flatMap(line => {
      if (!cutting) return [line.length > lineLength ? cut(line) : line];
      cutting = false;
      return [];
    });
    if (cutting) rest = rest.endsWith('\r') ? '\r' : '';
    else if (rest.length > lineLength) {
      lines.push(cut(rest));
      rest = rest.endsWith('\r') ? '\r' : '';
      cutting = true;
    }
    if (last && rest !== '' && !cutting) lines.push(rest);
    put(lines);
  }

  return {
    write: (chunk: Uint8Array) => take(hider.take(decoder.decode(chunk, { stream: true })), false),
    /** A line of our own; only at the start or after `end`. */
    note: (line: string) => take(`${line}\n`, false),
    /** Writes the line that has no end, and makes sure that all of it is on disk. */
    end: () => {
      take(hider.take(decoder.decode()) + hider.end(), true);
      fsyncSync(file);
    },
  };
}

/** The first offset of each file that is kept, in order. */
export function logOffsets(folder: string): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .flatMap(name => (/^\d+\.log$/.test(name) ? [Number(name.slice(0, -4))] : []))
    .sort((a, b) => a - b);
}

function cut(line: string): string {
  return line.slice(0, lineLength).replace(/[\ud800-\udbff]$/, '') + cutNote;
}
