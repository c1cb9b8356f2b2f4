/** The nearest-rank percentile: the smallest value that at least `share` (0 to 1) of them do not exceed. NaN of none. */
export function percentile(values: Float64Array | number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** Three figures after the point. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
