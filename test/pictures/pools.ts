import type { Holdings } from '../../src/core/free-now.ts';
import type { Accelerator } from '../../src/core/ports.ts';
import { noon } from '../support/live-run.ts';

function accelerators(kind: 'gpu' | 'cpu', model: string, node: string, count: number): Accelerator[] {
  return Array.from({ length: count }, (_, index) => ({
    node,
    index,
    kind,
    model,
    resource: kind === 'gpu' ? 'nvidia.com/gpu' : 'cpu',
    device: null,
    memoryMb: 0,
    healthy: true,
  }));
}

const known = { seenAt: noon, reachable: true };

/** A desk, a room of machines that is half in use, and one that is out of reach. */
export const holdings: Holdings = {
  pools: [
    { ...known, name: 'local', accelerators: accelerators('cpu', 'x86_64', 'desk', 2) },
    {
      ...known,
      name: 'lab',
      accelerators: [
        ...accelerators('gpu', 'NVIDIA A100-SXM4-80GB', 'n1', 4),
        ...accelerators('gpu', 'NVIDIA H200', 'n2', 8),
        ...accelerators('cpu', 'x86_64', 'n1', 16),
      ],
    },
    { ...known, name: 'attic', reachable: false, accelerators: [] },
  ],
  held: [0, 1, 2].map(index => ({ pool: 'lab', node: 'n1', kind: 'gpu', index, run: 38 })),
  queued: [],
  freezes: [],
};
