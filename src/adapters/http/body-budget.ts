export interface Body {
  /** `too-large`: over its own limit. `no-room`: over what all bodies together may hold. Nothing is kept then. */
  add(chunk: Buffer): 'kept' | 'too-large' | 'no-room';
  bytes(): Buffer;
  /** Gives its room back; may be called again. */
  free(): void;
}

export interface BodyBudget {
  /** `limitBytes`: what the sender promises, or else what is read at most. */
  open(limitBytes: number): Body;
  heldBytes(): number;
}

/** Up to here a body is small: all that people's clicks and commands make. */
const smallBytes = 64 * 1024;

/**
 * Room in memory for the bodies that are being read or worked on, over all senders. Small bodies have a quarter of it for themselves and
 * count by what they hold, so that a sender who only promises takes nothing from them. A body that outgrows that takes the room for
 * all of it at once, or none: many large ones, half read each, would fill the memory and finish nothing.
 */
export function bodyBudget(totalBytes: number): BodyBudget {
  const small = counter(totalBytes / 4);
  const large = counter(totalBytes - totalBytes / 4);

  function open(limitBytes: number): Body {
    let buffer: Buffer = Buffer.alloc(0);
    let size = 0;
    let inSmall = 0;
    let inLarge = 0;

    function room(needed: number): boolean {
      if (needed <= smallBytes) {
        // What is kept counts, not how it was cut: each chunk on its own would cost a hundred bytes more than it holds.
        const capacity = size === 0 ? needed : Math.min(smallBytes, needed * 2);
        if (!small.move(capacity - inSmall)) return false;
        inSmall = capacity;
        return true;
      }
      if (!large.move(limitBytes)) return false;
      inLarge = limitBytes;
      small.move(-inSmall);
      inSmall = 0;
      return true;
    }

    return {
      add: chunk => {
        const needed = size + chunk.length;
        if (needed > limitBytes) return 'too-large';
        if (needed > buffer.length) {
          if (!room(needed)) return 'no-room';
          if (size === 0 && inLarge === 0) {
            buffer = chunk;
            size = needed;
            return 'kept';
          }
          const larger = Buffer.allocUnsafeSlow(inSmall + inLarge);
          buffer.copy(larger, 0, 0, size);
          buffer = larger;
        }
        chunk.copy(buffer, size);
        size = needed;
        return 'kept';
      },
      bytes: () => buffer.subarray(0, size),
      free: () => {
        small.move(-inSmall);
        large.move(-inLarge);
        inSmall = 0;
        inLarge = 0;
        buffer = Buffer.alloc(0);
        size = 0;
      },
    };
  }

  return { open, heldBytes: () => small.held() + large.held() };
}

function counter(limit: number): { move(bytes: number): boolean; held(): number } {
  let held = 0;
  return {
    held: () => held,
    move: bytes => {
      if (held + bytes > limit) return false;
      held += bytes;
      return true;
    },
  };
}
