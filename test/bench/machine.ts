import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the figures were measured on, in one line. */
export function machine(): string {
  const cores = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [
    `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown processor'}`,
    memory,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
  ].join(', ');
}

/** Why figures from now would say more about other work on this machine than about what is measured, or null. */
export function disturbed(): string | null {
  const [load = 0] = loadavg();
  if (load < cpus().length / 4) return null;
  return `other programs keep this machine busy (load ${load.toFixed(1)}): the slowest percent will be theirs`;
}
