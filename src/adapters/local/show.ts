import { execFile } from 'node:child_process';

/** All readings together must be over well before an agent that says nothing counts as away. */
const timeoutMs = 4_000;

/** What a program prints, even where it fails in the end. `hung`: it did not end by itself; a program that is not there prints nothing. */
export function show(program: string, args: string[]): Promise<{ text: string; hung: boolean }> {
  return new Promise(resolve => {
    execFile(
      program,
      args,
      { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 4 << 20 },
      (err, stdout) => resolve({ text: stdout, hung: err?.killed === true }),
    );
  });
}
