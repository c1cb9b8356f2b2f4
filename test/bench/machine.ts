import { cpus, release, totalmem, type } from 'node:os';

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
