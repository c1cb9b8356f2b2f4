import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SignalboxError } from '../../core/errors.ts';
import { createOnce, readJson } from './files.ts';
import { type Identity, identify, isAlive } from './processes.ts';

const holderSchema = z.object({ pid: z.int(), start: z.string(), boot: z.string() });

/**
 * Makes this process the one agent of a pool on this machine; returns what gives that up. The lock of a process that is gone is taken
 * over. Throws AGENT_RUNNING.
 */
export function takeLock(folder: string, pool: string): () => void {
  const path = join(folder, 'agent.lock');
  const self = identify(process.pid);
  if (!self) throw new Error('this process cannot be seen in the process table');
  const content = JSON.stringify(self);
  for (let tries = 0; tries < 100; tries++) {
    if (createOnce(path, self))
      return () => {
        if (textOf(path) === content) rmSync(path, { force: true });
      };
    const seen = textOf(path);
    if (seen === null) continue;
    const holder = holderIn(path);
    if (holder && isAlive(holder)) throw new SignalboxError('AGENT_RUNNING', { word: pool, pid: holder.pid });
    removeStale(path, seen, holder, self);
  }
  throw new SignalboxError('AGENT_RUNNING', { word: pool });
}

/** Only one of several that saw the same stale lock may remove it: else the second would remove the lock of the first. */
function removeStale(path: string, seen: string, holder: Identity | null, self: Identity): void {
  const claim = `${path}.after-${holder ? `${holder.pid}-${holder.start}` : 'unreadable'}`;
  if (!createOnce(claim, self)) {
    const claimer = holderIn(claim);
    if (!claimer || !isAlive(claimer)) rmSync(claim, { force: true });
    return;
  }
  if (textOf(path) === seen) rmSync(path, { force: true });
  rmSync(claim, { force: true });
}

function holderIn(path: string): Identity | null {
  return holderSchema.safeParse(readJson(path)).data ?? null;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
