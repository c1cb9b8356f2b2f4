import type { PublishPorts } from '../../src/app/publish.ts';

/** There are none. */
export const noSweeps: Pick<PublishPorts, 'sweeps' | 'sweepCost'> = {
  sweeps: { get: async () => null, members: async () => [] },
  sweepCost: async () => ({ hours: 0, money: 0, currency: 'USD' }),
};
