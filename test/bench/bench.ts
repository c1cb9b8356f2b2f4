/** One line of a benchmark's table. Times in milliseconds. */
export interface Row {
  who: string;
  /** Done per second. */
  per_s: number;
  p50_ms: number;
  p99_ms: number;
  [more: string]: number | string;
}

export interface Outcome {
  rows: Row[];
  /** What QUALITY asks about, always Signalbox over its peer. */
  ratio: number;
}

export interface Bench {
  name: string;
  about: string;
  /** `say` is told what is being done. Throws where the figures would mean nothing. */
  run(say: (line: string) => void): Promise<Outcome>;
}
