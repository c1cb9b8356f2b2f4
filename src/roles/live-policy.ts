import { statSync } from 'node:fs';
import type { Config } from '../config.ts';
import type { Log } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { loadPolicy } from '../files/policy-file.ts';

export interface LivePolicy {
  /** As the file says it now, or said it last where it says nothing valid now. */
  current(): Policy;
  /** Is called after each change. */
  onChange(listener: (now: Policy) => void): void;
  close(): void;
}

const lookEveryMs = 500;

/**
 * `signalbox.yml`, read again when it changes: whoever is removed there may nothing from then on. A file that is not valid changes nothing
 * and is said in the log.
 */
export function livePolicy(config: Config, first: Policy, log: Log): LivePolicy {
  const { configPath: file } = config;
  let current = first;
  const listeners: ((now: Policy) => void)[] = [];
  // It may have changed since it was read the first time.
  let seen = '';

  function look(): void {
    try {
      const version = versionOf(file);
      if (version === seen) return;
      seen = version;
      const next = loadPolicy(config);
      if (JSON.stringify(next) === JSON.stringify(current)) return;
      current = next;
      log.info({ file }, 'signalbox.yml was read again');
      for (const listener of listeners) listener(next);
    } catch (err) {
      log.error({ err, file }, 'signalbox.yml is not valid, what it said before still holds');
    }
  }

  // By asking: what is mounted into a container is replaced by a link, which no event tells of.
  // It keeps no process alive: a boot that is refused ends.
  const looking = setInterval(look, lookEveryMs).unref();
  return {
    current: () => current,
    onChange: listener => void listeners.push(listener),
    close: () => clearInterval(looking),
  };
}

function versionOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : 'none';
}
