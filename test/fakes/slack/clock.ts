/** Time as the workspace sees it: milliseconds since 1970. */
export interface Clock {
  now(): number;
  /** Acts once after `ms`, unless what it returns is called before. */
  later(ms: number, act: () => void): () => void;
}

export const wallClock: Clock = {
  now: () => Date.now(),
  later(ms, act) {
    const timer = setTimeout(act, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A clock that moves only when it is told to. What falls due on the way acts in its order, at its time. */
export function handClock(start = Date.UTC(2026, 0, 5, 9)): Clock & { advance(ms: number): void } {
  let now = start;
  let waiting: { at: number; act: () => void }[] = [];
  return {
    now: () => now,
    later(ms, act) {
      const entry = { at: now + ms, act };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter(other => other !== entry);
      };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        waiting = waiting.filter(other => other !== next);
        now = next.at;
        next.act();
      }
      now = end;
    },
  };
}
