/** What is wrong with a file that somebody wrote, and where; lines and columns count from 1. */
export interface FileProblem {
  line: number;
  column: number;
  word: string;
  /** A sentence. */
  reason: string;
  allowed?: readonly string[];
  nearest?: string | undefined;
}
