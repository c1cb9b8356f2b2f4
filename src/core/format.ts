/** Seconds for people, in its two largest units: `6.9 s`, `41 s`, `3 min 20 s`, `4 h 5 min`, `2 d 3 h`. */
export function formatDuration(seconds: number): string {
  const tenths = Math.round(seconds * 10) / 10;
  if (tenths > 0 && tenths < 10) return `${tenths} s`;
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    ['d', Math.floor(whole / 86_400)],
    ['h', Math.floor(whole / 3_600) % 24],
    ['min', Math.floor(whole / 60) % 60],
    ['s', whole % 60],
  ] as const;
  const first = units.findIndex(([, amount]) => amount > 0);
  if (first < 0) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([, amount]) => amount > 0)
    .map(([unit, amount]) => `${amount} ${unit}`)
    .join(' ');
}

/** Seconds from one moment to another; never less than 0, since clocks of two machines differ. */
export function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1000);
}

/** A number for people: whole from a thousand on (`184,214`), below with at most four digits that count (`0.9746`). */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size < 1_000 || size >= 1e15) return String(Number(value.toPrecision(4)));
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** A moment in a sentence, with its date only where it is not today's, so that the sentence stays the same all day. */
export function timeOfDay(at: Date, now: Date): string {
  const [day, clock] = at.toISOString().slice(0, 16).split('T');
  return now.toISOString().startsWith(`${day}T`) ? `${clock} UTC` : `${day} ${clock} UTC`;
}

/** `1 GPU`, `3 GPUs`. */
export function counted(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

/** A line of a log without what would move a terminal's cursor or colour it, cut to `limit` characters. */
export function cleanLine(line: string, limit: number): string {
  const clean = line
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these sequences begin with the escape character.
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.?)/g, '')
    .replace(/\t/g, '    ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');
  return clean.length > limit ? `${clean.slice(0, limit - 1)}…` : clean;
}

/** With a capital at its start. */
export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
