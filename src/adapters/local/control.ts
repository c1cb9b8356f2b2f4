import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { agentSyncResponse } from '../../core/agent-protocol.ts';
import { failureClasses, stopReasons } from '../../core/run.ts';
import { readJson } from './files.ts';
import { logOffsets } from './log-writer.ts';
import { asLimit, controlFiles } from './plan.ts';

export const assignmentSchema = agentSyncResponse.shape.assignments.element;
export type Assigned = z.infer<typeof assignmentSchema>;

/** As it lies on disk: with the key under which this machine takes it, but from an agent from before there were keys. */
const claimSchema = assignmentSchema.extend({ take: z.string().optional() });
export type Claim = z.infer<typeof claimSchema>;

const identity = z.object({ pid: z.int().positive(), start: z.string(), boot: z.string() });
const instant = z.iso.datetime().transform(text => new Date(text));

/** How an attempt ended, as written down on the machine. */
const endSchema = z.object({
  code: z.int().nullable(),
  signal: z.string().nullable(),
  stopped: z.enum(stopReasons).nullable(),
  failure: z.object({ class: z.enum(failureClasses), message: z.string() }).nullable(),
  at: instant,
});
export type End = z.infer<typeof endSchema>;

const launchedSchema = z.discriminatedUnion('by', [
  identity.extend({ by: z.literal('supervisor') }),
  /** The command never ran and never will. */
  z.object({ by: z.literal('agent'), exit: endSchema }),
]);
const childSchema = identity.extend({ at: instant });
const lostSchema = z.object({ reason: z.string() });
const outputsSchema = z.object({
  failure: z.string().nullable(),
  /** It was stopped before. */
  stopped: z.enum(stopReasons).nullable(),
});
const stopSchema = z.object({ reason: z.enum(stopReasons) });

/** Folders of a run and of one of its attempts. `output` and `checkpoints` are those of the run, and stay. */
export function attemptFolders(agentDir: string, run: number, attempt: number) {
  const ofRun = join(agentDir, 'runs', String(run));
  const folder = join(ofRun, String(attempt));
  const control = join(folder, 'control');
  return {
    ofRun,
    folder,
    control,
    work: join(folder, 'work'),
    home: join(folder, 'home'),
    temporary: join(folder, 'tmp'),
    /** Where its command may write its metrics. */
    metrics: join(folder, 'metrics.jsonl'),
    output: join(ofRun, 'output'),
    checkpoints: join(ofRun, 'checkpoints'),
    /** Remains when the attempt is forgotten, so that it is never started again. */
    tombstone: join(ofRun, `forgotten-${attempt}`),
    files: controlFiles(control),
  };
}
export type AttemptFolders = ReturnType<typeof attemptFolders>;

/** All that the control folder says of an attempt now. */
export function readControl({ files }: AttemptFolders) {
  const launched = parse(launchedSchema, files.launched);
  return {
    launched,
    supervisor: launched?.by === 'supervisor' ? launched : null,
    child: parse(childSchema, files.child),
    end: launched?.by === 'agent' ? launched.exit : parse(endSchema, files.exit),
    lost: parse(lostSchema, files.lost),
  };
}

export function readClaim({ files }: AttemptFolders): Claim | null {
  return parse(claimSchema, files.assignment);
}

/** What became of its outputs; null: not known yet. */
export function readOutputs({ files }: AttemptFolders): z.infer<typeof outputsSchema> | null {
  return parse(outputsSchema, files.outputs);
}

export function readStop({ files }: AttemptFolders): z.infer<typeof stopSchema> | null {
  return parse(stopSchema, files.stop);
}

/** The time limit that the supervisor was given since it began, in seconds. */
export function readLimit({ files }: AttemptFolders): number | null {
  return asLimit(readJson(files.limit));
}

/** The last lines of an attempt's log, each cut to 500 characters. */
export function lastLines(logFolder: string, count: number): string[] {
  const newest = logOffsets(logFolder).at(-1);
  if (newest === undefined) return [];
  const file = openSync(join(logFolder, `${newest}.log`), 'r');
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, 256 * 1024));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes.toString('utf8').replace(/\n$/, '').split('\n');
    return lines
      .slice(bytes.length < size ? 1 : 0)
      .slice(-count)
      .map(line => line.slice(0, 500));
  } finally {
    closeSync(file);
  }
}

function parse<T>(schema: z.ZodType<T>, path: string): T | null {
  const result = schema.safeParse(readJson(path));
  return result.success ? result.data : null;
}
