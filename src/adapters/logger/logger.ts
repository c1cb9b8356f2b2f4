import { pino } from 'pino';
import type { Log } from '../../core/ports.ts';
import { redact } from '../../core/redact.ts';

/**
 * JSON lines on stderr (stdout belongs to what a command prints). Everything written passes `redact`, so that no caller has to think of
 * it; `secrets` are the values that this process was configured with.
 */
export function createLogger(
  level: string,
  secrets: readonly string[] = [],
  write = (line: string) => process.stderr.write(line),
): Log {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: errorFields },
    },
    // JSON writes line breaks inside values as \n, so one entry is one line whatever an error says.
    { write: line => void write(redact(line, secrets)) },
  );
}

const deepestCause = 4;

/** The fields that help. Drivers hang whole connections, passwords included, on their errors: those stay out. */
function errorFields(err: unknown, depth = 0): unknown {
  if (!(err instanceof Error)) return typeof err === 'string' ? err : { type: typeof err };
  const code =
    'code' in err && (typeof err.code === 'string' || typeof err.code === 'number') ? err.code : undefined;
  const cause =
    err.cause !== undefined && depth < deepestCause ? errorFields(err.cause, depth + 1) : undefined;
  return { type: err.name, message: err.message, code, stack: err.stack, cause };
}
