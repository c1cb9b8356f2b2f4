/**
 * What goes wrong with a request: `secondary` 403 and `too-many` 429, both with Retry-After, `server-error` 502 with a page, `cut` the line breaks before anything was
 * done, `silent` nothing is done and nothing answered, `lost` it is done and the line breaks, `silent-after` it is done and nothing answered.
 */
export type Fault = 'secondary' | 'too-many' | 'server-error' | 'cut' | 'silent' | 'lost' | 'silent-after';

/** Routes are named as GitHub's description names them: `POST /repos/{owner}/{repo}/check-runs`; Git is `git`; `*` is any. */
export function faultPlan() {
  let queue: { route: string; fault: Fault }[] = [];
  let gates: { route: string; open: Promise<void>; reached: () => void }[] = [];
  const matches = (one: { route: string }, route: string) => one.route === '*' || one.route === route;
  return {
    /** The next `times` requests of the route fail so. */
    next(route: string, fault: Fault, times = 1) {
      queue.push(...Array.from({ length: times }, () => ({ route, fault })));
    },
    clear() {
      queue = [];
    },
    take(route: string): Fault | null {
      const found = queue.find(one => matches(one, route));
      queue = queue.filter(one => one !== found);
      return found?.fault ?? null;
    },
    /** The next request of the route waits at the door until it is let in. */
    gate(route: string): { reached: Promise<void>; open: () => void } {
      const opened = Promise.withResolvers<void>();
      const reached = Promise.withResolvers<void>();
      gates.push({ route, open: opened.promise, reached: reached.resolve });
      return { reached: reached.promise, open: opened.resolve };
    },
    async pass(route: string): Promise<void> {
      const found = gates.find(one => matches(one, route));
      if (!found) return;
      gates = gates.filter(one => one !== found);
      found.reached();
      await found.open;
    },
  };
}
