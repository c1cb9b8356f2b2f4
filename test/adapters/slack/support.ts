import type { Log } from '../../../src/core/ports.ts';

type LogLine = [level: string, fields: Record<string, unknown>, message: string];

/** A log that keeps what it is told. */
export function recordingLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: Record<string, unknown>, message: string) => {
    lines.push([level, fields, message]);
  };
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}
