import type { RunCharts } from '../../src/core/ports.ts';

/** Where nothing has a curve. */
export const noCharts: RunCharts = { of: async () => null, pictures: async () => null };
