import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scope, TokenStore } from '../core/ports.ts';

/**
 * A token for other processes of this machine (the command line, the agent), kept in a file that only this user may read. One that was
 * revoked, or belongs to another database, is replaced.
 */
export async function tokenFile(
  dataDir: string,
  wanted: { name: string; scopes: Scope[]; pool?: string },
  tokens: TokenStore,
  now: Date,
): Promise<string> {
  const path = tokenPath(dataDir, wanted.name);
  const known = await readToken(path);
  if (known && (await tokens.find(known))) return known;
  const { secret } = await tokens.create(wanted, now);
  await mkdir(dataDir, { recursive: true });
  // Processes that start together each write one of their own; the last one stays, and all of them count.
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  return secret;
}

export function tokenPath(dataDir: string, name: string): string {
  return join(dataDir, `${name}.token`);
}

export async function readToken(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim() || null;
  } catch {
    return null;
  }
}
