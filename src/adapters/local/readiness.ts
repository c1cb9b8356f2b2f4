const timeoutMs = 2_000;
/** One that was ready may be busy for a moment. */
const failuresInARow = 3;

/**
 * Asks what listens on a port of this machine whether it can serve. `look` begins a question unless one is open; `known`: null before the
 * first answer.
 */
export function readinessOf(port: number, path: string, changed: () => void) {
  let known: boolean | null = null;
  let failures = 0;
  let asking: Promise<void> | null = null;

  async function ask(): Promise<void> {
    const answered = await fetch(`http://127.0.0.1:${port}${path}`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
      .then(async answer => {
        await answer.body?.cancel();
        return answer.ok;
      })
      .catch(() => false);
    failures = answered ? 0 : failures + 1;
    const now = answered || (known === true && failures < failuresInARow);
    if (now === known) return;
    known = now;
    changed();
  }

  return {
    port,
    known: () => known,
    look(): void {
      asking ??= ask().finally(() => {
        asking = null;
      });
    },
    rest: async () => void (await asking),
  };
}
