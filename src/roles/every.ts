/** Again and again with a pause between, until stopped; `stop` waits for the one under way. */
export function every(
  pauseMs: number,
  work: () => Promise<void>,
  failed: (err: unknown) => void,
): () => Promise<void> {
  let stopped = false;
  let wake = () => {};
  const pause = () =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, pauseMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const loop = (async () => {
    while (!stopped) {
      await work().catch(failed);
      if (!stopped) await pause();
    }
  })();
  return async () => {
    stopped = true;
    wake();
    await loop;
  };
}
