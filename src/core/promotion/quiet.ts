import { type QuietHours, type Weekday, weekdays } from './model-keys.ts';

/** How far it is looked for an end: quiet hours that follow on each other are one. */
const mostHours = 8 * 24;
const minuteMs = 60_000;

/** Since which moment it may begin again; null: it is not quiet now, `'never'`: it always is. */
export function quietUntil(quiet: readonly QuietHours[], now: Date): Date | 'never' | null {
  if (!quiet.some(one => isQuiet(one, now))) return null;
  // In whole minutes, which all edges are.
  const first = Math.floor(now.getTime() / minuteMs) + 1;
  for (let minute = first; minute <= first + mostHours * 60; minute += 1) {
    const at = new Date(minute * minuteMs);
    if (!quiet.some(one => isQuiet(one, at))) return at;
  }
  return 'never';
}

function isQuiet({ days, from, to, zone }: QuietHours, at: Date): boolean {
  const { day, time } = localTime(zone, at);
  return days.includes(day) && from <= time && time < to;
}

/** By zone: to make one takes longer than to use it. */
const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(zone: string, at: Date): { day: Weekday; time: string } {
  let format = formats.get(zone);
  if (!format) {
    const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
    format = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: zone });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const day = weekdays.find(one => one === parts.weekday?.toLowerCase()) ?? 'mon';
  return { day, time: `${parts.hour}:${parts.minute}` };
}
