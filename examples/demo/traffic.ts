import type { Image } from './images.ts';
import { pause } from './interruption.ts';

export interface Answered {
  status: number;
  /** Which version answered, as the front says it; null: none did. */
  version: number | null;
  /** Whether it is what the image shows. */
  right: boolean;
  /** As it came. */
  text: string;
}

export interface Tally {
  answers: number;
  errors: number;
  right: number;
}

/** So long it is quiet between two of them. */
const betweenMs = 20;

/** One image at the server. */
export async function ask(url: string, { pixels, label }: Image): Promise<Answered> {
  try {
    const response = await fetch(`${url}/predict`, { method: 'POST', body: JSON.stringify(pixels) });
    const text = (await response.text()).trim();
    const version = response.headers.get('x-signalbox-version');
    const { digit } = JSON.parse(text) as { digit?: number };
    return {
      status: response.status,
      version: version === null ? null : Number(version),
      right: response.ok && digit === label,
      text,
    };
  } catch {
    return { status: 0, version: null, right: false, text: '' };
  }
}

/** Asks one image after the other until it is stopped, and counts who answered how. */
export function traffic(url: string, images: readonly Image[]) {
  const tallies = new Map<number, Tally>();
  let going = true;
  const done = (async () => {
    for (let i = 0; going; i = (i + 1) % images.length) {
      const image = images[i];
      if (!image) return;
      const { status, version, right } = await ask(url, image);
      if (version !== null) {
        const tally = tallies.get(version) ?? { answers: 0, errors: 0, right: 0 };
        tally.answers += 1;
        tally.errors += Number(status >= 500);
        tally.right += Number(right);
        tallies.set(version, tally);
      }
      await pause(betweenMs);
    }
    // Whoever waits for something else hears that it was interrupted.
  })().catch(() => {});
  return {
    async stop(): Promise<ReadonlyMap<number, Tally>> {
      going = false;
      await done;
      return tallies;
    },
  };
}
