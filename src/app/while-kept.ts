/** Claims hold for six seconds; a living process keeps its own well within them. */
const keepEveryMs = 2_000;
const holdsMs = 5_000;
/** Longer than any work with its timeouts takes: what hangs beyond that is another worker's. */
const longestMs = 240_000;

/**
 * Keeps a claim for as long as the work takes. That of a process which is killed or paused runs out within seconds; that of slow work
 * does not. `holds` says whether it is still ours as far as this process can know: one that was paused asks before it acts.
 */
export async function whileKept<T>(
  keep: () => Promise<boolean>,
  work: (holds: () => boolean) => Promise<T>,
): Promise<T> {
  let keptAt = performance.now();
  let lost = false;
  const keepOn = async () => {
    const askedAt = performance.now();
    if (await keep()) keptAt = askedAt;
    else lost = true;
  };
  // One that cannot be kept, as the database is away, runs out.
  const keeping = setInterval(() => void keepOn().catch(() => {}), keepEveryMs);
  const limit = setTimeout(() => clearInterval(keeping), longestMs);
  try {
    return await work(() => !lost && performance.now() - keptAt < holdsMs);
  } finally {
    clearInterval(keeping);
    clearTimeout(limit);
  }
}
