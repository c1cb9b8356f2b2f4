import { SignalboxError } from '../../core/errors.ts';

/** Lets so many do something at once; the others wait in their order. Throws `BUSY` where more than `mostWaiting` do. */
export function fewAtOnce(most: number, mostWaiting: number) {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (busy < most) busy++;
    else if (waiting.length >= mostWaiting)
      throw new SignalboxError('BUSY', { reason: 'Too much is reported at once.' });
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // Whoever is next has this one's place.
      if (next) next();
      else busy--;
    }
  };
}
