import { z } from 'zod';

/** `90s`, `15m`, `4h`, `2d` or a sum such as `1h30m`, as whole seconds. */
export function parseDuration(text: string): number | null {
  const parts = /^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$/.exec(text.trim());
  if (!parts || text.trim() === '') return null;
  const [days, hours, minutes, seconds] = parts.slice(1).map(part => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}

/** The same as it is typed, in its largest whole unit below a day: `90s`, `15m`, `48h`. */
export function typedDuration(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** A duration in `signalbox.yml`, as seconds. */
export const durationSchema = z.string().transform((text, context) => {
  const seconds = parseDuration(text);
  if (seconds !== null && seconds > 0) return seconds;
  context.addIssue({ code: 'custom', message: 'must be a duration such as 90s, 15m, 4h or 1h30m' });
  return z.NEVER;
});
